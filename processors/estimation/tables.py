"""The tables that the estimates' kernels look up, in one shape for all tasks, and the quantum their values come in.

A task's kernel is `add(sums, prediction, score, starts, edges, values)`: curve c has steps starts[c] up to starts[c + 1],
each with a row of `values`; step k of it holds scores in (edge k - 1, edge k]. Values are whole multiples of a power of
two that is small beside them: sums of them are exact, so the order in which rows come, or panes are merged, changes
nothing.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from driftline.processors.arrays import F64, I64
from driftline.processors.kernels import njit_uncounted

DIGITS: Final = 24
"""Binary digits of a value. A sum of 2**29 of them (half a billion rows) is exact in float64, which has 53."""


class Tables(NamedTuple):
    """starts: int64[curves + 1]; edges: float64[steps], the upper edge of each step, the last of a curve +inf;
    values: float64[steps, columns], C order."""

    starts: I64
    edges: F64
    values: F64


NO_TABLES: Final = Tables(np.zeros(1, np.int64), np.zeros(0), np.zeros((0, 1)))


@njit_uncounted()
def step_of(edges: F64, first: int, end: int, score: float) -> int:
    """The step among first..end - 1 that holds the score: the first one whose upper edge is not below it."""
    low, high = first, end - 1
    while low < high:
        middle = (low + high) // 2
        if edges[middle] < score:
            low = middle + 1
        else:
            high = middle
    return low


def rounded(values: F64) -> F64:
    """To whole multiples of the power of two that leaves the largest of them DIGITS binary digits.

    >>> rounded(np.array([0.1, 1.0])).tolist()
    [0.10000002384185791, 1.0]
    """
    largest = float(np.abs(values).max(initial=0.0))
    if largest == 0.0:
        return np.zeros_like(values)
    quantum = math.ldexp(1.0, math.frexp(largest)[1] - DIGITS)
    multiples: F64 = np.round(values / quantum) * quantum
    return multiples
