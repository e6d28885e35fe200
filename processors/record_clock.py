"""Record time of one log: when its records were written, as far as that is known."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from driftline.processors.arrays import I64

_LIMIT: Final = 2**60
_NO_TIME: Final = -(2**62)
"""Before any time, with room to subtract durations without overflow."""


class RecordClock:
    """Record time of one log and its running maximum over all records, also those that could not be read.

    A log without record times uses the event's own, as far as it is not past `as_of_ms`: an event from the future moves
    no clock and has the record time reached before it, so that its plausibility is judged as where there are such.
    """

    def __init__(self, as_of_ms: int | None) -> None:
        self._as_of_ms = as_of_ms
        self._latest_ms = _NO_TIME

    def resume_at(self, record_ms: int | None) -> None:
        """Go on where an earlier run of the same log stopped: its last running maximum, None before any."""
        self._latest_ms = _NO_TIME if record_ms is None else record_ms

    @property
    def latest_ms(self) -> int | None:
        """The running maximum; None before the first record with a time."""
        return None if self._latest_ms == _NO_TIME else self._latest_ms

    def from_log(self, record_ms: I64) -> tuple[I64, I64]:
        """record_ms, int64[n], of all records of a call -> (record_ms, its running maximum), both int64[n].

        Cut to +-2**60 ms: where producers stamp their records, any number may come, and durations are added to it.
        """
        record_ms = np.clip(record_ms, -_LIMIT, _LIMIT)
        return record_ms, self._advance(record_ms)

    def tick(self, record_ms: int) -> None:
        """A record of the log that is no event, and moves its clock all the same."""
        self.from_log(np.array([record_ms], np.int64))

    def from_events(self, n: int, events: Iterable[tuple[I64, I64]]) -> tuple[I64, I64]:
        """The same for n records of which those at `positions` have an event time; `events`: (positions, event_ms)."""
        times: I64 = np.full(n, _NO_TIME, np.int64)
        for positions, event_ms in events:
            times[positions] = event_ms
        future = np.zeros(n, np.bool_) if self._as_of_ms is None else times > self._as_of_ms
        times[future] = _NO_TIME
        latest = self._advance(times)
        record_ms = np.where(future, np.maximum(latest, 0), times)
        return record_ms, np.maximum(latest, record_ms)

    def _advance(self, times: I64) -> I64:
        latest: I64 = np.maximum(np.maximum.accumulate(times), self._latest_ms)
        if len(latest):
            self._latest_ms = int(latest[-1])
        return latest
