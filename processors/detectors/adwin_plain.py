"""ADWIN in plain Python, value by value as river 0.26.1 does it: what the kernel in `adwin` must equal."""

from __future__ import annotations

import math

from driftline.processors.detectors.adwin import ADWIN_MAX_BUCKETS, ADWIN_ROWS, CLOCK, MIN_WINDOW_LENGTH
from driftline.processors.detectors.protocol import LARGEST_VALUE


class PlainAdwin:
    """See `adwin.Adwin`. `rows`: how many rows of buckets are kept (the kernel has 14); up: increases only."""

    def __init__(self, delta: float = 0.002, rows: int = ADWIN_ROWS, *, up: bool = False) -> None:
        self.delta = delta
        self.up = up
        self.n_rows = rows
        self.reset()

    def reset(self) -> None:
        """Back to an empty window."""
        self.rows: list[list[float]] = [[] for _ in range(self.n_rows)]  # row r: sums of 2**r values, oldest first
        self.tick = 0
        self.width = 0.0
        self.total = 0.0
        self.variance = 0.0

    def update(self, x: float) -> bool:
        """Take one value; whether it alarms."""
        if not abs(x) <= LARGEST_VALUE:
            return False
        self._insert(x)
        self.tick += 1
        if self.tick % CLOCK:
            return False
        cuts, change = self._strongest_split()
        if not cuts:
            return False
        self.reset()
        return change > 0.0 or not self.up

    def _insert(self, x: float) -> None:
        self.width += 1.0
        if self.width > 1.0:
            d = x - self.total / (self.width - 1.0)
            self.variance += (self.width - 1.0) * d * d / self.width
        self.total += x
        self.rows[0].append(x)
        for r, row in enumerate(self.rows):
            if len(row) <= ADWIN_MAX_BUCKETS:
                return
            if r == self.n_rows - 1:
                self._forget(row.pop(0), float(2**r))
            else:
                self.rows[r + 1].append(row.pop(0) + row.pop(0))

    def _forget(self, bucket: float, size: float) -> None:
        """Drop the oldest bucket, as if its values had the window's variance."""
        left = self.width - size
        self.total -= bucket
        gap = bucket / size - self.total / left
        variance = self.variance - self.variance * size / self.width - size * left * gap * gap / self.width
        self.variance = max(0.0, variance)
        self.width = left

    def _strongest_split(self) -> tuple[bool, float]:
        """Whether any split is over its epsilon; newer mean less older mean at the most significant one."""
        n0, n1 = 0.0, self.width
        u0, u1 = 0.0, self.total
        cuts, strongest, change = False, -1.0, 0.0
        for r in range(self.n_rows - 1, -1, -1):
            for bucket in self.rows[r]:
                n0 += 2.0**r
                n1 -= 2.0**r
                u0 += bucket
                u1 -= bucket
                if n0 < MIN_WINDOW_LENGTH or n1 < MIN_WINDOW_LENGTH:
                    continue
                gap, epsilon = u1 / n1 - u0 / n0, self._epsilon(n0, n1)
                cuts |= abs(gap) > epsilon
                if abs(gap) / epsilon > strongest:
                    strongest, change = abs(gap) / epsilon, gap
        return cuts, change

    def _epsilon(self, n0: float, n1: float) -> float:
        d = math.log(2.0 * math.log(self.width) / self.delta)
        m = 1.0 / (n0 - MIN_WINDOW_LENGTH + 1.0) + 1.0 / (n1 - MIN_WINDOW_LENGTH + 1.0)
        return math.sqrt(2.0 * m * (self.variance / self.width) * d) + 2.0 / 3.0 * d * m
