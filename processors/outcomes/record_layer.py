"""Records by key, in memory, to be read, changed and handed over as a whole: one layer of `WriteBehind`."""

from __future__ import annotations

from typing import Final

import numpy as np

from driftline.processors.arrays import I32, U8, U64, Bool
from driftline.processors.kernels import njit_uncounted
from driftline.processors.key_table import empty_table, find, insert
from driftline.processors.outcomes.memory_store import read_rows

_SMALLEST_ROWS: Final = 256


@njit_uncounted()
def _put(new_keys: U64, new_rows: U8, count: int, keys: U64, table: I32, rows: U8) -> int:
    """Change or append records; returns how many rows are in use now.

    new_keys: uint64[n]; new_rows: uint8[n, width]; keys: uint64[m >= count + n], of which `count` are in use; table: see
    `key_table`; rows: uint8[m, width].
    """
    for i in range(new_keys.shape[0]):
        row = find(new_keys[i], keys, table)
        if row < 0:
            row = np.int64(count)
            keys[row] = new_keys[i]
            insert(row, keys, table)
            count += 1
        for byte in range(rows.shape[1]):
            rows[row, byte] = new_rows[i, byte]
    return count


@njit_uncounted()
def _insert_all(count: int, keys: U64, table: I32) -> None:
    for row in range(count):
        insert(np.int64(row), keys, table)


class RecordLayer:
    """Grows with use; records of `width` bytes."""

    def __init__(self, width: int) -> None:
        self._width, self._count = width, 0
        self._allocate(0)

    def __len__(self) -> int:
        return self._count

    @property
    def keys(self) -> U64:
        """uint64[n]: every key once, in the order in which they came; a view."""
        return self._keys[: self._count]

    @property
    def records(self) -> U8:
        """uint8[n, width]: the records of `keys`; a view."""
        return self._rows[: self._count]

    def read(self, wanted: U64, found: Bool, out: U8) -> None:
        """Fill in what is here and was not found yet: wanted (uint64[n]), found (bool[n]), out (uint8[n, width])."""
        if self._count:
            read_rows(wanted, self._keys, self._table, self._rows, found, out)

    def put(self, keys: U64, records: U8) -> None:
        """Store records (uint8[n, width]) under unique keys (uint64[n]), in place of what was there."""
        needed = self._count + len(keys)
        if needed > len(self._keys):
            old_keys, old_rows = self.keys, self.records
            self._allocate(max(needed, 2 * len(self._keys), _SMALLEST_ROWS))
            self._keys[: self._count] = old_keys
            self._rows[: self._count] = old_rows
            _insert_all(self._count, self._keys, self._table)
        self._count = int(_put(keys, records, self._count, self._keys, self._table, self._rows))

    def _allocate(self, rows: int) -> None:
        self._keys: U64 = np.empty(rows, np.uint64)
        self._rows: U8 = np.empty((rows, self._width), np.uint8)
        self._table: I32 = empty_table(rows)
