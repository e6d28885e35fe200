"""When to write a tick: only where nothing else would move time on, and something waits for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from driftline.processors.admission import NEVER
from driftline.processors.monitor import Monitor

EVERY_MS_MIN: Final = 1_000
EVERY_MS_MAX: Final = 60_000


def tick_every_ms(idle_after_ms: int | None) -> int | None:
    """Time between ticks of a quiet partition, from the shortest `idle_after` of its models; None: no model wants any.

    A quarter of it, so that a window closes at most that much later than it could.

    >>> tick_every_ms(300_000), tick_every_ms(2_000), tick_every_ms(None)
    (60000, 1000, None)
    """
    return None if idle_after_ms is None else min(max(idle_after_ms // 4, EVERY_MS_MIN), EVERY_MS_MAX)


def wants_tick(*, every_ms: int | None, quiet_ms: float, read_to_end: bool, windows_open: bool) -> bool:
    """Whether a tick is due: the log was read to its end, nothing came for a while, and a window waits for time to pass.

    >>> wants_tick(every_ms=1_000, quiet_ms=1_500.0, read_to_end=True, windows_open=True)
    True
    >>> wants_tick(every_ms=1_000, quiet_ms=1_500.0, read_to_end=True, windows_open=False)
    False
    """
    return every_ms is not None and quiet_ms >= every_ms and read_to_end and windows_open


def shortest_idle_ms(monitors: Mapping[str, Monitor]) -> int | None:
    """The shortest `idle_after` of these models; None: none of them is ever idle."""
    return min((m.spec.idle_after_ms for m in monitors.values() if m.spec.idle_after_ms is not None), default=None)


def windows_open(monitors: Mapping[str, Monitor]) -> bool:
    """Whether a window of any of these models waits for time to pass."""
    return any(monitor.windows.next_close_ms() != NEVER for monitor in monitors.values())
