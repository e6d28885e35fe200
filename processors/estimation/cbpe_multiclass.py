"""Confidence-based performance estimation of a classifier of several classes, from its predicted class and confidence.

The calibrated confidence q is the probability that the predicted class is the true one, learnt per predicted class ("top-
label calibration"). A row predicted as class c adds q to the expected hits of c; the other 1 - q is a miss, and misses of
c fall on the true classes as they did in the reference. So the expected confusion matrix needs no more than each event's
prediction and score:

    E[c, c] = sum of q over rows predicted c      E[c, t] = (rows predicted c - E[c, c]) * misses[c, t] / misses[c]

    accuracy = sum of E[c, c] / n       F1 of c = 2 E[c, c] / (rows predicted c + sum over d of E[d, c])

Macro F1 is the mean over the classes of the reference that a window has any of. Accuracy holds for as long as the curves
do; macro F1 assumes beyond that that confusions stay where they were.

Source: NannyML documentation, "Confidence-based Performance Estimation (CBPE)", section "Multiclass classification" (see
`cbpe`), which takes whole probability vectors; Gupta and Ramdas, Top-label calibration and multiclass-to-binary
reductions, ICLR 2022, arXiv:2107.08353, for calibrating the predicted class alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from driftline.processors.arrays import F64, I64
from driftline.processors.estimation.tables import Tables, rounded, step_of
from driftline.processors.kernels import njit_uncounted
from driftline.processors.reference.performance import CalibrationCurve, ReferencePerformance

ROWS: Final = 0
"""First column of a class: its predicted rows that had a score."""
HITS: Final = 1
"""Expected: sum of q."""
VARIANCE: Final = 2
"""Sum of q (1 - q)."""
COLUMNS: Final = 3
"""Columns of a class; class c begins at column c * COLUMNS."""

_Q, _VARIANCE = range(2)


def tables_of(performance: ReferencePerformance, classes: Sequence[str]) -> Tables:
    """One curve for each of `classes` (the coding of the predictions), empty where the reference knows none."""
    curves = {curve.predicted: curve for curve in performance.calibration}
    starts, edges, shares = [0], [np.zeros(0)], [np.zeros(0)]
    for name in classes:
        curve = curves.get(name, curves.get("")) if name in performance.classes else None
        if curve is not None:
            edges.append(np.append(np.array(curve.edges, np.float64), math.inf))
            shares.append(np.array(curve.events, np.float64) / np.array(curve.rows, np.float64))
        starts.append(starts[-1] + (len(curve.rows) if curve is not None else 0))
    q = np.concatenate(shares)
    return Tables(
        np.array(starts, np.int64),
        np.concatenate(edges),
        np.ascontiguousarray(np.stack([rounded(q), rounded(q * (1.0 - q))], axis=1)),
    )


@njit_uncounted()
def add(sums: F64, prediction: float, score: float, starts: I64, edges: F64, values: F64) -> None:
    """Add one prediction to sums: float64[classes * COLUMNS]; prediction: code of the class; score: confidence in it.

    What is not finite, a code that is none and a class that the reference did not know change nothing.
    """
    if not math.isfinite(score) or not (0.0 <= prediction < starts.shape[0] - 1):
        return
    code = int(prediction)
    if starts[code] == starts[code + 1]:
        return
    step = step_of(edges, starts[code], starts[code + 1], score)
    column = code * COLUMNS
    sums[column + ROWS] += 1.0
    sums[column + HITS] += values[step, _Q]
    sums[column + VARIANCE] += values[step, _VARIANCE]


def add_plain(sums: F64, prediction: float, score: float, curves: Sequence[CalibrationCurve | None]) -> None:
    """The same from the curve of each class, without tables: what `add` is tested against."""
    if not math.isfinite(score) or not 0 <= prediction < len(curves):
        return
    curve = curves[int(prediction)]
    if curve is None:
        return
    step = sum(score > edge for edge in curve.edges)
    q = curve.events[step] / curve.rows[step]
    sums[int(prediction) * COLUMNS : (int(prediction) + 1) * COLUMNS] += (1.0, q, q * (1.0 - q))


def miss_shares(performance: ReferencePerformance, classes: Sequence[str]) -> F64:
    """float64[classes, classes]: of the misses of each predicted class the share of each true one; rows add up to 1 or 0.

    Where the reference has no miss of a class, they fall on the others as often as these occur.
    """
    confusion = np.array(performance.confusion, np.float64)
    misses = confusion.copy()
    np.fill_diagonal(misses, 0.0)
    others = np.tile(confusion.sum(axis=0), (len(confusion), 1))
    np.fill_diagonal(others, 0.0)
    known = np.where(misses.sum(axis=1, keepdims=True) > 0, misses, others)
    known = known / np.maximum(known.sum(axis=1, keepdims=True), 1.0)
    code = {name: c for c, name in enumerate(performance.classes)}
    shares = np.zeros((len(classes), len(classes)))
    for c, predicted in enumerate(classes):
        for t, true in enumerate(classes):
            if predicted in code and true in code:
                shares[c, t] = known[code[predicted], code[true]]
    return shares


def metrics(sums: F64, shares: F64, reference_n: int) -> dict[str, F64]:
    """Estimates of k windows, sums: float64[k, classes * COLUMNS], shares as of `miss_shares`; each float64[k] or NaN.

    accuracy_se: as in `cbpe.metrics`. Macro F1 has none: it would have to know how far confusions move.
    """
    by_class = sums.reshape(len(sums), len(shares), COLUMNS)
    rows, hits = by_class[:, :, ROWS], by_class[:, :, HITS]
    n = rows.sum(axis=1)
    true = hits + (rows - hits) @ shares
    learnt = 1.0 + n / max(reference_n, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        f1 = np.where(rows + true > 0, 2.0 * hits / (rows + true), np.nan)
        present = np.count_nonzero(rows + true > 0, axis=1)
        return {
            "accuracy": hits.sum(axis=1) / n,
            "accuracy_se": np.sqrt(by_class[:, :, VARIANCE].sum(axis=1) * learnt) / n,
            "macro_f1": np.nansum(f1, axis=1) / present,
        }
