"""Mean and spread of a window's values, whatever their order.

Sums are kept in double-double arithmetic (an unevaluated pair hi + lo, error below 2**-100): with that a permutation of
the events, or a merge of two shards, changes nothing in the 12 digits that are written. Values are taken relative to the
reference's mean, which keeps sums of squares well conditioned.

Source: D. E. Knuth, TAOCP vol. 2, 4.2.2, theorem B (TwoSum); T. J. Dekker, Numer. Math. 18 (1971).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from driftline.processors.arrays import F64


@njit(cache=True, nogil=True, inline="always")
def add(m: F64, hi: int, x: float) -> None:
    """m[hi] + m[hi + 1] += x, exactly up to 2**-100."""
    s = m[hi] + x
    b = s - m[hi]
    error = (m[hi] - (s - b)) + (x - b)
    low = m[hi + 1] + error
    t = s + low
    m[hi + 1] = low - (t - s)
    m[hi] = t


@njit(cache=True, nogil=True)
def add_value(m: F64, x: float, center: float) -> None:
    """m: float64[6] = sum (hi, lo), sum of squares (hi, lo), minimum, maximum of one window's values."""
    d = x - center
    add(m, 0, d)
    add(m, 2, d * d)
    m[4] = min(m[4], x)
    m[5] = max(m[5], x)


@njit(cache=True, nogil=True)
def merge_moments(into: F64, other: F64) -> None:
    """Add another window's moments; both float64[..., 6] as flat rows [k, 6]."""
    for k in range(into.shape[0]):
        a, b = into[k], other[k]
        add(a, 0, b[0])
        add(a, 0, b[1])
        add(a, 2, b[2])
        add(a, 2, b[3])
        a[4] = min(a[4], b[4])
        a[5] = max(a[5], b[5])


def mean_and_sd(m: F64, n: F64, center: F64) -> tuple[F64, F64]:
    """float64[..., 6] moments of n values -> mean and sample standard deviation (n - 1), both NaN where n = 0.

    The deviation of a single value is 0.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        d = (m[..., 0] + m[..., 1]) / n
        squares = (m[..., 2] + m[..., 3]) - n * d * d
        variance = np.maximum(squares, 0.0) / np.maximum(n - 1, 1)
        return np.where(n > 0, center + d, np.nan), np.where(n > 0, np.sqrt(variance), np.nan)
