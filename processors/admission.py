"""What becomes of each event: applied, duplicate, late or rejected; and when the watermark closes a window.

The rules (DESIGN sections 4 and 5), in the order in which they are asked of an event:

1. *Plausible?*  Event time more than `future_tolerance_ms` past the record time, or before 2000-01-01: rejected.
2. *Watermark.*  max(plausible event time) seen, at most the record time, minus the lateness; it never goes back. A model
   without records for `idle_after_ms` is moved on by any later record of its partition.
3. *Close first.*  When the watermark has reached the end of an open window, the scan stops BEFORE this event: what came
   before it is applied, the windows are closed, and the scan resumes. So no result depends on how the log is cut up.
4. *Duplicate?*  First seen wins.
5. *Late?*  Its pane has closed (pane end <= watermark): counted and said, not applied.

Everything is integer milliseconds, and time arrives only in the records.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from driftline.processors.arrays import I32, I64, U8, U64
from driftline.processors.duplicates import DuplicateFilter, remember

APPLIED: Final = 0
DUPLICATE: Final = 1
LATE: Final = 2
REJECTED_FUTURE: Final = 3
REJECTED_PAST: Final = 4

EARLIEST_EVENT_MS: Final = 946_684_800_000
"""2000-01-01T00:00:00Z: anything before is most likely seconds that were meant to be milliseconds."""

NEVER: Final = np.iinfo(np.int64).max
_NOT_YET: Final = np.iinfo(np.int64).min // 4
"""Far in the past, with room to subtract a lateness without overflow."""

# positions in the clock array, int64[5]
WATERMARK: Final = 0
MAX_EVENT: Final = 1
MAX_RECORD: Final = 2
LAST_RECORD: Final = 3
NEXT_CLOSE: Final = 4


# It keeps the interpreter lock: to wait for it afterwards, beside a thread that decodes, takes longer than the scan.
@njit(cache=True)
def admit(
    start: int,
    event_ms: I64,
    record_ms: I64,
    partition_ms: I64,
    id_hash: U64,
    clock: I64,
    settings: I64,
    open_panes: I64,
    ring: U64,
    table: I32,
    head: I64,
    status: U8,
    slot: I32,
) -> int:
    """Decide events from `start` on, until a window has to close; returns the first event not decided.

    event_ms, record_ms, partition_ms: int64[n]; clock: int64[5] (above); settings: int64[4] = (pane_ms, lateness_ms,
    idle_after_ms or -1, future_tolerance_ms); open_panes: int64[P], pane number held by each slot, -1 = free.
    Writes status[i] (APPLIED ..) and slot[i] (where the event's pane lives) for every event decided.
    """
    pane_ms, lateness, idle_after, tolerance = settings[0], settings[1], settings[2], settings[3]
    for i in range(start, event_ms.shape[0]):
        at = event_ms[i]
        record = max(record_ms[i], clock[MAX_RECORD])
        clock[MAX_RECORD] = record
        plausible = EARLIEST_EVENT_MS <= at <= record + tolerance
        watermark = clock[WATERMARK]
        if idle_after >= 0 and clock[LAST_RECORD] > _NOT_YET and partition_ms[i] - clock[LAST_RECORD] >= idle_after:
            watermark = max(watermark, partition_ms[i] - idle_after - lateness)
        if plausible:
            clock[MAX_EVENT] = max(clock[MAX_EVENT], at)
            watermark = max(watermark, min(clock[MAX_EVENT], record) - lateness)
        clock[WATERMARK] = watermark
        if watermark >= clock[NEXT_CLOSE]:
            return i
        clock[LAST_RECORD] = record
        if not plausible:
            status[i] = REJECTED_PAST if at < EARLIEST_EVENT_MS else REJECTED_FUTURE
            continue
        if ring.shape[0] > 0 and not remember(id_hash[i], ring, table, head):
            status[i] = DUPLICATE
            continue
        pane = at // pane_ms
        end = (pane + 1) * pane_ms
        if end <= watermark:
            status[i] = LATE
            continue
        s = pane % open_panes.shape[0]
        open_panes[s] = pane
        clock[NEXT_CLOSE] = min(clock[NEXT_CLOSE], end)
        status[i] = APPLIED
        slot[i] = np.int32(s)
    return len(event_ms)


class Admission:
    """The clock, the open panes and the duplicate filter of one model on one partition."""

    def __init__(
        self, pane_ms: int, lateness_ms: int, idle_after_ms: int | None, future_tolerance_ms: int, dedup: int
    ) -> None:
        self.pane_ms = pane_ms
        idle = -1 if idle_after_ms is None else idle_after_ms
        self._settings: I64 = np.array([pane_ms, lateness_ms, idle, future_tolerance_ms], np.int64)
        self.clock: I64 = np.array([_NOT_YET, _NOT_YET, _NOT_YET, _NOT_YET, NEVER], np.int64)
        # Open panes lie in (watermark, record time + tolerance], and the watermark is at least event time - tolerance -
        # lateness: so this many consecutive panes, and a pane's slot is its number modulo the ring.
        self.open_panes: I64 = np.full((lateness_ms + future_tolerance_ms) // pane_ms + 2, -1, np.int64)
        self.duplicates = DuplicateFilter(dedup)

    @property
    def watermark_ms(self) -> int:
        """Event time up to which every window has closed; far in the past before the first event."""
        return int(self.clock[WATERMARK])

    def admit(
        self, start: int, event_ms: I64, record_ms: I64, partition_ms: I64, id_hash: U64, status: U8, slot: I32
    ) -> int:
        """Decide events from `start` on; the first event not yet decided is returned (close what is due, then resume)."""
        seen = self.duplicates
        if start == 0:
            seen.reserve(len(event_ms))
        return int(
            admit(
                start,
                event_ms,
                record_ms,
                partition_ms,
                id_hash,
                self.clock,
                self._settings,
                self.open_panes,
                seen.ring,
                seen.table,
                seen.head,
                status,
                slot,
            )
        )

    def latest_pane_end_ms(self) -> int:
        """End of the pane that record time, or the watermark, has reached: no pane that ends there has closed yet."""
        latest = max(int(self.clock[MAX_RECORD]), self.watermark_ms)
        return (latest // self.pane_ms + 1) * self.pane_ms

    def tick(self, partition_ms: int) -> None:
        """A later record or tick of the partition: an idle model's watermark moves on."""
        idle_after, lateness = int(self._settings[2]), int(self._settings[1])
        last = int(self.clock[LAST_RECORD])
        if idle_after >= 0 and last > _NOT_YET and partition_ms - last >= idle_after:
            self.clock[WATERMARK] = max(self.watermark_ms, partition_ms - idle_after - lateness)
