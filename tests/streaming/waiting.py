"""Wait for what has to come, with a cap that only a fault reaches."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

PATIENCE_S: Final = 60.0
"""Generous: the machine may be busy with other tests."""

_LOOK_EVERY_S: Final = 0.05


def wait_until(reached: Callable[[], bool], what: str, cap_s: float = PATIENCE_S) -> float:
    """Seconds until `reached()`. Raises AssertionError after the cap."""
    began = time.monotonic()
    while not reached():
        if time.monotonic() - began > cap_s:
            raise AssertionError(f"after {cap_s:.0f} s, still not so: {what}")
        time.sleep(_LOOK_EVERY_S)
    return time.monotonic() - began
