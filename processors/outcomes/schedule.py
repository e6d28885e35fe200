"""When which window is told of: the due times of performance windows, on the merged clock of both logs.

A window is told of for the first time when its end and the allowed lateness have passed (revision 0), again 1/64, 1/32, ..
1/2 of the horizon later if something has changed in it (revisions 1 to 6), and for good when the horizon has passed
(revision 7, final). What is told at a due time D follows from all records with merged time < D and from no others.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Final, NamedTuple

NEVER_TOLD: Final = -1
FINAL_REVISION: Final = 7


class Due(NamedTuple):
    """One window to be told of; half-open [start_ms, start_ms + length_ms). Sorted in the order of telling."""

    due_ms: int
    length_ms: int
    start_ms: int
    revision: int
    told: int  # number of the last operation that was in what was told before, NEVER_TOLD if nothing was

    @property
    def end_ms(self) -> int:
        return self.start_ms + self.length_ms

    @property
    def final(self) -> bool:
        return self.revision == FINAL_REVISION


class Schedule:
    """The windows that are open, each with the time at which it is told of next.

    >>> schedule = Schedule([10, 20], lateness_ms=5, horizon_ms=64)
    >>> schedule.open(pane_start_ms=20, at_ms=21)
    >>> schedule.next_ms, schedule.pop()
    (35, Due(due_ms=35, length_ms=10, start_ms=20, revision=0, told=-1))
    """

    def __init__(self, lengths_ms: Sequence[int], lateness_ms: int, horizon_ms: int) -> None:
        self._lengths_ms = tuple(lengths_ms)
        self._ages_ms = [lateness_ms, *(lateness_ms + horizon_ms // part for part in (64, 32, 16, 8, 4, 2, 1))]
        self._dues: list[Due] = []
        self._open: set[tuple[int, int]] = set()

    @property
    def next_ms(self) -> int | None:
        """The earliest due time; None when no window is open."""
        return self._dues[0].due_ms if self._dues else None

    def open(self, pane_start_ms: int, at_ms: int) -> None:
        """A pane has got its first row at this merged time: every window that holds it is open from now on."""
        for length_ms in self._lengths_ms:
            start_ms = pane_start_ms // length_ms * length_ms
            if (length_ms, start_ms) not in self._open:
                self._open.add((length_ms, start_ms))
                end_ms = start_ms + length_ms
                revision = sum(end_ms + age_ms <= at_ms for age_ms in self._ages_ms[:-1])
                self._push(length_ms, start_ms, revision, NEVER_TOLD)

    def pop(self) -> Due:
        """The window that is due next; it is closed if this is its final word, else see `told`."""
        due = heapq.heappop(self._dues)
        if due.final:
            self._open.discard((due.length_ms, due.start_ms))
        return due

    def told(self, due: Due, operation: int) -> None:
        """It has been told of everything up to this operation; next comes its next revision."""
        self._push(due.length_ms, due.start_ms, due.revision + 1, operation)

    def waiting(self) -> list[Due]:
        """All open windows, by end and length."""
        return sorted(self._dues, key=lambda due: (due.end_ms, due.length_ms))

    def restore(self, dues: Sequence[Due]) -> None:
        """Take over these open windows and no others."""
        self._dues = sorted(Due(*due) for due in dues)
        self._open = {(due.length_ms, due.start_ms) for due in self._dues}

    def _push(self, length_ms: int, start_ms: int, revision: int, told: int) -> None:
        due_ms = start_ms + length_ms + self._ages_ms[revision]
        heapq.heappush(self._dues, Due(due_ms, length_ms, start_ms, revision, told))
