"""Confidence-based performance estimation of a binary classifier: what its metrics will be, from its scores alone.

A calibrated score p is the probability that the label is positive. Where the prediction is positive, the row is a true
positive with probability p and a false positive with 1 - p; where it is negative, a false negative with p and a true
negative with 1 - p. Sums of these are the expected confusion matrix, and from it come the metrics:

    TP = sum of p over predicted positives       FN = sum of p over predicted negatives
    accuracy = (TP + TN) / n    precision = TP / (TP + FP)    recall = TP / (TP + FN)    F1 = 2 TP / (2 TP + FP + FN)

ROC AUC is the expected number of pairs in order over the expected number of pairs. Each row gives p of a positive and
1 - p of a negative to one of 48 bins of p, and a pair within a bin counts half: what that costs says `score_bins`, whose
bins realised areas are made of too.

It holds for as long as p does: inputs may drift, but what a score means may not (no concept drift).

Source: NannyML documentation, "How it works: Estimation of Performance of the Monitored Model", section "Confidence-based
Performance Estimation (CBPE)", https://nannyml.readthedocs.io/en/stable/how_it_works/performance_estimation.html; also
Kivimäki, Białek, Nurminen, Kuberski, Confidence-based Estimators for Predictive Performance in Model Monitoring, JAIR 82
(2025), arXiv:2407.08649, where the number of true positives is a Poisson-binomial variable.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from driftline.processors.arrays import F64
from driftline.processors.estimation.tables import Tables, rounded, step_of
from driftline.processors.kernels import njit_uncounted
from driftline.processors.performance.score_bins import BINS, bin_of, bins_of, roc_auc, roc_auc_se
from driftline.processors.reference.performance import CalibrationCurve

N: Final = 0
"""Rows with a score; the others have no part in the estimate."""
PREDICTED: Final = 1
"""Of these, predicted positives."""
TRUE_POSITIVES: Final = 2
"""Expected ones: sum of p over predicted positives."""
FALSE_NEGATIVES: Final = 3
"""Sum of p over predicted negatives."""
PREDICTED_VARIANCE: Final = 4
"""Sum of p (1 - p) over predicted positives: the variance of TRUE_POSITIVES as labels will fall."""
OTHERS_VARIANCE: Final = 5
"""The same over predicted negatives, of FALSE_NEGATIVES."""
ROWS_BY_BIN: Final = 6
POSITIVES_BY_BIN: Final = ROWS_BY_BIN + BINS
WIDTH: Final = POSITIVES_BY_BIN + BINS

_P, _VARIANCE, _BIN = range(3)


def tables_of(curve: CalibrationCurve) -> Tables:
    """Values by step: p, p (1 - p), bin of p."""
    p = np.array(curve.events, np.float64) / np.array(curve.rows, np.float64)
    columns = [rounded(p), rounded(p * (1.0 - p)), bins_of(p).astype(np.float64)]
    return Tables(
        np.array([0, len(p)], np.int64),
        np.append(np.array(curve.edges, np.float64), math.inf),
        np.ascontiguousarray(np.stack(columns, axis=1)),
    )


@njit_uncounted()
def add(sums: F64, prediction: float, score: float, starts: object, edges: F64, values: F64) -> None:
    """Add one prediction to sums: float64[WIDTH]; prediction: 1 positive, 0 negative; what is not finite changes nothing."""
    if not (math.isfinite(score) and math.isfinite(prediction)):
        return
    step = step_of(edges, 0, edges.shape[0], score)
    p = values[step, _P]
    place = int(values[step, _BIN])
    sums[N] += 1.0
    if prediction == 1.0:
        sums[PREDICTED] += 1.0
        sums[TRUE_POSITIVES] += p
        sums[PREDICTED_VARIANCE] += values[step, _VARIANCE]
    else:
        sums[FALSE_NEGATIVES] += p
        sums[OTHERS_VARIANCE] += values[step, _VARIANCE]
    sums[ROWS_BY_BIN + place] += 1.0
    sums[POSITIVES_BY_BIN + place] += p


def add_plain(sums: F64, prediction: float, score: float, curve: CalibrationCurve) -> None:
    """The same from the reference's curve, without tables: what `add` is tested against."""
    if not (math.isfinite(score) and math.isfinite(prediction)):
        return
    step = sum(score > edge for edge in curve.edges)
    share = curve.events[step] / curve.rows[step]
    p, variance = round(share * 2**24) / 2**24, share * (1.0 - share)
    place = bin_of(share)
    positive = prediction == 1.0
    sums[N] += 1
    sums[PREDICTED] += positive
    sums[TRUE_POSITIVES if positive else FALSE_NEGATIVES] += p
    sums[PREDICTED_VARIANCE if positive else OTHERS_VARIANCE] += variance
    sums[ROWS_BY_BIN + place] += 1
    sums[POSITIVES_BY_BIN + place] += p


def metrics(sums: F64, reference_n: int) -> dict[str, F64]:
    """Estimates of k windows, sums: float64[k, WIDTH]; each float64[k], NaN where undefined.

    `<metric>_se` is the standard error: how far the realised metric will lie from the estimate by chance, from how labels
    fall (Poisson-binomial) and from the reference_n labels that the calibration was learnt from; the latter is right for
    windows that look like the reference and too small for those that do not.
    """
    n, said, tp, fn = (sums[:, c] for c in (N, PREDICTED, TRUE_POSITIVES, FALSE_NEGATIVES))
    # a window of n rows shares the error of a curve learnt from reference_n rows: variances grow by 1 + n / reference_n
    learnt = 1.0 + n / max(reference_n, 1)
    said_variance, others_variance = sums[:, PREDICTED_VARIANCE] * learnt, sums[:, OTHERS_VARIANCE] * learnt
    with np.errstate(divide="ignore", invalid="ignore"):
        recall = tp / (tp + fn)
        f1 = 2.0 * tp / (said + tp + fn)
        auc, auc_se = _roc_auc(sums)
        return {
            "accuracy": (tp + (n - said - fn)) / n,
            "accuracy_se": np.sqrt(said_variance + others_variance) / n,
            "precision": tp / said,
            "precision_se": np.sqrt(said_variance) / said,
            "recall": recall,
            # first-order errors of the ratios, by the derivatives with respect to TP and FN
            "recall_se": np.sqrt((1.0 - recall) ** 2 * said_variance + recall**2 * others_variance) / (tp + fn),
            "f1": f1,
            "f1_se": np.sqrt((2.0 - f1) ** 2 * said_variance + f1**2 * others_variance) / (said + tp + fn),
            "roc_auc": auc,
            "roc_auc_se": auc_se * np.sqrt(learnt),
        }


def _roc_auc(sums: F64) -> tuple[F64, F64]:
    """float64[k] each: expected area, and its standard error."""
    positive = sums[:, POSITIVES_BY_BIN:]
    negative = sums[:, ROWS_BY_BIN:POSITIVES_BY_BIN] - positive
    positives, negatives = positive.sum(axis=1), negative.sum(axis=1)
    # a row is no pair with itself: its chance p (1 - p) of being both is taken out again, where it counted half
    itself = sums[:, PREDICTED_VARIANCE] + sums[:, OTHERS_VARIANCE]
    pairs = positives * negatives
    area = (roc_auc(positive, negative) * pairs - 0.5 * itself) / (pairs - itself)
    return area, roc_auc_se(positive, negative, positives, negatives)
