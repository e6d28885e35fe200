"""The groups that performance is told of: the whole model, each version of it, each segment of each segment set.

Group 0 is the whole model. The others get their numbers in the order in which the log of predictions brings them, whatever
becomes of those predictions later; beyond `segments_max` of a set (or of the versions) they share `__other__`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from driftline.config.model_spec import ModelSpec
from driftline.processors.arrays import I32
from driftline.processors.batches import PredictionBatch, SegmentColumn
from driftline.processors.segments import WHOLE_MODEL, Segment, SegmentRows
from driftline.schemas.limits import UNVERSIONED

_VERSIONS: Final = ("model_version",)


class Group(NamedTuple):
    """What a group is called in signals; `told` False: it says nothing that the whole model does not."""

    version: str
    segment_set: tuple[str, ...]
    segment: str
    told: bool


class Groups:
    """Numbers of groups and back; each prediction is in `per_event` of them besides the whole model."""

    def __init__(self, spec: ModelSpec) -> None:
        self._sets = (_VERSIONS, *spec.segments)
        self._rows = SegmentRows(self._sets, spec.segments_max)

    @property
    def per_event(self) -> int:
        return len(self._sets)

    def __len__(self) -> int:
        return len(self._rows)

    def of(self, batch: PredictionBatch) -> I32:
        """int32[n, per_event]: the groups of each prediction, new ones included. The batch has segment columns."""
        columns = [SegmentColumn(batch.versions, batch.version_codes), *batch.segments]
        return np.ascontiguousarray(self._rows.rows_of(columns, np.arange(len(batch)))[1:].T)

    def group(self, number: int) -> Group:
        """What stands behind a number."""
        index, label = self._rows.segments[number]
        if index == WHOLE_MODEL:
            return Group("", (), "", told=True)
        if index == 0:
            # a service that names no versions has one, and it is the whole model
            return Group(label, (), "", told=label != UNVERSIONED)
        return Group("", self._sets[index], label, told=True)

    def kept(self) -> list[Segment]:
        """For a snapshot: what stands behind each number."""
        return list(self._rows.segments)

    def restore(self, kept: Sequence[Segment]) -> None:
        """Take over the numbers of `kept`."""
        self._rows.restore([Segment(*segment) for segment in kept])
