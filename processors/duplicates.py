"""First seen wins: a count-bounded memory of prediction ids.

A 64-bit keyed hash of each id lies in a ring in order of arrival; an open-addressing table (linear probing, twice the
ring's size) finds it. The oldest id leaves when the ring is full, by backward-shift deletion, so the table never fills
with tombstones and a look-up stays O(1) for ever. An id costs 16 bytes: 8 in the ring, 2 x 4 in the table.

Beyond the horizon a duplicate counts as applied: `docs/concepts.md` says so, and the horizon is a setting (`dedup`).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from driftline.processors.arrays import I32, I64, U64
from driftline.processors.kernels import njit_uncounted
from driftline.processors.key_table import forget, slot_of

_SMALLEST_CAPACITY: Final = 1024


@njit_uncounted()
def remember(key: np.uint64, ring: U64, table: I32, head: I64) -> bool:
    """Whether `key` is new; a new key is stored and, when the ring is full, the oldest one is forgotten.

    ring: uint64[capacity]; table: int32[2**k >= 2 * capacity], -1 = free; head: int64[3] = (next ring index, count, number
    of the next id: how many were ever new).
    """
    mask = np.int64(table.shape[0] - 1)
    slot = slot_of(key, mask)
    while table[slot] >= 0:
        if ring[table[slot]] == key:
            return False
        slot = (slot + 1) & mask
    capacity = ring.shape[0]
    index = head[0]
    if head[1] == capacity:
        forget(ring[index], ring, table)
        # the removal may have shifted entries into, or out of, the probe path found above
        slot = slot_of(key, mask)
        while table[slot] >= 0:
            slot = (slot + 1) & mask
    else:
        head[1] += 1
    ring[index] = key
    table[slot] = np.int32(index)
    head[0] = index + 1 if index + 1 < capacity else 0
    head[2] += 1
    return True


@njit_uncounted()
def _remember_all(keys: U64, ring: U64, table: I32, head: I64) -> None:
    for i in range(keys.shape[0]):
        remember(keys[i], ring, table, head)


class DuplicateFilter:
    """The ring and its table; `limit` ids at most, memory grows with use and never past the limit.

    >>> ids = DuplicateFilter(limit=2)
    >>> [ids.is_new(key) for key in (7, 7, 8, 9, 7)]  # 7 is forgotten when 9 arrives
    [True, False, True, True, True]
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._allocate(min(limit, _SMALLEST_CAPACITY))

    def _allocate(self, capacity: int) -> None:
        size = 4
        while size < 2 * capacity:
            size *= 2
        self.ring: U64 = np.zeros(capacity, np.uint64)
        self.table: I32 = np.full(size, -1, np.int32)
        self.head: I64 = np.zeros(3, np.int64)

    def reserve(self, more: int) -> None:
        """Make room for `more` ids (as far as the limit allows), so that a kernel may insert them without a check."""
        wanted = min(self.limit, int(self.head[1]) + more)
        if wanted <= self.ring.shape[0]:
            return
        keys, next_number = self.keys(), self.next_number
        self._allocate(min(self.limit, max(wanted, 2 * self.ring.shape[0])))
        self._remember(keys, next_number)

    def is_new(self, key: int) -> bool:
        """Whether this 64-bit key was not among those remembered; it is remembered now."""
        self.reserve(1)
        return bool(remember(np.uint64(key), self.ring, self.table, self.head))

    @property
    def next_number(self) -> int:
        """The number that the next new id gets: ids are numbered in order of arrival, from 0 on."""
        return int(self.head[2])

    @property
    def first_number(self) -> int:
        """The number of the oldest id that is remembered; `next_number` when there is none."""
        return int(self.head[2] - self.head[1])

    def numbered(self, start: int, stop: int) -> U64:
        """uint64[stop - start]: a copy of the ids of these numbers, all of which are remembered."""
        places = int(self.head[0]) - self.next_number + np.arange(start, stop)
        keys: U64 = self.ring[places % max(self.ring.shape[0], 1)]
        return keys

    def keys(self) -> U64:
        """uint64[count]: what is remembered, oldest first."""
        return self.numbered(self.first_number, self.next_number)

    def restore(self, keys: U64, next_number: int) -> None:
        """Forget everything and remember `keys` (oldest first, the newest with number `next_number` - 1).

        A smaller limit keeps the newest.
        """
        kept = keys[-self.limit :] if self.limit else keys[:0]
        self._allocate(min(self.limit, max(_SMALLEST_CAPACITY, len(kept))))
        self._remember(kept, next_number)

    def _remember(self, keys: U64, next_number: int) -> None:
        _remember_all(keys, self.ring, self.table, self.head)
        self.head[2] = next_number
