"""Sums of twice the precision of float64, as pairs of columns (high, low): for values that have no quantum.

Errors of a regression may be of any size. Their sums are unevaluated pairs with an error below 2**-100 of the largest sum
there was: after adding, taking away and merging in any order the 12 digits that are written are the same.

Source: D. E. Knuth, TAOCP vol. 2, 4.2.2, theorem B (TwoSum); T. J. Dekker, Numer. Math. 18, 1971 (exact product by
Veltkamp's splitting).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from driftline.processors.arrays import F64
from driftline.processors.kernels import njit_uncounted

_SPLITTER: Final = 2.0**27 + 1.0


@njit_uncounted(inline="always", fastmath=False)
def add_to_pair(sums: F64, high: int, x: float) -> None:
    """sums[high] + sums[high + 1] += x."""
    old = sums[high]
    s = old + x
    b = s - old
    low = sums[high + 1] + ((old - (s - b)) + (x - b))
    t = s + low
    sums[high + 1] = low - (t - s)
    sums[high] = t


def product_error_of_arrays(a: F64, b: F64, product: F64) -> F64:
    """a * b - product, exactly, for product = a * b rounded; |a| and |b| below 1e160. Any shape, or floats."""
    c = _SPLITTER * a
    a_high = c - (c - a)
    a_low = a - a_high
    c = _SPLITTER * b
    b_high = c - (c - b)
    b_low = b - b_high
    return a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)


_product_error: Final = njit_uncounted(inline="always", fastmath=False)(product_error_of_arrays)


@njit_uncounted(fastmath=False)
def add_product(sums: F64, high: int, a: float, b: float) -> None:
    """sums[high] + sums[high + 1] += a * b, with the product's own rounding error; |a| and |b| below 1e160."""
    product = a * b
    add_to_pair(sums, high, product)
    add_to_pair(sums, high, _product_error(a, b, product))


@njit_uncounted(fastmath=False)
def add_weighted_square(sums: F64, high: int, weight: float, a: float) -> None:
    """sums[high] + sums[high + 1] += weight * a * a, up to 2**-100 of it; |a| below 1e150."""
    product = weight * a
    add_product(sums, high, product, a)
    add_to_pair(sums, high, _product_error(weight, a, product) * a)


def merged(rows: F64, pairs: tuple[int, ...]) -> F64:
    """float64[..., width]: the sum of rows (float64[m, ..., width]) over the first axis.

    pairs: the high columns of pairs; all other columns are exact sums, which add up as they are.
    """
    total = rows.sum(axis=0)
    for high in pairs:
        pair = np.zeros((2, *rows.shape[1:-1]))
        for row in rows:
            add_to_pair_of_arrays(pair, row[..., high])
            add_to_pair_of_arrays(pair, row[..., high + 1])
        total[..., high], total[..., high + 1] = pair[0], pair[1]
    return np.asarray(total, np.float64)


def add_to_pair_of_arrays(pair: F64, x: F64) -> None:
    """`add_to_pair` for whole arrays: pair is float64[2, ...], (high, low); x is float64[...]."""
    old = pair[0].copy()
    s = old + x
    b = s - old
    low = pair[1] + ((old - (s - b)) + (x - b))
    pair[0] = s + low
    pair[1] = low - (pair[0] - s)


def without(total: F64, rows: F64, pairs: tuple[int, ...]) -> F64:
    """float64[k, width]: a total (float64[width]) of rows, less each of them (float64[k, width]); pairs as in `merged`."""
    rest = total - rows
    for high in pairs:
        pair = np.repeat(total[high : high + 2, None], len(rows), axis=1)
        add_to_pair_of_arrays(pair, -rows[:, high])
        add_to_pair_of_arrays(pair, -rows[:, high + 1])
        rest[:, high], rest[:, high + 1] = pair[0], pair[1]
    return np.asarray(rest, np.float64)
