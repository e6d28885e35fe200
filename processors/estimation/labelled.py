"""Reference rows whose true label is known: as numbers, spelled as the labels that come later will be (see `classes`).

The task is what the configuration says. Where it says nothing: binary if predictions and labels are all 0, 1 or booleans,
regression if they are other numbers, else multiclass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from driftline.config.model_spec import Task
from driftline.processors.arrays import F64, I64
from driftline.processors.performance.classes import Classes, class_name
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


def task_of(columns: LabelledColumns) -> Task:
    """The task that predictions and labels look like."""
    values = [value for column in (columns.prediction, columns.label) for value in _distinct(column)[0]]
    if all(class_name(value) in ("0", "1") for value in values):
        return "binary"
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return "regression" if numbers else "multiclass"


def outcomes_of(task: Task, columns: LabelledColumns, positive: str | None) -> Outcomes | str:
    """What became of the rows, or why that cannot be said. positive: the positive class of a binary model, None = 1."""
    (said, said_at), (was, was_at) = _distinct(columns.prediction), _distinct(columns.label)
    names: list[str] = []
    if task == "multiclass":
        names = sorted({class_name(value) for value in (*said, *was)})
        if len(names) > CLASSES_MAX:
            return f"its predictions and labels hold {len(names)} classes, more than {CLASSES_MAX}"
    classes = Classes(task, names, positive=positive if task == "binary" else None)
    prediction = np.append(classes.codes(said), np.nan)[said_at]
    label = np.append(classes.codes(was), np.nan)[was_at]
    rows = np.flatnonzero(np.isfinite(prediction) & np.isfinite(label))
    score = np.where(np.isfinite(columns.score), columns.score, np.nan)
    return Outcomes(rows, prediction[rows], label[rows], score[rows], classes.names)


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
