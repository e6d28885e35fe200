"""What the outcome side asks of the place where predictions wait for their labels.

A store is a cache of the logs: what it holds at a position is a pure function of the log prefixes at that position. So it
decides nothing. It keeps records of one fixed width under 64-bit keys and gives them back. A record that is no longer valid
may still be there or not; whoever reads it has to treat both alike.

Errors are a closed set (`driftline.schemas.errors`):

    StoreUnavailable   wait and call it again; nothing has been lost
    StoreDoubtful      records may be missing or wrong: `open` again and go on from what that says
    StoreFenced        another writer has opened it since: the same, if the partition is still ours

What `open` says, held against the position P of the state that reads it:

    None, or past P    `clear`, and read the logs again from the oldest prediction that can still be waiting
    before P           read the logs again from there up to P, for the records alone
    P                  go on
"""

from __future__ import annotations

from typing import Protocol

from driftline.processors.arrays import U8, U64, Bool


class JoinStore(Protocol):
    """Batched access by key. The keys of one call are unique; arrays that were given or taken are never kept or shared.

    Begins with `open`. Only `open`, `get`, `flush` and `clear` can fail, so a batch that could be read can be applied to its
    end.
    """

    @property
    def width(self) -> int:
        """Bytes of a record."""

    def open(self) -> bytes | None:
        """Begin, or begin again after an error: what was not flushed is forgotten. The position of what is there, or None.

        None: nothing is there that can be used. Raises StoreUnavailable.
        """

    def get(self, keys: U64) -> tuple[Bool, U8]:
        """What is stored under keys (uint64[n]): found (bool[n]) and records (uint8[n, width], zeros where not found).

        What was put before is seen at once. Raises StoreUnavailable, StoreDoubtful, StoreFenced.
        """

    def put(self, keys: U64, records: U8) -> None:
        """Store records (uint8[n, width]) under keys (uint64[n]), in place of what was there."""

    def commit(self, position: bytes, merged_ms: int) -> None:
        """All that was put so far belongs to this position of the logs, where a snapshot is being cut.

        merged_ms: the merged time T there, by which a store forgets what is too old; no clock is asked. It never goes back.
        """

    def flush(self, position: bytes) -> None:
        """A snapshot with this position is acknowledged: make what was put up to there durable, with the position.

        Of a position that was not committed since the store was opened nothing is known, and nothing is done. Raises
        StoreUnavailable (call it again, with this position or a later one), StoreDoubtful, StoreFenced.
        """

    def clear(self) -> None:
        """Forget every record and the position. Raises StoreUnavailable, StoreFenced."""

    def close(self) -> None:
        """Give up what is held of files and connections. What was not flushed is lost, as in a crash."""
