"""Binary classification: what a row keeps, and the metrics of it.

prediction and label are 0 or 1 (`classes`), score is the probability of the positive class. A label that is NaN, or whose
prediction is, is in no metric; a score that is missing or outside [0, 1] is in none of those that need one.

    accuracy  (TP + TN) / all            precision  TP / (TP + FP)        recall  TP / (TP + FN)
    f1        2 TP / (2 TP + FP + FN)    false_positive_rate  FP / (FP + TN)
    predicted_positive_rate  (TP + FP) / all        positive_rate  (TP + FN) / all
    log_loss  mean of -ln p(label), p at least 2**-52 (as scikit-learn clips)       brier  mean of (score - label)**2
    calibration_error   sum over the tenths of [0, 1] of |positives - sum of scores| / all that have a score
    roc_auc, pr_auc     over 48 bins of the score: see `score_bins`

All sums are weighted by the label's weight. A row is 118 columns beside the common 29: 1,176 bytes.

Sources: Guo, Pleiss, Sun, Weinberger, On calibration of modern neural networks, ICML 2017, for the calibration error (of
the positive class here); Brier, Monthly Weather Review 78, 1950.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from driftline.processors.arrays import F64
from driftline.processors.kernels import njit_uncounted
from driftline.processors.performance import score_bins
from driftline.processors.performance.correction import corrected_names
from driftline.processors.performance.quantum import kept_weight, kept_weights, quantised
from driftline.processors.performance.score_bins import BINS, GROUP_OF_BIN, GROUPS, bin_of
from driftline.processors.performance.standard_errors import effective_n, f1_se, mean_se, share_se

CONFUSION: Final = 0
"""Weights by 2 label + prediction: TN, FP, FN, TP."""
SQUARES: Final = 4
"""Squares of the weights, by the same."""
LOG_LOSS: Final = 8
BRIER: Final = 10
"""Each a sum and the sum of the squares."""
SCORES: Final = 12
"""Sums of the scores in each tenth of [0, 1]."""
NEGATIVE: Final = SCORES + GROUPS
POSITIVE: Final = NEGATIVE + BINS
"""Weights of the labels by bin of the score."""
WIDTH: Final = POSITIVE + BINS

STRATA: Final = 4
_STRATUM: Final = [1, 0, 2, 3]
"""Of TN, FP, FN, TP: see `delay_curves`."""
PROBABILITY_MIN: Final = 2.0**-52


@njit_uncounted(fastmath=False)
def add(sums: F64, prediction: float, score: float, label: float, weight: float, sign: float) -> None:
    """Add a labelled prediction to sums (float64[WIDTH]); sign -1 takes away what 1 added, to the last bit."""
    if not (prediction == 0.0 or prediction == 1.0) or not (label == 0.0 or label == 1.0):
        return
    w = kept_weight(weight)
    cell = 2 * int(label) + int(prediction)
    sums[CONFUSION + cell] += sign * w
    sums[SQUARES + cell] += sign * w * w
    at = bin_of(score)
    if at < 0:
        return
    loss = -math.log(max(score if label == 1.0 else 1.0 - score, PROBABILITY_MIN))
    error = score - label
    sums[LOG_LOSS] += sign * quantised(w * loss)
    sums[LOG_LOSS + 1] += sign * quantised(w * loss * loss)
    sums[BRIER] += sign * quantised(w * error * error)
    sums[BRIER + 1] += sign * quantised(w * error * error * error * error)
    sums[SCORES + GROUP_OF_BIN[at]] += sign * quantised(w * score)
    if label == 1.0:
        sums[POSITIVE + at] += sign * w
    else:
        sums[NEGATIVE + at] += sign * w


def sums_plain(prediction: F64, score: F64, label: F64, weight: F64) -> F64:
    """float64[WIDTH]: the sums of n labelled predictions (each float64[n]), by whole arrays: `add` is tested against it."""
    usable = np.isin(prediction, (0.0, 1.0)) & np.isin(label, (0.0, 1.0))
    prediction, score, label, weight = (column[usable] for column in (prediction, score, label, weight))
    w = kept_weights(weight)
    sums = np.zeros(WIDTH)
    cell = (2 * label + prediction).astype(np.int64)
    sums[CONFUSION : CONFUSION + 4] = np.bincount(cell, w, 4)
    sums[SQUARES : SQUARES + 4] = np.bincount(cell, w * w, 4)
    at = score_bins.bins_of(score)
    scored = at >= 0
    score, label, w, at = score[scored], label[scored], w[scored], at[scored]
    loss = -np.log(np.maximum(np.where(label == 1.0, score, 1.0 - score), PROBABILITY_MIN))
    for column, value in ((LOG_LOSS, loss), (BRIER, (score - label) ** 2)):
        sums[column] = _quanta(w * value).sum()
        sums[column + 1] = _quanta(w * value**2).sum()
    sums[SCORES:NEGATIVE] = np.bincount(GROUP_OF_BIN[at], _quanta(w * score), GROUPS)
    sums[NEGATIVE:POSITIVE] = np.bincount(at, w * (label == 0.0), BINS)
    sums[POSITIVE:WIDTH] = np.bincount(at, w * (label == 1.0), BINS)
    return sums


def _quanta(x: F64) -> F64:
    return np.rint(x * 2.0**20) / 2.0**20


def metrics(sums: F64) -> dict[str, F64]:
    """Every metric of k rows, float64[k, WIDTH], as float64[k].

    NaN = not defined: a ratio whose denominator is 0 (no label, none of that class, none with a score), or an error of one
    from fewer than two.
    """
    positive, negative = sums[..., POSITIVE:WIDTH], sums[..., NEGATIVE:POSITIVE]
    tn, fp, fn, tp = _cells(sums, CONFUSION)
    tn2, fp2, fn2, tp2 = _cells(sums, SQUARES)
    positive_n = effective_n(positive.sum(axis=-1), fn + tp, fn2 + tp2)
    negative_n = effective_n(negative.sum(axis=-1), tn + fp, tn2 + fp2)
    with np.errstate(invalid="ignore", divide="ignore"):
        one_positive = (fn2 + tp2) / (fn + tp)
    return {
        **class_metrics(sums),
        "roc_auc": score_bins.roc_auc(positive, negative),
        "roc_auc_se": score_bins.roc_auc_se(positive, negative, positive_n, negative_n),
        "pr_auc": score_bins.pr_auc(positive, negative, one_positive),
        **_score_metrics(sums, positive, negative),
    }


def class_metrics(sums: F64) -> dict[str, F64]:
    """The metrics that need no score; sums: float64[k, >= 8], the confusion weights and their squares."""
    tn, fp, fn, tp = _cells(sums, CONFUSION)
    tn2, fp2, fn2, tp2 = _cells(sums, SQUARES)
    with np.errstate(invalid="ignore", divide="ignore"):
        total = tn + fp + fn + tp
        return {
            "accuracy": (tp + tn) / total,
            "accuracy_se": share_se(tp + tn, fp + fn, tp2 + tn2, fp2 + fn2),
            "precision": tp / (tp + fp),
            "precision_se": share_se(tp, fp, tp2, fp2),
            "recall": tp / (tp + fn),
            "recall_se": share_se(tp, fn, tp2, fn2),
            "f1": 2.0 * tp / (2.0 * tp + fp + fn),
            "f1_se": f1_se(tp, fp + fn, tp2, fp2 + fn2),
            "false_positive_rate": fp / (fp + tn),
            "false_positive_rate_se": share_se(fp, tn, fp2, tn2),
            "predicted_positive_rate": (tp + fp) / total,
            "predicted_positive_rate_se": share_se(tp + fp, tn + fn, tp2 + fp2, tn2 + fn2),
            "positive_rate": (tp + fn) / total,
            "positive_rate_se": share_se(tp + fn, tn + fp, tp2 + fn2, tn2 + fp2),
        }


def reweighted(sums: F64, weights: F64) -> F64:
    """float64[n, 8]: the columns that `corrected` needs, with each label standing for so many.

    sums: float64[n, WIDTH], rows of panes; weights: float64[n, 4] of `correction.pane_weights`, of each row's pane.
    """
    each = weights[:, _STRATUM]
    return np.concatenate([each * sums[:, CONFUSION:SQUARES], each**2 * sums[:, SQUARES:LOG_LOSS]], axis=1)


def corrected(sums: F64) -> dict[str, F64]:
    """`class_metrics` as they will be once the slow labels are in, each float64[k], with "_corrected" in the name.

    sums: float64[k, 8], added up from `reweighted`. The standard errors take the weights as exact. NaN where no pane with
    labels is old enough to say. (Areas under the curves need no correction for delays that depend on the label's class:
    they compare the classes at given numbers.)
    """
    return corrected_names(class_metrics(sums))


def _cells(sums: F64, first: int) -> tuple[F64, F64, F64, F64]:
    return sums[..., first], sums[..., first + 1], sums[..., first + 2], sums[..., first + 3]


def _score_metrics(sums: F64, positive: F64, negative: F64) -> dict[str, F64]:
    """Of the labels that came with a score."""
    members = (GROUP_OF_BIN[:, None] == np.arange(GROUPS)).astype(np.float64)
    weight = positive.sum(axis=-1) + negative.sum(axis=-1)
    labels_n = effective_n(weight, sums[..., CONFUSION:SQUARES].sum(axis=-1), sums[..., SQUARES:LOG_LOSS].sum(axis=-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        log_loss, brier = sums[..., LOG_LOSS] / weight, sums[..., BRIER] / weight
        gaps = np.abs(positive @ members - sums[..., SCORES:NEGATIVE])
        return {
            "log_loss": log_loss,
            "log_loss_se": mean_se(log_loss, sums[..., LOG_LOSS + 1] / weight, labels_n),
            "brier": brier,
            "brier_se": mean_se(brier, sums[..., BRIER + 1] / weight, labels_n),
            "calibration_error": gaps.sum(axis=-1) / weight,
        }
