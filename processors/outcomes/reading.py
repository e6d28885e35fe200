"""Batches of both logs -> operations.

A prediction's value and score are taken from its columns, which are those of the reference: a number, or the category that
its code stands for. A prediction that the reference has no category for is of no known class, and one without a column is
unknown altogether. Of a ranked item the id says all that is kept: its list (in place of the value) and its position (in
place of the score); see `performance.ranked_lists`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from driftline.config.model_spec import ModelSpec
from driftline.processors.arrays import F64
from driftline.processors.batches import LabelBatch, PredictionBatch
from driftline.processors.codes import N_CODES
from driftline.processors.columns import columns_of
from driftline.processors.estimation.estimator import Estimator
from driftline.processors.id_hash import hash_key
from driftline.processors.outcomes.groups import Groups
from driftline.processors.outcomes.operations import LABEL, PREDICTION, RETRACTION, Operations
from driftline.processors.performance.classes import Classes
from driftline.processors.performance.quantum import kept_weights
from driftline.processors.performance.ranked_lists import list_items
from driftline.processors.reference.layout import layout_of
from driftline.processors.reference.profile import FieldProfile, Reference
from driftline.schemas.layout import EventLayout, Role
from driftline.schemas.scalars import Scalar

_CLASS_TASKS: Final = ("binary", "multiclass")


class PredictionOperations:
    """Reads predictions; `reference` is the one of the model (not of a version), whose layout the batches have."""

    def __init__(
        self, spec: ModelSpec, reference: Reference, classes: Classes, groups: Groups, estimator: Estimator
    ) -> None:
        self._estimator = estimator
        self._groups = groups
        self._classes = classes
        self._hash_key = hash_key(spec.name)
        self._layout = layout_of(reference, spec)
        wanted = tuple(field for field in self._layout.fields if field.role in ("prediction", "score"))
        narrow = EventLayout(fields=wanted, segment_sets=spec.segments)
        # an estimate that goes by the features needs them all
        self._layout_of_rows = narrow if estimator.leaves is None else self._layout
        prediction = next((field for field in reference.fields if field.role == "prediction"), None)
        by_category = prediction is not None and prediction.kind != "numeric"
        self._class_of_code = _class_of_code(prediction, classes) if prediction is not None and by_category else None

    def read(self, batch: PredictionBatch) -> Operations:
        """Every prediction of the batch, in order."""
        layout, columns = self._layout, batch
        if batch.rows is not None:
            layout, columns = self._layout_of_rows, columns_of(batch.rows, self._layout_of_rows)
        if self._classes.task == "ranking":
            value, score = list_items(self._hash_key, batch.ids)
        else:
            value, score = self._values(columns, layout), _numbers(columns, layout, "score")
        return Operations(
            kind=np.full(len(batch), PREDICTION, np.uint8),
            key=batch.id_hash,
            at_ms=batch.partition_ms,
            event_ms=batch.event_ms,
            offset=batch.offsets,
            value=value,
            score=score,
            by=self._estimator.scores(score, columns.numeric, columns.category),
            groups=self._groups.of(columns),
        )

    def _values(self, batch: PredictionBatch, layout: EventLayout) -> F64:
        if self._class_of_code is not None:
            at = next(i for i, field in enumerate(layout.category_fields) if field.role == "prediction")
            values: F64 = self._class_of_code[batch.category[:, at]]
            return values
        numbers = _numbers(batch, layout, "prediction")
        if self._classes.task not in _CLASS_TASKS:
            return numbers
        met, which = np.unique(numbers, return_inverse=True)
        classes: F64 = np.array([self._classes.code(number) for number in met.tolist()])[which]
        return classes


class LabelOperations:
    """Reads labels; `groups` is how many groups a prediction is in."""

    def __init__(self, classes: Classes, groups: int) -> None:
        self._classes = classes
        self._groups = groups

    def read(self, batch: LabelBatch) -> Operations:
        """Every label of the batch, in order. Classes that only labels name are learnt here, in the order of their log."""
        n = len(batch)
        retracted = np.fromiter((label is None for label in batch.labels), np.bool_, n)
        return Operations(
            kind=np.where(retracted, RETRACTION, LABEL).astype(np.uint8),
            key=batch.id_hash,
            at_ms=batch.partition_ms,
            event_ms=batch.label_ms,
            offset=batch.offsets,
            value=self._classes.codes(batch.labels),
            score=kept_weights(batch.weights),
            by=np.zeros(n),
            groups=np.zeros((n, self._groups), np.int32),
        )


def _numbers(batch: PredictionBatch, layout: EventLayout, role: Role) -> F64:
    """float64[n]: the numeric field of this role; NaN where there is none, or it is missing or invalid."""
    for i, field in enumerate(layout.numeric_fields):
        if field.role == role:
            column: F64 = batch.numeric[:, i]
            return np.where(np.isfinite(column), column, np.nan)
    return np.full(len(batch), np.nan)


def _class_of_code(field: FieldProfile, classes: Classes) -> F64:
    """float64[258]: what each category code of the predictions is as a class; NaN for all that name none."""
    table = np.full(N_CODES, np.nan)
    for code, category in enumerate(field.categories):
        table[code] = classes.code(_value(category, field))
    return table


def _value(category: str, field: FieldProfile) -> Scalar:
    """The value that a category of this field stands for."""
    if field.value_type == "boolean":
        return category == "true"
    if field.value_type == "integer":
        return int(category)
    return float(category) if field.value_type == "number" else category
