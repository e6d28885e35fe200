"""A worker that has records to read and reads none ends itself; whoever supervises it starts it again.

Faust and aiokafka can stop consuming without an error. So progress is judged on what was applied, against the ends that the
broker names, by a thread of its own that works also when the event loop hangs.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from faust.types import TP

EXIT_STALLED: Final = 70
"""EX_SOFTWARE of sysexits.h: restart me."""

log = logging.getLogger("driftline.watchdog")


def stalled_partitions(before: Mapping[TP, int], now: Mapping[TP, int], ends: Mapping[TP, int]) -> list[TP]:
    """Those with records to read whose next offset did not move between two looks.

    >>> a, b = TP("predictions", 0), TP("predictions", 1)
    >>> stalled_partitions({a: 5, b: 5}, {a: 5, b: 5}, {a: 9, b: 5}) == [a]
    True
    """
    return sorted(tp for tp, offset in now.items() if ends.get(tp, offset) > offset and before.get(tp) == offset)


class Watchdog:
    """`alive()` is called whenever all is well; when it was not for `stalled_after_s`, the process ends with stacks."""

    def __init__(
        self,
        stalled_after_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        end: Callable[[], None] | None = None,
    ) -> None:
        self._stalled_after_s, self._clock = stalled_after_s, clock
        self._end = end or _end_process
        self._well_at = clock()
        self._stopped = threading.Event()
        self.reason = ""

    def alive(self) -> None:
        """All is well at this moment."""
        self._well_at, self.reason = self._clock(), ""

    @property
    def silent_s(self) -> float:
        """Seconds since all was well."""
        return self._clock() - self._well_at

    def start(self) -> None:
        """Judge from now on, on a thread of its own."""
        self.alive()
        threading.Thread(target=self._judge, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        """Judge no more: the worker is on its way out."""
        self._stopped.set()

    def _judge(self) -> None:
        while not self._stopped.wait(min(1.0, self._stalled_after_s / 4)):
            if self.silent_s > self._stalled_after_s:
                log.critical("no progress for %.0f s (%s): ending", self.silent_s, self.reason or "no answer")
                self._end()
                return


def _end_process() -> None:
    """The stacks of all threads for whoever looks into it, then out, without waiting for anything that may hang."""
    faulthandler.dump_traceback(sys.stderr, all_threads=True)
    os._exit(EXIT_STALLED)
