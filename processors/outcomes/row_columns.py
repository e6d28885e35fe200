"""Where the columns of an accumulator row begin and end.

common and task      `driftline.processors.performance`
estimate             `driftline.processors.estimation`
of the join itself   WAITING: labels read in this pane of record time whose prediction has not come; EVICTED: facts that a
                     bounded store dropped while they could still be joined. Both in rows of the whole model only.
"""

from __future__ import annotations

from typing import Final, NamedTuple

JOIN_COLUMNS: Final = 2


class RowColumns(NamedTuple):
    """[0, task_end) common and task, [task_end, estimate_end) estimate, then the join's own two."""

    task_end: int
    estimate_end: int

    @property
    def waiting(self) -> int:
        return self.estimate_end

    @property
    def evicted(self) -> int:
        return self.estimate_end + 1

    @property
    def width(self) -> int:
        return self.estimate_end + JOIN_COLUMNS
