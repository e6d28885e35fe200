"""How far the reading of a file is: called with bytes done and bytes in all, at most once a block."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[int, int], None]


def no_progress(done_bytes: int, total_bytes: int) -> None:
    """Nobody watches."""
