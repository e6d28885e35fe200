"""From values to codes: which quantile bin of the reference a number falls into.

Everything downstream (histograms, tests, detectors) works on these codes, so the look-up is done once per value.
Bins are (edge[b-1], edge[b]]: code = number of edges strictly below the value.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from driftline.processors.arrays import F64, U16
from driftline.processors.codes import BINS, INVALID_CODE, MISSING_CODE


def padded_edges(edges: list[list[float]]) -> F64:
    """float64[M, 256]: each field's inner edges, filled up with +inf (no value is above it)."""
    table = np.full((len(edges), BINS), np.inf)
    for row, values in zip(table, edges, strict=True):
        row[: len(values)] = values
    return table


# It keeps the interpreter lock, as `admission.admit` does and for the same reason.
@njit(cache=True)
def encode_numeric(values: F64, edges: F64, codes: U16, columns: F64) -> None:
    """values: float64[n, M] (NaN missing, +inf invalid) -> codes: uint16[>= M, n] and columns: float64[M, n] (transposed).

    A branchless binary search over 256 padded edges: eight comparisons whatever the value, so no input is slow (S21).
    """
    n, fields = values.shape
    for m in range(fields):
        e = edges[m]
        for i in range(n):
            x = values[i, m]
            columns[m, i] = x
            b = 128 * (x > e[127])
            b += 64 * (x > e[b + 63])
            b += 32 * (x > e[b + 31])
            b += 16 * (x > e[b + 15])
            b += 8 * (x > e[b + 7])
            b += 4 * (x > e[b + 3])
            b += 2 * (x > e[b + 1])
            b += 1 * (x > e[b])
            if x != x:
                b = MISSING_CODE
            elif x == np.inf:
                b = INVALID_CODE
            codes[m, i] = np.uint16(b)


def encode_numeric_plain(values: F64, edges: F64) -> U16:
    """The same codes by numpy's searchsorted, for tests: uint16[M, n]."""
    codes = np.empty(values.shape[::-1], np.uint16)
    for m in range(values.shape[1]):
        x = values[:, m]
        codes[m] = np.searchsorted(edges[m], x, side="left")
        codes[m][np.isnan(x)] = MISSING_CODE
        codes[m][np.isposinf(x)] = INVALID_CODE
    return codes
