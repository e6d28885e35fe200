"""Metrics of rows whose labels are known, all at once: what the reference did, and what its chunks did."""

from __future__ import annotations

import math

import numpy as np

from driftline.processors.arrays import F64, I64, Bool
from driftline.processors.reference.bins import exact_mean


def binary_metrics(prediction: Bool, score: F64, label: Bool) -> dict[str, float]:
    """prediction, label: bool[n], positive or not; score: float64[n], NaN = none. NaN where a metric is undefined."""
    right = int(np.count_nonzero(prediction & label))
    said, were = int(np.count_nonzero(prediction)), int(np.count_nonzero(label))
    scored = ~np.isnan(score)
    return {
        "accuracy": _ratio(int(np.count_nonzero(prediction == label)), len(label)),
        "precision": _ratio(right, said),
        "recall": _ratio(right, were),
        "f1": _ratio(2 * right, said + were),
        "roc_auc": roc_auc(score[scored], label[scored]),
    }


def roc_auc(score: F64, label: Bool) -> float:
    """Share of pairs of a positive and a negative row that the score puts in order, ties half; NaN without pairs.

    score: float64[n], label: bool[n]. The Mann-Whitney statistic (Bamber 1975, J. Math. Psychology 12).
    """
    _, at = np.unique(score, return_inverse=True)
    positive = np.bincount(at, weights=label)
    negative = np.bincount(at, weights=~label)
    below = np.cumsum(negative) - negative
    return _ratio(float(np.sum(positive * (2 * below + negative))), 2 * float(positive.sum() * negative.sum()))


def confusion_matrix(prediction: I64, label: I64, classes: int) -> I64:
    """int64[classes, classes]: rows are predicted, columns true classes; prediction, label: int64[n] of class codes."""
    flat = np.bincount(prediction * classes + label, minlength=classes * classes)
    return flat.reshape(classes, classes).astype(np.int64)


def multiclass_metrics(confusion: F64 | I64) -> dict[str, float]:
    """Of a confusion matrix [predicted, true]. F1 is averaged over the classes that were predicted or true."""
    hits = np.diagonal(confusion)
    seen = confusion.sum(axis=1) + confusion.sum(axis=0)
    present = seen > 0
    f1 = 2 * hits[present] / seen[present]
    return {
        "accuracy": _ratio(float(hits.sum()), float(confusion.sum())),
        "macro_f1": _ratio(math.fsum(f1.tolist()), len(f1)),
    }


def regression_metrics(error: F64) -> dict[str, float]:
    """error: float64[n], prediction minus label."""
    if not len(error):
        return {"mae": math.nan, "rmse": math.nan}
    return {"mae": exact_mean(np.abs(error)), "rmse": math.sqrt(exact_mean(error * error))}


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def six_digits(value: float) -> float:
    """As metrics and errors are written into a reference: more digits than 2**20 rows can mean."""
    return float(f"{value:.6g}")
