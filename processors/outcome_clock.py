"""How far both logs of a partition have been read, in record time: what the outcome side may go by.

The join of labels to predictions is a merge of the two logs by record time, as a running maximum for each log, ties
predictions first. It may advance to the frontier only: what has not been read of either log lies at or past it. So its
results do not depend on which log is read faster.
"""

from __future__ import annotations

from driftline.schemas.inputs import Input


class OutcomeClock:
    """Running maximum of record time over the applied records and ticks of each log.

    >>> clock = OutcomeClock()
    >>> clock.advance(Input.PREDICTIONS, 1_000)
    >>> clock.frontier_ms is None
    True
    >>> clock.advance(Input.LABELS, 400)
    >>> clock.frontier_ms
    400
    """

    def __init__(self) -> None:
        self.latest_ms: dict[Input, int | None] = dict.fromkeys(Input)

    def advance(self, source: Input, record_ms: int | None) -> None:
        """This log has been applied up to here; None: nothing of it has a time yet. It never goes back."""
        latest = self.latest_ms[source]
        if record_ms is not None and (latest is None or record_ms > latest):
            self.latest_ms[source] = record_ms

    @property
    def frontier_ms(self) -> int | None:
        """T, up to which both logs have been read; None as long as one of them has no record."""
        times = [ms for ms in self.latest_ms.values() if ms is not None]
        return min(times) if len(times) == len(self.latest_ms) else None
