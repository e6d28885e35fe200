"""The columns of one batch as each scope of a model wants them.

A batch was decoded with the layout that all references of the model share. Where there is none (the reference is being
learnt, or a version's reference has other fields or categories) it carries generic events, and every scope makes columns
of its own events from them: slower, and the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from driftline.processors.arrays import F64, I32, I64, U16
from driftline.processors.batches import PredictionBatch, SegmentColumn
from driftline.processors.columns_assembly import batch_of_events
from driftline.processors.scope import Scope
from driftline.schemas.events import Prediction
from driftline.schemas.layout import EventLayout


class ScopeColumns:
    """One batch, and which of its events belong to which scope; `of` gives the same object for the same scope."""

    def __init__(self, batch: PredictionBatch, scope_of_version: dict[str, int]) -> None:
        self.batch = batch
        self._scope: I64 = np.zeros(len(batch), np.int64)
        if len(scope_of_version) > 1:
            of_code = np.array([scope_of_version.get(version, 0) for version in batch.versions], np.int64)
            self._scope = of_code[batch.version_codes]
        self._made: dict[int, tuple[Scope, PredictionBatch]] = {}

    def events_of(self, index: int, events: I64) -> I64:
        """Those of `events` (positions in the batch) that belong to the scope of this number."""
        own: I64 = events[self._scope[events] == index]
        return own

    def of(self, index: int, scope: Scope) -> PredictionBatch:
        """The batch with the scope's columns; rows of other scopes are empty."""
        batch = self.batch
        if batch.rows is None or scope.layout is None:
            return batch
        made = self._made.get(index)
        if made is None or made[0] is not scope:
            own = np.flatnonzero(self._scope == index)
            made = self._made[index] = (scope, _columns_of(batch, batch.rows, own, scope.layout))
        return made[1]


def _columns_of(batch: PredictionBatch, events: Sequence[Prediction], own: I64, layout: EventLayout) -> PredictionBatch:
    n = len(batch)
    part = batch_of_events([events[i] for i in own.tolist()], layout)
    numeric: F64 = np.full((n, part.numeric.shape[1]), np.nan)
    category: U16 = np.zeros((n, part.category.shape[1]), np.uint16)
    numeric[own], category[own] = part.numeric, part.category
    segments = []
    for column in part.segments:
        codes: I32 = np.zeros(n, np.int32)
        codes[own] = column.codes
        segments.append(SegmentColumn(column.labels, codes))
    # what is unknown in the envelope was found when the event was read; the rest only a layout can tell
    unknown = {**batch.unknown, **{name: own[rows] for name, rows in part.unknown.items()}}
    return replace(batch, numeric=numeric, category=category, segments=segments, unknown=unknown, rows=None)
