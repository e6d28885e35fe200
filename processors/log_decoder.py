"""Decodes one log in order, each record once, however it is fetched: again, in other runs, or with a hole.

Offsets below the cursor have been decoded and are skipped. A run that begins above it is refused: records may have been
lost on the way, and only who reads the log can tell (retention and transaction markers leave real gaps at its start). A
gap inside a run was seen by the broker itself, so it is real.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import TypeAlias

from driftline.processors.batches import DecodedBatch
from driftline.processors.log_run import DecodedRun
from driftline.processors.record_clock import RecordClock
from driftline.schemas.dead_letters import DeadLetter
from driftline.schemas.inputs import Input
from driftline.schemas.log_records import LogRecords

Decode: TypeAlias = Callable[[Sequence[bytes], Sequence[int], Sequence[int]], DecodedBatch]
"""Values, offsets and record times of records to what they become; moves the clock of the log on."""


class LogDecoder:
    """The decode cursor of one input; `clock` is the one that `decode` moves. Both may be ahead of what is applied.

    `again_until`: records below this offset were applied before and are read once more, for the outcome side alone.
    """

    def __init__(self, source: Input, decode: Decode, clock: RecordClock, next_offset: int) -> None:
        self.again_until = next_offset
        self._source = source
        self._decode = decode
        self._clock = clock
        self._cursor = next_offset

    def decode(self, records: LogRecords, allow_gap: bool) -> DecodedRun:
        """The records from the cursor on; see `DecodedRun.gap` for those that are refused."""
        cursor, n = self._cursor, len(records)
        first = bisect_left(records.offsets, cursor)
        if first == n:
            return DecodedRun(self._source, cursor, cursor)
        if first == 0 and records.offsets[0] > cursor and not allow_gap:
            return DecodedRun(self._source, cursor, cursor, gap=records.offsets[0] - cursor)
        self._cursor = records.offsets[-1] + 1
        new = max(first, bisect_left(records.offsets, self.again_until))
        run = DecodedRun(
            self._source,
            cursor,
            self._cursor,
            skipped=max(0, self._cursor - max(cursor, self.again_until) - (n - new)),
            create_time=records.create_time and new < n,
            traceparents=records.traceparents,
        )
        self._take(records, first, new, run)
        run.again = len(run.pieces)
        run.rejected.clear()  # as it was said when they were applied
        self._take(records, new, n, run)
        return run

    def rewind(self, next_offset: int, record_ms: int | None) -> None:
        """Forget what was decoded from this offset on; `record_ms`: running maximum of record time up to there."""
        self._cursor = next_offset
        self._clock.resume_at(record_ms)

    def _take(self, records: LogRecords, start: int, stop: int, run: DecodedRun) -> None:
        """Events and ticks of these positions."""
        at = start
        for tick in records.ticks:
            if start <= tick < stop:
                self._take_events(records, at, tick, run)
                self._take_tick(records.record_ms[tick], run)
                at = tick + 1
        self._take_events(records, at, stop, run)

    def _take_tick(self, record_ms: int, run: DecodedRun) -> None:
        """Time moves on after what came before the tick; of many ticks in a row the latest says it all."""
        self._clock.tick(record_ms)
        if len(run.pieces) == run.again:
            run.pieces.append(DecodedBatch([], [], 0, None))
        run.pieces[-1].last_record_ms = self._clock.latest_ms

    def _take_events(self, records: LogRecords, start: int, stop: int, run: DecodedRun) -> None:
        if start == stop:
            return
        offsets = records.offsets[start:stop]
        piece = self._decode(records.values[start:stop], offsets, records.record_ms[start:stop])
        run.pieces.append(piece)
        for rejection in piece.rejected:
            at = start + bisect_left(offsets, rejection.offset)
            value, record_ms = records.values[at], records.record_ms[at]
            run.rejected.append(DeadLetter(rejection.offset, rejection.reason, rejection.message, value, record_ms))
