"""Two threads: the event loop fetches and decodes, one thread applies. Order never depends on timing.

One run is applied at a time, and the next is decoded meanwhile; kernels release the interpreter lock, so on two cores both
threads are busy. The state of a partition is changed by that thread alone, and read by others only between two runs.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

from driftline.processors.log_partition import Applied, LogPartition
from driftline.schemas.inputs import Input
from driftline.schemas.log_records import LogRecords
from driftline.schemas.outputs import Output
from driftline.schemas.rejections import RejectionReason

_SWITCH_INTERVAL_S: Final = 0.0005
"""A thread that comes out of a kernel waits for the interpreter at most this long (usually 5 ms)."""


class Said(NamedTuple):
    """What is written of one run. `withheld`: why the dead letters of a flood that are only counted could not be read."""

    outputs: list[Output]
    withheld: list[RejectionReason]


class Done(NamedTuple):
    """One run that was applied, and what follows from it; appended_ms: record time of its last record."""

    applied: Applied
    said: Said
    appended_ms: int


class Engine:
    """`outputs_of(partition, applied, records)` makes outputs of what follows; it runs on the applying thread.

    `done` is called on the event loop for each run, in order; `failed` with the exception that ended an apply.
    """

    def __init__(
        self,
        outputs_of: Callable[[LogPartition, Applied, Input, LogRecords], Said],
        done: Callable[[Done], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        sys.setswitchinterval(_SWITCH_INTERVAL_S)
        self._outputs_of, self._done, self._failed = outputs_of, done, failed
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="apply")
        self._in_flight: asyncio.Future[Done] | None = None

    async def take(self, partition: LogPartition, source: Input, records: LogRecords, *, allow_gap: bool) -> int:
        """Decode now, apply in turn; the number of records missing before these (then nothing was taken), or 0."""
        run = partition.decode(source, records, allow_gap=allow_gap)
        if run.gap:
            return run.gap
        await self.drained()

        def job() -> Done:
            applied = partition.apply(run)
            return Done(applied, self._outputs_of(partition, applied, source, records), records.record_ms[-1])

        self._in_flight = asyncio.get_running_loop().run_in_executor(self._thread, job)
        self._in_flight.add_done_callback(self._finished)
        return 0

    def _finished(self, future: asyncio.Future[Done]) -> None:
        if future.cancelled():
            return
        error = future.exception()
        if error is not None:
            self._failed(error)
        else:
            self._done(future.result())

    async def drained(self) -> None:
        """Wait until nothing is being applied and all that was is handed on.

        Until the caller awaits again, nothing is: so it may look at the state, or cut it. Under a constant load two turns
        suffice: whoever waits first goes first, and a `take` waits only after it has decoded.
        """
        while self._in_flight is not None and not self._in_flight.done():
            await asyncio.wait([self._in_flight])

    def close(self) -> None:
        """End the thread; what it is doing is finished first."""
        self._thread.shutdown()
