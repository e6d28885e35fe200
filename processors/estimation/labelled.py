"""Reference rows whose true label is known, as the numbers that predictions and labels will be when they come later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from driftline.processors.arrays import F64, I64
from driftline.processors.performance.classes import Classes
from driftline.processors.reference.gather import NO_NAME, ValueColumn
from driftline.schemas.scalars import Scalar

CLASSES_MAX: Final = 100
"""More classes than that have no confusion matrix a person could read, nor rows enough to fill it."""


@dataclass(frozen=True, slots=True)
class LabelledColumns:
    """Prediction and label of each reference row, and its score: float64[n], NaN = none."""

    prediction: ValueColumn
    label: ValueColumn
    score: F64


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The rows that have both, rows: int64[k]; prediction, label, score: float64[k], codes of `classes` or numbers."""

    rows: I64
    prediction: F64
    label: F64
    score: F64
    classes: list[str]


def outcomes_of(columns: LabelledColumns, classes: Classes) -> Outcomes | str:
    """What became of the rows, or why that cannot be said; `classes` may learn names that only labels have."""
    prediction, label = (_codes(column, classes) for column in (columns.prediction, columns.label))
    if len(classes.names) > CLASSES_MAX:
        return f"its predictions and labels hold {len(classes.names)} classes, more than {CLASSES_MAX}"
    rows = np.flatnonzero(np.isfinite(prediction) & np.isfinite(label))
    score = np.where(np.isfinite(columns.score), columns.score, np.nan)
    return Outcomes(rows, prediction[rows], label[rows], score[rows], list(classes.names))


def _codes(column: ValueColumn, classes: Classes) -> F64:
    values, at = _distinct(column)
    codes: F64 = np.append(classes.codes(values), np.nan)[at]
    return codes


def _distinct(column: ValueColumn) -> tuple[list[Scalar], I64]:
    """The different values of a column, and for each row which one it has: int64[n], -1 = none."""
    numbers = column.numbers
    finite = np.isfinite(numbers)
    values, which = np.unique(numbers[finite], return_inverse=True)
    at = np.full(len(numbers), -1, np.int64)
    at[finite] = which
    has_name = column.names != NO_NAME
    at[has_name] = len(values) + column.names[has_name]
    return [*values.tolist(), *(value for _, value in column.dictionary)], at
