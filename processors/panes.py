"""Which windows are open, and in which order they close.

The shortest window is the pane; a closed pane is merged into the accumulator of every longer window. At a watermark W the
windows that end at or before W close in the order of (end, length), so that a pane reaches its longer windows before they
close, and the order of what is said is a property of the log.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from driftline.processors.admission import NEVER
from driftline.processors.arrays import I64


class Due(NamedTuple):
    """One window that closes: `slot` is its place in the window state; half-open [start_ms, end_ms)."""

    end_ms: int
    length_ms: int
    start_ms: int
    slot: int
    is_pane: bool


class OpenWindows:
    """The ring of panes (shared with the admission kernel) and the accumulators of longer windows."""

    def __init__(self, lengths_ms: Sequence[int], open_panes: I64) -> None:
        self.lengths_ms = tuple(lengths_ms)
        self.open_panes = open_panes
        self.longer_starts: I64 = np.full(len(lengths_ms) - 1, -1, np.int64)  # start of the window held, -1 = none

    @property
    def slots(self) -> int:
        """Places needed in the window state: panes first, then one for each longer window."""
        return len(self.open_panes) + len(self.longer_starts)

    def next_close_ms(self) -> int:
        """The earliest end of an open window; NEVER when none is open."""
        return min((due.end_ms for due in self._open()), default=NEVER)

    def due(self, watermark_ms: int) -> Due | None:
        """The window to close next, if any ends at or before the watermark."""
        return min((due for due in self._open() if due.end_ms <= watermark_ms), default=None)

    def _open(self) -> Iterator[Due]:
        pane_ms = self.lengths_ms[0]
        for slot, pane in enumerate(self.open_panes.tolist()):
            if pane >= 0:
                yield Due((pane + 1) * pane_ms, pane_ms, pane * pane_ms, slot, True)
        for k, start in enumerate(self.longer_starts.tolist()):
            if start >= 0:
                length = self.lengths_ms[1 + k]
                yield Due(start + length, length, start, len(self.open_panes) + k, False)

    def accumulators_of(self, pane: Due) -> list[int]:
        """Slots of the longer windows that hold this pane, opened if need be."""
        slots = []
        for k, length in enumerate(self.lengths_ms[1:]):
            self.longer_starts[k] = pane.start_ms // length * length
            slots.append(len(self.open_panes) + k)
        return slots

    def close(self, due: Due) -> None:
        """The window is done: its slot is free."""
        if due.is_pane:
            self.open_panes[due.slot] = -1
        else:
            self.longer_starts[due.slot - len(self.open_panes)] = -1
