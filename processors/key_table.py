"""Where a 64-bit key lies: a table with open addressing and linear probing over an array of keys.

The table (int32[2**k], -1 = free) holds rows of the array and no keys, so an entry costs 4 bytes. Keys are hashes under a
secret of the model (see `id_hash`), so their low bits are the slot. Deletion shifts entries back, so there are no
tombstones, and a look-up stays O(1) for ever. The table must be larger than the number of its entries.
"""

from __future__ import annotations

import numpy as np

from driftline.processors.arrays import I32, U64
from driftline.processors.kernels import njit_uncounted


@njit_uncounted()
def slot_of(key: np.uint64, mask: np.int64) -> np.int64:
    """Where the search for a key begins."""
    return np.int64(key) & mask


@njit_uncounted()
def find(key: np.uint64, keys: U64, table: I32) -> np.int64:
    """The row of `key` in keys (uint64[rows]); -1 = the table has no entry for it."""
    mask = np.int64(table.shape[0] - 1)
    slot = slot_of(key, mask)
    while table[slot] >= 0:
        if keys[table[slot]] == key:
            return np.int64(table[slot])
        slot = (slot + 1) & mask
    return np.int64(-1)


@njit_uncounted()
def insert(row: np.int64, keys: U64, table: I32) -> None:
    """Add an entry for the key of this row, which has none yet."""
    mask = np.int64(table.shape[0] - 1)
    slot = slot_of(keys[row], mask)
    while table[slot] >= 0:
        slot = (slot + 1) & mask
    table[slot] = np.int32(row)


@njit_uncounted()
def forget(key: np.uint64, keys: U64, table: I32) -> None:
    """Remove the entry of `key`, which there must be, by backward-shift deletion.

    Knuth, TAOCP vol. 3, 6.4, algorithm R: no entry becomes unreachable, no tombstone stays.
    """
    mask = np.int64(table.shape[0] - 1)
    hole = slot_of(key, mask)
    while keys[table[hole]] != key:
        hole = (hole + 1) & mask
    probe = hole
    while True:
        table[hole] = -1
        while True:
            probe = (probe + 1) & mask
            if table[probe] < 0:
                return
            home = slot_of(keys[table[probe]], mask)
            # the entry may move back into the hole unless its home lies cyclically in (hole, probe]
            stays = hole < home <= probe if hole <= probe else home > hole or home <= probe
            if not stays:
                break
        table[hole] = table[probe]
        hole = probe


def empty_table(rows: int) -> I32:
    """A table for so many entries, filled to two thirds at most: 6 to 12 bytes for each entry."""
    size = 4
    while 2 * size < 3 * rows:
        size *= 2
    return np.full(size, -1, np.int32)
