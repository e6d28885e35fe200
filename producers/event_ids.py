"""Ids of predictions: 128 random bits as 32 hexadecimal digits, from the system's generator, many at a time."""

from __future__ import annotations

import os
from itertools import count
from typing import Final, TypeAlias

_BYTES: Final = 16
_AT_ONCE: Final = 256  # asking the system costs some microseconds: so fewer than one call in a hundred pays for it

_Block: TypeAlias = tuple[bytes, "count[int]"]
"""Random bytes, and where in them the next id starts."""


class EventIds:
    """Gives ids that no other process and no other thread gives."""

    def __init__(self) -> None:
        self._block: _Block = b"", count(0, _BYTES)

    def next(self) -> str:
        """A new id. Safe to call from several threads: a count gives each of its numbers once."""
        block, starts = self._block
        start = next(starts)
        if start >= len(block):
            # another thread may do the same at the same time; then one block is used for one id only
            block, starts = os.urandom(_BYTES * _AT_ONCE), count(0, _BYTES)
            self._block = block, starts
            start = next(starts)
        return block[start : start + _BYTES].hex()

    def forget(self) -> None:
        """Throw away what is ready: after a fork the parent has the same."""
        self._block = b"", count(0, _BYTES)
