"""The join store in memory: a ring of the newest records, bounded by their number.

Every record carries the number of its insertion (a uint64 at byte `number_at`), counted by who writes it, in the order of
the log. The record with number s lies in row s modulo `capacity`, so a record is there exactly as long as it is among the
last `capacity` insertions, however they come in batches. A key that is inserted again has a new number and a new row.

    row of the ring     key 8 B | record `width` B
    key table           int32 rows, filled to 1/3 .. 2/3: 6 to 12 B for each row

With records of 96 bytes (two segment sets) a pending prediction takes 110 to 116 bytes. Memory grows with use. Nothing
outlives the process: after a restart the store is filled again from the logs.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from driftline.processors.arrays import I32, I64, U8, U64, Bool
from driftline.processors.kernels import njit_uncounted
from driftline.processors.key_table import empty_table, find, forget, insert

_SMALLEST_ROWS: Final = 1024


@njit_uncounted()
def read_rows(wanted: U64, keys: U64, table: I32, rows: U8, found: Bool, out: U8) -> None:
    """Copy the record of each wanted key that is there, and is not found yet, to its row of `out`.

    wanted: uint64[n]; keys: uint64[m]; table: see `key_table`; rows: uint8[m, width]; found: bool[n]; out: uint8[n, width].
    """
    for i in range(wanted.shape[0]):
        if found[i]:
            continue
        row = find(wanted[i], keys, table)
        if row >= 0:
            found[i] = True
            for byte in range(rows.shape[1]):
                out[i, byte] = rows[row, byte]


@njit_uncounted()
def _put(new_keys: U64, new_rows: U8, numbers: I64, capacity: int, head: I64, keys: U64, table: I32, rows: U8) -> None:
    """Store records by their numbers.

    new_keys: uint64[n]; new_rows: uint8[n, width]; numbers: int64[n]; head: int64[2] = (number of row 0, newest number);
    keys: uint64[m], table, rows: uint8[m, width], with room for every row that is needed.
    """
    for i in range(new_keys.shape[0]):
        number = numbers[i]
        if number <= head[1] - capacity:
            continue  # the ring has gone past it
        head[1] = max(head[1], number)
        row = (number - head[0]) % capacity
        known = find(new_keys[i], keys, table)
        if known != row:
            if known >= 0:
                forget(new_keys[i], keys, table)
            if find(keys[row], keys, table) == row:  # else it is free, or its key has moved on
                forget(keys[row], keys, table)
            keys[row] = new_keys[i]
            insert(row, keys, table)
        for byte in range(rows.shape[1]):
            rows[row, byte] = new_rows[i, byte]


@njit_uncounted()
def _renew_table(old: I32, keys: U64, table: I32) -> None:
    for slot in range(old.shape[0]):
        if old[slot] >= 0:
            insert(np.int64(old[slot]), keys, table)


class MemoryStore:
    """The newest `capacity` records of `width` bytes, numbered at byte `number_at`; a `JoinStore`.

    >>> store = MemoryStore(width=8, number_at=0, capacity=2)
    >>> numbered = np.arange(3, dtype="<u8").view(np.uint8).reshape(3, 8)
    >>> store.put(np.array([70, 71, 72], np.uint64), numbered)
    >>> store.get(np.array([70, 71, 72], np.uint64))[0].tolist()
    [False, True, True]
    """

    def __init__(self, width: int, number_at: int, capacity: int) -> None:
        """Raises ValueError when the number does not lie within the record."""
        if not 0 <= number_at <= width - 8 or capacity < 1:
            raise ValueError(f"no number at byte {number_at} of a record of {width} bytes, or no room: {capacity}")
        self._width, self._number_at, self.capacity = width, number_at, capacity
        self.clear()

    @property
    def width(self) -> int:
        return self._width

    @property
    def nbytes(self) -> int:
        """Bytes of memory that are held now."""
        return self._keys.nbytes + self._rows.nbytes + self._table.nbytes

    def open(self) -> bytes | None:
        """Empty, so None."""
        self.clear()
        return None

    def get(self, keys: U64) -> tuple[Bool, U8]:
        found = np.zeros(len(keys), np.bool_)
        records = np.zeros((len(keys), self._width), np.uint8)
        read_rows(keys, self._keys, self._table, self._rows, found, records)
        return found, records

    def put(self, keys: U64, records: U8) -> None:
        if len(keys) == 0:
            return
        at = self._number_at
        numbers = np.ascontiguousarray(records[:, at : at + 8]).view("<i8").ravel()
        if self._head[1] < 0:
            self._head[0] = numbers.min()
        self._make_room(int(((numbers - self._head[0]) % self.capacity).max()) + 1)
        _put(keys, records, numbers, self.capacity, self._head, self._keys, self._table, self._rows)

    def commit(self, position: bytes, merged_ms: int) -> None:
        """Nothing to do: nothing is kept for a later owner."""

    def flush(self, position: bytes) -> None:
        """Nothing to do, as for `commit`."""

    def clear(self) -> None:
        self._head: I64 = np.array([0, -1], np.int64)  # number of row 0, newest number; -1: nothing was put yet
        self._allocate(min(self.capacity, _SMALLEST_ROWS))

    def close(self) -> None:
        """Nothing to do."""

    def _allocate(self, rows: int) -> None:
        self._keys: U64 = np.zeros(rows, np.uint64)
        self._rows: U8 = np.zeros((rows, self._width), np.uint8)
        self._table: I32 = empty_table(rows)

    def _make_room(self, rows: int) -> None:
        """By half more at least, so that a record is moved three times at most on average, and never past the capacity."""
        held = len(self._keys)
        if rows <= held:
            return
        old_keys, old_rows, old_table = self._keys, self._rows, self._table
        self._allocate(min(self.capacity, max(rows, held + held // 2)))
        self._keys[:held] = old_keys
        self._rows[:held] = old_rows
        _renew_table(old_table, self._keys, self._table)
