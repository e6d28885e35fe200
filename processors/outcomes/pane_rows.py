"""The accumulator rows of a model: one for each pane of prediction time and group that has had a prediction in it.

A hash table finds the row of (pane, group). Rows are in the order in which they were first needed, which is a property of
the logs. They leave when no window that is still told of holds their pane; then the others move together.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from driftline.processors.arrays import F64, I32, I64, Bool
from driftline.processors.kernels import njit_uncounted

_SMALLEST: Final = 64


class RowArrays(NamedTuple):
    """What the kernels see of the rows; the first `used[0]` of `capacity` are taken."""

    sums: F64  # [capacity, width] see `columns`
    pane: I64  # [capacity] number of the pane: its start over its length
    group: I32  # [capacity]
    changed: I64  # [capacity] number of the operation that changed it last
    table: I32  # [2**k >= 2 * capacity] row + 1, 0 = free
    used: I64  # [1]


@njit_uncounted()
def _home(pane: np.int64, group: np.int64, mask: np.int64) -> np.int64:
    spread = np.uint64(pane) * np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(group) * np.uint64(0xC2B2AE3D27D4EB4F)
    spread ^= spread >> np.uint64(29)
    return np.int64(spread & np.uint64(mask))


@njit_uncounted()
def _slot_of(rows: RowArrays, pane: int, group: int) -> int:
    """Where the table has the row of a pane and group, or would have it."""
    mask = np.int64(rows.table.shape[0] - 1)
    slot = _home(np.int64(pane), np.int64(group), mask)
    while rows.table[slot] > 0:
        row = rows.table[slot] - 1
        if rows.pane[row] == pane and rows.group[row] == group:
            return int(slot)
        slot = (slot + 1) & mask
    return int(slot)


@njit_uncounted()
def find_row(rows: RowArrays, pane: int, group: int) -> int:
    """The row of a pane and group, -1 if there is none."""
    return int(rows.table[_slot_of(rows, pane, group)]) - 1


@njit_uncounted()
def row_of(rows: RowArrays, pane: int, group: int) -> int:
    """The row of a pane and group, made of zeros if there is none; there must be room for it."""
    slot = _slot_of(rows, pane, group)
    if rows.table[slot] > 0:
        return int(rows.table[slot]) - 1
    row = np.int32(rows.used[0])
    rows.used[0] += 1
    rows.table[slot] = row + 1
    rows.pane[row], rows.group[row], rows.changed[row] = pane, group, 0
    for column in range(rows.sums.shape[1]):
        rows.sums[row, column] = 0.0
    return int(row)


@njit_uncounted()
def _enter_all(rows: RowArrays) -> None:
    mask = np.int64(rows.table.shape[0] - 1)
    for row in range(rows.used[0]):
        slot = _home(rows.pane[row], np.int64(rows.group[row]), mask)
        while rows.table[slot] > 0:
            slot = (slot + 1) & mask
        rows.table[slot] = np.int32(row + 1)


class PaneRows:
    """The rows and their table; they grow by doubling, whenever the kernel says that it has no room."""

    def __init__(self, width: int) -> None:
        self.width = width
        self._allocate(_SMALLEST)

    def _allocate(self, capacity: int) -> None:
        self.arrays = RowArrays(
            sums=np.empty((capacity, self.width)),
            pane=np.zeros(capacity, np.int64),
            group=np.zeros(capacity, np.int32),
            changed=np.zeros(capacity, np.int64),
            table=np.zeros(2 * capacity, np.int32),
            used=np.zeros(1, np.int64),
        )

    def __len__(self) -> int:
        return int(self.arrays.used[0])

    @property
    def sums(self) -> F64:
        """float64[rows, width]: a view."""
        return self.arrays.sums[: len(self)]

    @property
    def pane(self) -> I64:
        """int64[rows]: a view."""
        return self.arrays.pane[: len(self)]

    @property
    def group(self) -> I32:
        """int32[rows]: a view."""
        return self.arrays.group[: len(self)]

    @property
    def changed(self) -> I64:
        """int64[rows]: a view."""
        return self.arrays.changed[: len(self)]

    def grow(self, at_least: int) -> None:
        """Room for at least so many rows more."""
        capacity = _SMALLEST
        while capacity < len(self) + at_least:
            capacity *= 2
        if capacity > len(self.arrays.pane):
            self.restore(self.sums, self.pane, self.group, self.changed, capacity)

    def keep(self, kept: Bool) -> None:
        """Only these rows (bool[rows]) stay, in their order."""
        self.restore(self.sums[kept], self.pane[kept], self.group[kept], self.changed[kept])

    def kept(self) -> tuple[F64, I64, I32, I64]:
        """For `restore`: sums, pane, group, changed; views."""
        return self.sums, self.pane, self.group, self.changed

    def restore(self, sums: F64, pane: I64, group: I32, changed: I64, capacity: int = _SMALLEST) -> None:
        """Take over these rows: float64[k, width], int64[k], int32[k], int64[k]."""
        while capacity < len(pane):
            capacity *= 2
        self._allocate(capacity)
        rows = self.arrays
        rows.used[0] = len(pane)
        self.sums[:], self.pane[:], self.group[:], self.changed[:] = sums, pane, group, changed
        _enter_all(rows)
