"""Keeps signals in a list: for notebooks, tests and small replays."""

from __future__ import annotations

from collections.abc import Iterable

from driftline.schemas.signals import Signal


class MemorySink:
    """`signals` holds everything written, in order. Unbounded: the caller decides how much to write."""

    def __init__(self) -> None:
        self.signals: list[Signal] = []

    def write(self, signals: Iterable[Signal]) -> None:
        """Append them."""
        self.signals.extend(signals)

    def close(self) -> None:
        """Nothing to do."""
