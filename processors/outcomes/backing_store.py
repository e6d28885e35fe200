"""What a database has to do to be a join store behind `WriteBehind`: read, and write one batch with its position at once."""

from __future__ import annotations

from typing import Protocol

from driftline.processors.arrays import U8, U64, Bool


class BackingStore(Protocol):
    """Records by key, as of one position. Errors are those of `JoinStore`.

    Its content is that of one position at every moment that a new owner can see, also after a crash within `write`.
    """

    @property
    def width(self) -> int:
        """Bytes of a record."""

    def open(self) -> bytes | None:
        """Connect, or connect again after an error, as the one writer. The position of the last write, if it can be used."""

    def get(self, keys: U64) -> tuple[Bool, U8]:
        """Records under unique keys (uint64[n]): found (bool[n]), records (uint8[n, width], zeros where not found)."""

    def write(self, keys: U64, records: U8, position: bytes, merged_ms: int) -> None:
        """Store records (uint8[n, width]) under unique keys (uint64[n]), and the position, all of it or nothing.

        After an error it is not known which; the same call again, or one with all of this in it, makes it whole.
        """

    def clear(self) -> None:
        """Forget every record and the position."""

    def close(self) -> None:
        """Give up files and connections."""
