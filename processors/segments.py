"""Segments of a model: which row of the state arrays belongs to which segment.

Row 0 is the whole model. A segment of the reference always gets its own row; beyond `limit` other segments of a set share
the row `__other__`, so an explosion of segment values costs bounded memory and leaves tracked segments exact.
Rows are given in the order in which segments first appear among applied events, which is a property of the log alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from driftline.processors.arrays import I32, I64
from driftline.processors.batches import SegmentColumn

WHOLE_MODEL: Final = -1
OTHER: Final = "__other__"


class Segment(NamedTuple):
    """One row: `set_index` is WHOLE_MODEL (-1) for row 0."""

    set_index: int
    label: str


class SegmentRows:
    """Gives rows to segments; knows nothing of what is kept in a row.

    `capped`: the segment sets (by index) that have had a segment beyond `limit`, and whether that has been said.
    """

    def __init__(self, sets: Sequence[tuple[str, ...]], limit: int, reserved: frozenset[Segment] = frozenset()) -> None:
        self.sets = tuple(sets)
        self._limit = limit
        self._reserved = reserved
        self.segments: list[Segment] = []
        self.capped: dict[int, bool] = {}
        self._clear()
        self._add(Segment(WHOLE_MODEL, ""))

    def _clear(self) -> None:
        self.segments.clear()
        self._row_of: dict[Segment, int] = {}
        self._free_slots_used = [0] * len(self.sets)
        # per set: the label list the codes refer to, and the row of each code (-1 = not looked up yet)
        self._labels: list[list[str] | None] = [None] * len(self.sets)
        self._row_of_code: list[I32] = [np.zeros(0, np.int32) for _ in self.sets]

    def __len__(self) -> int:
        return len(self.segments)

    def restore(self, segments: Sequence[Segment]) -> None:
        """Take over rows in the given order (row 0 first)."""
        self._clear()
        for segment in segments:
            self._add(segment)

    def _add(self, segment: Segment) -> int:
        row = len(self.segments)
        self.segments.append(segment)
        self._row_of[segment] = row
        if segment.set_index >= 0 and segment.label != OTHER and segment not in self._reserved:
            self._free_slots_used[segment.set_index] += 1
        return row

    def row(self, segment: Segment) -> int:
        """The segment's row, made if there is room, else that of `__other__` of its set."""
        known = self._row_of.get(segment)
        if known is not None:
            return known
        if segment in self._reserved or self._free_slots_used[segment.set_index] < self._limit:
            return self._add(segment)
        self.capped.setdefault(segment.set_index, False)
        other = Segment(segment.set_index, OTHER)
        known = self._row_of.get(other)
        return self._add(other) if known is None else known

    def rows_of(self, columns: Sequence[SegmentColumn], events: I64) -> I32:
        """int32[1 + sets, k]: for each of the k events (positions in the batch), its row in every set; row 0 first."""
        rows = np.zeros((1 + len(self.sets), len(events)), np.int32)
        codes = [column.codes[events] for column in columns]
        unknown: list[tuple[int, int, int]] = []
        for s, column in enumerate(columns):
            mapping = self._mapping(s, column)
            rows[1 + s] = mapping[codes[s]]
            missing = np.flatnonzero(rows[1 + s] < 0)
            if len(missing):
                new_codes, first = np.unique(codes[s][missing], return_index=True)
                unknown.extend((int(missing[f]), s, int(c)) for c, f in zip(new_codes, first, strict=True))
        # new segments get rows in the order of the log (position, then set), whatever the batching
        for _, s, code in sorted(unknown):
            self._row_of_code[s][code] = self.row(Segment(s, columns[s].labels[code]))
        for s in {s for _, s, _ in unknown}:
            rows[1 + s] = self._row_of_code[s][codes[s]]
        return rows

    def _mapping(self, s: int, column: SegmentColumn) -> I32:
        if self._labels[s] is not column.labels:
            self._labels[s] = column.labels
            self._row_of_code[s] = np.zeros(0, np.int32)
        mapping = self._row_of_code[s]
        if len(mapping) < len(column.labels):
            grown = np.full(max(2 * len(mapping), len(column.labels), 16), -1, np.int32)
            grown[: len(mapping)] = mapping
            mapping = self._row_of_code[s] = grown
        return mapping
