"""Features that the reference does not know, counted by name for each open window, with a cap on the names.

Which names are told apart when there are too many is a property of the log: those that a window met first. So names are
taken in the order of the events that carry them, however the log is cut into batches.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from driftline.processors.arrays import I32, I64
from driftline.processors.segments import OTHER

UNKNOWN_NAMES_MAX: Final = 64
"""Unknown feature names told apart in one window; the rest are counted together."""


class UnknownNames:
    """`slots[s]`: name -> events, for the window at place s of the window state."""

    def __init__(self, slots: int) -> None:
        self.slots: list[dict[str, int]] = [{} for _ in range(slots)]
        self._sorted: tuple[Mapping[str, I64], list[str], I64, I64] | None = None

    def note(self, unknown: Mapping[str, I64], events: I64, slot: I32) -> None:
        """Applied events (ascending positions in the batch) of panes `slot`; `unknown`: see PredictionBatch."""
        if not unknown or not len(events):
            return
        names, rows, ids = self._by_row(unknown)
        start, stop = np.searchsorted(rows, (events[0], events[-1] + 1))
        rows, ids = rows[start:stop], ids[start:stop]
        applied = events[np.searchsorted(events, rows)] == rows
        rows, ids = rows[applied], ids[applied]
        pairs = slot[rows].astype(np.int64) * len(names) + ids
        pairs, first, counts = np.unique(pairs, return_index=True, return_counts=True)
        met = sorted(
            (row, names[pair % len(names)], pair // len(names), count)
            for row, pair, count in zip(rows[first].tolist(), pairs.tolist(), counts.tolist(), strict=True)
        )
        for _, name, pane, count in met:
            self._add(pane, name, count)

    def _by_row(self, unknown: Mapping[str, I64]) -> tuple[list[str], I64, I64]:
        """Names, and the (row, name) pairs of a whole batch by row: once, however often the batch is cut."""
        if self._sorted is None or self._sorted[0] is not unknown:
            rows: I64 = np.concatenate(list(unknown.values()))
            ids: I64 = np.repeat(np.arange(len(unknown)), [len(at) for at in unknown.values()])
            order = np.argsort(rows, kind="stable")
            self._sorted = (unknown, list(unknown), rows[order], ids[order])
        return self._sorted[1:]

    def _add(self, slot: int, name: str, count: int) -> None:
        names = self.slots[slot]
        if name not in names and len(names) >= UNKNOWN_NAMES_MAX:
            name = OTHER
        names[name] = names.get(name, 0) + count

    def merge(self, pane: int, into: int) -> None:
        """Add a closed pane's names to a longer window's; in the order of names, as a snapshot keeps no other."""
        for name, count in sorted(self.slots[pane].items()):
            self._add(into, name, count)

    def clear(self, slot: int) -> None:
        """The window is done."""
        self.slots[slot] = {}
