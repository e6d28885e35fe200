"""Classification into more than two classes: what a row keeps, and the metrics of it.

prediction and label are class codes 0, 1, 2, ... (`classes`); score is the confidence, the probability of the predicted
class. A label that is NaN, or whose prediction is, is in no metric.

    accuracy    right / all
    macro_f1    mean over the classes that were predicted or true of 2 right / (predicted + true)
    calibration_error   sum over the tenths of [0, 1] of |right - sum of confidences| / all that have a confidence
    confusion/LABEL/PREDICTED   weight of the labels, for up to 8 classes

Up to 8 classes, named in advance, the whole confusion matrix is kept. Otherwise counts by class, for the first 32: with
more classes than that macro_f1 is not defined; accuracy always is. All sums are weighted by the label's weight.

Source: Sokolova and Lapalme, Information Processing and Management 45, 2009 (macro F1); Guo, Pleiss, Sun, Weinberger,
ICML 2017 (calibration error of the predicted class).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from driftline.processors.arrays import F64, I64
from driftline.processors.kernels import njit_uncounted
from driftline.processors.performance.correction import corrected_names
from driftline.processors.performance.quantum import kept_weight, kept_weights, quantised
from driftline.processors.performance.standard_errors import share_se

WRONG: Final = 0
RIGHT: Final = 1
SQUARES: Final = 2
"""Squares of the weights, wrong and right."""
BEYOND: Final = 4
"""Weight of the labels and of the predictions of classes that are not kept apart."""
SCORED: Final = 5
"""Weight of the labels whose prediction has a confidence."""
CALIBRATION: Final = 6
"""Right minus confidence, summed in each tenth of [0, 1]."""
GROUPS: Final = 10
CLASSES: Final = CALIBRATION + GROUPS
"""First column of the classes: the confusion matrix by label and prediction, or right, predicted, true by class."""

CORRECTED_MATRIX: Final = 5
"""Of `reweighted`: first column of the matrix; before it are those that have the same place in a row."""

CONFUSION_MAX: Final = 8
COUNTED_MAX: Final = 32


def width(classes: int | None) -> int:
    """Columns of a row for so many classes; None: they are not known in advance.

    Below 8 there is room for one more: a class that is never predicted shows up in the labels only.

    >>> width(3), width(8), width(9), width(None)
    (32, 80, 112, 112)
    """
    if classes is not None and classes <= CONFUSION_MAX:
        return CLASSES + min(max(classes, 1) + 1, CONFUSION_MAX) ** 2
    return CLASSES + 3 * COUNTED_MAX


@njit_uncounted(fastmath=False)
def classes_kept(row_width: int) -> int:
    """How many classes a row of this width keeps apart."""
    columns = row_width - CLASSES
    classes = 2
    while classes * classes < columns:
        classes += 1
    return classes if classes <= CONFUSION_MAX else COUNTED_MAX


@njit_uncounted(fastmath=False)
def add(sums: F64, prediction: float, score: float, label: float, weight: float, sign: float) -> None:
    """Add a labelled prediction to sums (float64[width]); sign -1 takes away what 1 added, to the last bit."""
    if not prediction >= 0.0 or not label >= 0.0:
        return
    w = kept_weight(weight)
    right = prediction == label
    sums[WRONG + int(right)] += sign * w
    sums[SQUARES + int(right)] += sign * w * w
    if 0.0 <= score <= 1.0:
        sums[SCORED] += sign * w
        group = min(int(score * GROUPS), GROUPS - 1)
        sums[CALIBRATION + group] += sign * quantised(w * ((1.0 if right else 0.0) - score))
    classes = classes_kept(sums.shape[0])
    if classes <= CONFUSION_MAX:
        if prediction < classes and label < classes:
            sums[CLASSES + int(label) * classes + int(prediction)] += sign * w
        else:
            sums[BEYOND] += sign * w
        return
    if right and label < classes:
        sums[CLASSES + int(label)] += sign * w
    if prediction < classes:
        sums[CLASSES + classes + int(prediction)] += sign * w
    else:
        sums[BEYOND] += sign * w
    if label < classes:
        sums[CLASSES + 2 * classes + int(label)] += sign * w
    else:
        sums[BEYOND] += sign * w


def sums_plain(prediction: F64, score: F64, label: F64, weight: F64, classes: int | None) -> F64:
    """float64[width]: the sums of n labelled predictions by whole arrays: what `add` is tested against."""
    usable = (prediction >= 0.0) & (label >= 0.0)
    prediction, score, label, weight = (column[usable] for column in (prediction, score, label, weight))
    w, right = kept_weights(weight), prediction == label
    sums = np.zeros(width(classes))
    sums[WRONG : WRONG + 2] = np.bincount(right.astype(np.int64), w, 2)
    sums[SQUARES : SQUARES + 2] = np.bincount(right.astype(np.int64), w * w, 2)
    scored = (score >= 0.0) & (score <= 1.0)
    sums[SCORED] = w[scored].sum()
    group = np.minimum((score[scored] * GROUPS).astype(np.int64), GROUPS - 1)
    gap = np.rint(w[scored] * (right[scored] - score[scored]) * 2.0**20) / 2.0**20
    sums[CALIBRATION:CLASSES] = np.bincount(group, gap, GROUPS)
    kept = classes_kept(len(sums))
    predicted, true = prediction.astype(np.int64), label.astype(np.int64)
    if kept <= CONFUSION_MAX:
        inside = (predicted < kept) & (true < kept)
        sums[CLASSES:] = np.bincount(true[inside] * kept + predicted[inside], w[inside], kept * kept)
        sums[BEYOND] = w[~inside].sum()
    else:
        counts = [_counts(true[right], w[right]), _counts(predicted, w), _counts(true, w)]
        sums[CLASSES:] = np.concatenate(counts)
        sums[BEYOND] = w[predicted >= kept].sum() + w[true >= kept].sum()
    return sums


def _counts(code: I64, weight: F64) -> F64:
    return np.asarray(np.bincount(code, weight, COUNTED_MAX)[:COUNTED_MAX], np.float64)


def metrics(sums: F64, names: Sequence[str] = ()) -> dict[str, F64]:
    """Every metric of k rows, float64[k, width], as float64[k]; names: the classes in the order of their codes.

    NaN = not defined: no label, none with a confidence, for macro_f1 also classes that are not
    kept apart.
    """
    wrong, right = sums[..., WRONG], sums[..., RIGHT]
    with np.errstate(invalid="ignore", divide="ignore"):
        found = {
            "accuracy": right / (wrong + right),
            "accuracy_se": share_se(right, wrong, sums[..., SQUARES + 1], sums[..., SQUARES]),
            "macro_f1": np.where(sums[..., BEYOND] > 0.0, math.nan, _macro_f1(sums)),
            "calibration_error": np.abs(sums[..., CALIBRATION:CLASSES]).sum(axis=-1) / sums[..., SCORED],
        }
    return found | confusion(sums, names)


def confusion(sums: F64, names: Sequence[str]) -> dict[str, F64]:
    """float64[k] for each pair of classes, if the matrix is kept; "%" and "/" in names are percent-encoded.

    Of classes that came after there was no room left nothing is shown.

    >>> list(confusion(np.zeros((1, width(2))), ["a/b", "c"]))
    ['confusion/a%2Fb/a%2Fb', 'confusion/a%2Fb/c', 'confusion/c/a%2Fb', 'confusion/c/c']
    """
    classes = classes_kept(sums.shape[-1])
    if classes > CONFUSION_MAX:
        return {}
    shown = [name.replace("%", "%25").replace("/", "%2F") for name in names[:classes]]
    pairs = [(label, predicted) for label in range(len(shown)) for predicted in range(len(shown))]
    return {f"confusion/{shown[y]}/{shown[p]}": sums[..., CLASSES + y * classes + p] for y, p in pairs}


def _macro_f1(sums: F64) -> F64:
    """float64[k]: mean F1 over the classes that were predicted or true; NaN where there is none."""
    predicted, true, hits = _by_class(sums)
    present = predicted + true > 0.0
    with np.errstate(invalid="ignore", divide="ignore"):
        f1 = np.where(present, 2.0 * hits / (predicted + true), 0.0)
        return np.asarray(f1.sum(axis=-1) / present.sum(axis=-1), np.float64)


def _by_class(sums: F64) -> tuple[F64, F64, F64]:
    """float64[k, classes]: weights by predicted class, by true class, and of those that are right."""
    classes = classes_kept(sums.shape[-1])
    columns = sums[..., CLASSES:]
    if classes <= CONFUSION_MAX:
        matrix = columns.reshape(*columns.shape[:-1], classes, classes)
        return matrix.sum(axis=-2), matrix.sum(axis=-1), np.diagonal(matrix, axis1=-2, axis2=-1)
    return columns[..., classes : 2 * classes], columns[..., 2 * classes :], columns[..., :classes]


def strata(classes: int | None) -> int:
    """Kinds of labels whose delays are told apart: right and wrong ones of each class that is kept apart."""
    return 2 * int(classes_kept(width(classes)))


def reweighted(sums: F64, weights: F64) -> F64:
    """The columns that `corrected` needs, with each label standing for so many: float64[n, 5 + classes**2], or [n, 5].

    sums: float64[n, width], rows of panes; weights: float64[n, strata] of `correction.pane_weights`, of each row's pane.
    """
    classes = classes_kept(sums.shape[1])
    of_wrong, of_right = weights[:, 0::2], weights[:, 1::2]
    _, true, hits = _by_class(sums)
    found = np.zeros((len(sums), CORRECTED_MATRIX))
    found[:, WRONG], found[:, RIGHT] = (of_wrong * (true - hits)).sum(axis=1), (of_right * hits).sum(axis=1)
    found[:, SQUARES] = _mean(of_wrong**2, true - hits) * sums[:, SQUARES]
    found[:, SQUARES + 1] = _mean(of_right**2, hits) * sums[:, SQUARES + 1]
    found[:, BEYOND] = sums[:, BEYOND]
    if classes > CONFUSION_MAX:
        return found
    matrix = sums[:, CLASSES:].reshape(-1, classes, classes)
    factor = np.where(np.eye(classes, dtype=np.bool_), of_right[..., None], of_wrong[..., None])
    return np.concatenate([found, (factor * matrix).reshape(-1, classes * classes)], axis=1)


def corrected(sums: F64) -> dict[str, F64]:
    """Accuracy, and macro_f1 where the confusion matrix is kept, as they will be once the slow labels are in.

    sums: float64[k, 5 + classes**2] or [k, 5], added up from `reweighted`. float64[k], NaN where no pane with labels is old
    enough to say, or where there are classes that are not kept apart. The standard error takes the weights as exact, and
    those of right and of wrong labels as alike.
    """
    wrong, right = sums[:, WRONG], sums[:, RIGHT]
    with np.errstate(invalid="ignore", divide="ignore"):
        accuracy = right / (right + wrong)
    found = {"accuracy": accuracy, "accuracy_se": share_se(right, wrong, sums[:, SQUARES + 1], sums[:, SQUARES])}
    if sums.shape[1] > CORRECTED_MATRIX:
        rows = np.zeros((len(sums), CLASSES + sums.shape[1] - CORRECTED_MATRIX))
        rows[:, CLASSES:] = sums[:, CORRECTED_MATRIX:]
        found["macro_f1"] = _macro_f1(rows)
    beyond = sums[:, BEYOND] > 0.0
    return corrected_names({name: np.where(beyond, math.nan, value) for name, value in found.items()})


def _mean(factor: F64, weight: F64) -> F64:
    """float64[n]: the mean of a factor over the classes, by their weight; 0 where there is none."""
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (factor * weight).sum(axis=-1) / weight.sum(axis=-1)
    return np.where(weight.sum(axis=-1) > 0.0, mean, 0.0)
