"""Two threads for a replay: this one reads, decodes and writes, the other applies.

Kernels release the interpreter lock, so on two cores both are busy. One job is in flight at a time, so order, and with it
every byte of the output, does not depend on timing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, TypeVar

_SWITCH_INTERVAL_S: Final = 0.0005

Result = TypeVar("Result")


def applied_ahead(jobs: Iterable[Callable[[], Result]]) -> Iterator[Result]:
    """The result of each job, in order; while one runs, the next is made."""
    with _quick_turns(), ThreadPoolExecutor(1, thread_name_prefix="apply") as applier:
        in_flight: Future[Result] | None = None
        for job in jobs:
            done, in_flight = in_flight, applier.submit(job)
            if done is not None:
                yield done.result()
        if in_flight is not None:
            yield in_flight.result()


@contextmanager
def _quick_turns() -> Iterator[None]:
    """A thread that comes out of a kernel waits for the interpreter at most half a millisecond (usually 5)."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
