"""What every sink does: takes signals in order, and is closed once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from driftline.schemas.signals import Signal


class Sink(Protocol):
    """Takes what monitors say."""

    def write(self, signals: Iterable[Signal]) -> None:
        """Take some signals, in order."""

    def close(self) -> None:
        """All has been said: make it durable."""
