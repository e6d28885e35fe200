"""Mean and spread of a window's values, whatever their order.

Sums are kept in double-double arithmetic (an unevaluated pair hi + lo, error below 2**-100): with that a permutation of
the events, or a merge of two shards, changes nothing in the 12 digits that are written. Values are taken relative to the
reference's mean, which keeps sums of squares well conditioned.

Source: D. E. Knuth, TAOCP vol. 2, 4.2.2, theorem B (TwoSum); T. J. Dekker, Numer. Math. 18 (1971).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from driftline.processors.arrays import F64
from driftline.processors.kernels import njit_uncounted

MOMENTS: Final = 6
"""Of the values of a window: a sum and a sum of squares in double-double (hi, lo), minimum, maximum."""

REACH_MAX: Final = 1e145
"""Squares of larger distances from the center are near the end of float64: such a window has no mean and deviation."""


@njit_uncounted(inline="always")
def add(m: F64, row: int, hi: int, x: float) -> None:
    """m[row, hi] + m[row, hi + 1] += x, exactly up to 2**-100."""
    old = m[row, hi]
    s = old + x
    b = s - old
    low = m[row, hi + 1] + ((old - (s - b)) + (x - b))
    t = s + low
    m[row, hi + 1] = low - (t - s)
    m[row, hi] = t


@njit_uncounted(inline="always")
def add_value(m: F64, row: int, x: float, center: float) -> None:
    """m: float64[k, 6], rows of sum (hi, lo), sum of squares (hi, lo), minimum, maximum of a window's values."""
    # cut, so that no sum ever overflows: whether it did would depend on the order of the values
    d = min(max(x - center, -REACH_MAX), REACH_MAX)
    add(m, row, 0, d)
    add(m, row, 2, d * d)
    m[row, 4] = min(m[row, 4], x)
    m[row, 5] = max(m[row, 5], x)


@njit_uncounted()
def merge_moments(into: F64, other: F64) -> None:
    """Add other windows' moments to these, row by row; both float64[k, 6]."""
    for row in range(into.shape[0]):
        add(into, row, 0, other[row, 0])
        add(into, row, 0, other[row, 1])
        add(into, row, 2, other[row, 2])
        add(into, row, 2, other[row, 3])
        into[row, 4] = min(into[row, 4], other[row, 4])
        into[row, 5] = max(into[row, 5], other[row, 5])


def mean_and_sd(m: F64, n: F64, center: F64) -> tuple[F64, F64]:
    """float64[..., 6] moments of n values -> mean and sample standard deviation (n - 1), both NaN where n = 0.

    The deviation of a single value is 0. Squares were rounded once each: values that lie a million times their own spread
    from the center have a deviation good to four digits, and still the same one in any order. Where a value lies further
    than REACH_MAX from the center both are NaN too.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        reach = np.maximum(center - m[..., 4], m[..., 5] - center)
        known = (n > 0) & (reach <= REACH_MAX)
        d = (m[..., 0] + m[..., 1]) / n
        squares = (m[..., 2] + m[..., 3]) - n * d * d
        variance = np.maximum(squares, 0.0) / np.maximum(n - 1, 1)
        return np.where(known, center + d, np.nan), np.where(known, np.sqrt(variance), np.nan)
