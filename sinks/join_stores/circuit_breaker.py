"""Leaves a server alone that does not answer, so that waiting for it does not fill the time of who asks."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 15.0


class CircuitBreaker:
    """Closed: calls may be made. Open: none is made for a pause, which doubles from failure to failure. Then one is tried.

    >>> now = 0.0
    >>> breaker = CircuitBreaker(clock=lambda: now)
    >>> breaker.failed("timed out")
    >>> breaker.why_open()
    'timed out; tried again in 0.5 s'
    >>> now = 0.6
    >>> breaker.why_open() is None
    True
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pause_s = 0.0
        self._until_s = 0.0
        self._why = ""

    def why_open(self) -> str | None:
        """Why no call may be made now; None: it may."""
        rest_s = self._until_s - self._clock()
        return None if rest_s <= 0 else f"{self._why}; tried again in {rest_s:.1f} s"

    def failed(self, why: str) -> None:
        """A call had no answer."""
        self._pause_s = min(max(2 * self._pause_s, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
        self._until_s = self._clock() + self._pause_s
        self._why = why

    def succeeded(self) -> None:
        """A call had an answer."""
        self._pause_s = self._until_s = 0.0
