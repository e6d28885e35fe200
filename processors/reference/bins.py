"""Bins of a numeric field: equal shares of the reference, each repeated value in one bin, edges a person can read.

Up to 256 distinct values get a bin each. More are cut at the 1/256 quantiles; a value that is heavier than two such
shares is cut on both sides, so that it has its bin to itself. That never takes more than 255 edges: a value of mass
c/256 swallows at least c - 1 of the quantile cuts, and gets one back.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from driftline.processors.arrays import F64, I64
from driftline.processors.codes import BINS, cell_of_bin

_HUGE: Final = 1e150
"""Squares of larger values are past the end of float64. Others are not scaled: it would cost the smallest their digits."""


def inner_edges(values: F64) -> list[float]:
    """Strictly ascending inner edges, at most 255, for bins (edge[b-1], edge[b]]; values: float64[n], finite.

    >>> inner_edges(np.array([1.0, 2.0, 2.0, 5.0]))
    [1.5, 3.5]
    """
    distinct, counts = np.unique(values, return_counts=True)
    return [edge_between(float(distinct[c]), float(distinct[c + 1])) for c in _cuts(counts.astype(np.int64))]


def _cuts(counts: I64) -> I64:
    """int64[<= 255], ascending: cut after the distinct values at these positions; counts: of each distinct value."""
    last = len(counts) - 1
    if last < BINS:
        return np.arange(max(last, 0))
    n = counts.sum()
    quantiles = np.searchsorted(BINS * np.cumsum(counts), n * np.arange(1, BINS))
    before_heavy = np.flatnonzero(BINS * counts >= 2 * n) - 1
    cuts: I64 = np.unique(np.concatenate([quantiles, before_heavy]))
    return cuts[(cuts >= 0) & (cuts < last)]


def edge_between(low: float, high: float) -> float:
    """A number in [low, high) close to the middle of the gap, with as few digits as possible.

    It is above `low` unless the two are neighbouring floats, so no rounding of a producer moves a value across it.

    >>> edge_between(3.0, 4.0), edge_between(0.123456, 0.123789), edge_between(10.0, 1000.0)
    (3.5, 0.1236, 500.0)
    """
    middle = low / 2 + high / 2
    for digits in range(1, 18):
        edge = float(f"{middle:.{digits}g}")
        if low < edge < high and abs(edge - middle) <= high / 10 - low / 10:
            return edge + 0.0  # never -0.0
    return middle if low <= middle < high else low


def bin_counts(ascending: F64, edges: list[float]) -> list[int]:
    """Values in each bin; ascending: float64[n], sorted."""
    ends = np.searchsorted(ascending, edges, side="right")
    return [int(c) for c in np.diff(np.concatenate([[0], ends, [len(ascending)]]))]


def cell_means(ascending: F64, counts: list[int]) -> list[float]:
    """Mean value of each histogram cell, ascending; a cell without rows repeats the one below (the first ones: above).

    Exactly rounded sums, so that the file has the same bytes on every machine. Empty when there are no values.
    """
    means: list[float] = []
    start = 0
    for end in _rows_up_to_each_cell(counts):
        if end > start:
            means.append(exact_mean(ascending[start:end]))
        else:
            means.append(means[-1] if means else math.nan)
        start = end
    first = next((mean for mean in means if mean == mean), 0.0)
    return [first if mean != mean else mean for mean in means]


def exact_mean(values: F64) -> float:
    """The exactly rounded sum over n, also where the sum would be past the end of float64; values: float64[n > 0].

    >>> exact_mean(np.array([0.1] * 10)), exact_mean(np.array([1.7e308, 1.7e308]))
    (0.1, 1.7e+308)
    """
    scale = 2.0**64 if np.abs(values).max() > _HUGE else 1.0
    return math.fsum((values / scale).tolist()) / len(values) * scale


def deviation(values: F64, mean: float) -> float:
    """Sample standard deviation (n - 1; 0 for a single value), from an exactly rounded sum; values: float64[n > 0]."""
    scale = 2.0**600 if np.abs(values).max() > _HUGE else 1.0
    squares = math.fsum(((values / scale - mean / scale) ** 2).tolist())
    return min(math.sqrt(squares / max(len(values) - 1, 1)) * scale, float(np.finfo(np.float64).max))


def _rows_up_to_each_cell(counts: list[int]) -> list[int]:
    """Cumulative rows, for cell 0 up to the last cell that is used."""
    rows = np.bincount(cell_of_bin(counts), weights=counts)
    return [int(end) for end in np.cumsum(rows)]
