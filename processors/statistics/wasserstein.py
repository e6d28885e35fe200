"""Wasserstein-1 distance (earth mover's distance) over ordered cells, in the units of the field itself.

    W = integral |F_reference(x) - F_window(x)| dx = sum over cells j of |R_j / m - C_j / n| (x_{j+1} - x_j)

Cell j stands for the position x_j: the mean of the reference's values in it. With one cell per distinct value, at that
value, W is the exact distance of the two samples (scipy.stats.wasserstein_distance). It has the field's units, so it
has no universal limit: 3 means three years for an age and three cents for a price. The end cells are open: values
beyond the reference's range count at the mean of the end cell, so a far shift is understated until
`wasserstein_at_least` corrects it.

Source: Vallender, Calculation of the Wasserstein distance between probability distributions on the line, Theory Probab.
Appl. 18, 1974.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from driftline.processors.arrays import F64, Counts
from driftline.processors.kernels import njit_uncounted


@njit_uncounted(fastmath=False)
def wasserstein(reference_counts: Counts, counts: Counts, positions: F64) -> float:
    """Distance in the units of `positions`, >= 0; NaN if either row is empty.

    reference_counts, counts: any dtype [k]; positions: float64[k], ascending; where both counts are 0 it is not
    read.
    """
    m = 0.0
    n = 0.0
    for i in range(counts.shape[0]):
        m += float(reference_counts[i])
        n += float(counts[i])
    if m <= 0.0 or n <= 0.0:
        return math.nan
    below_reference = 0.0
    below = 0.0
    last = 0.0
    total = 0.0
    for i in range(counts.shape[0]):
        r = float(reference_counts[i])
        c = float(counts[i])
        if r + c > 0.0:
            # before the first value nothing lies below: the gap is 0, so `last` may be anything finite
            total += abs(below_reference * n - below * m) * (positions[i] - last)
            last = positions[i]
            below_reference += r
            below += c
    return total / (n * m)


def wasserstein_plain(reference_counts: ArrayLike, counts: ArrayLike, positions: ArrayLike) -> float:
    """The integral over the whole arrays: what `wasserstein` is tested against.

    >>> wasserstein_plain([1, 1, 0], [0, 1, 1], [10.0, 20.0, 40.0])
    15.0
    """
    reference, current = np.asarray(reference_counts, np.float64), np.asarray(counts, np.float64)
    if reference.sum() <= 0 or current.sum() <= 0:
        return math.nan
    used = reference + current > 0
    p, q = reference[used] / reference.sum(), current[used] / current.sum()
    gaps = np.abs(np.cumsum(p) - np.cumsum(q))[:-1]
    return float(np.sum(gaps * np.diff(np.asarray(positions, np.float64)[used])))


def wasserstein_at_least(binned: ArrayLike, mean: ArrayLike, reference_mean: ArrayLike) -> F64:
    """float64: the binned distance, raised to |mean - reference_mean| where it is below; NaN stays NaN. Broadcasts.

    The exact distance is never below the difference of the means (every transport moves at least the mean), so this is
    never further from it than the binned one, and it is exact for a shift out of the reference's range. All three in
    the field's units; the means are those of all values, not of cells.

    >>> float(wasserstein_at_least(0.5, 12.0, 10.0))
    2.0
    """
    values = np.asarray(binned, np.float64)
    difference = np.abs(np.asarray(mean, np.float64) - np.asarray(reference_mean, np.float64))
    return np.where(difference > values, difference, values)


def wasserstein_binning_bound(
    reference_counts: ArrayLike, counts: ArrayLike, positions: ArrayLike, lower: ArrayLike, upper: ArrayLike
) -> float:
    """How far the distance of the cells can lie from that of the values, either way: |exact W - binned W| <= bound.

    lower, upper: float64[k], the least and greatest value a cell may hold. The end cells are open, so theirs are the
    least and greatest value of the two samples: a far outlier moves the exact distance by its distance / n, and the
    bound says so.

    Proof. Moving every value to its cell's position is a transport of each sample, and W is a metric, so
    |exact - binned| <= cost(reference) + cost(window), a cost being the mean distance moved. In cell j a value moves at
    most max(x_j - lower_j, upper_j - x_j): that is the window's term, weighted by q_j. The reference's values have mean
    x_j, and of all distributions on [a, b] with mean x the two-point one on {a, b} has the largest mean distance from x
    (|y - x| is convex in y), which is 2 (x - a)(b - x) / (b - a) <= (b - a) / 2: the reference's term, weighted by p_j.
    """
    reference, current = np.asarray(reference_counts, np.float64), np.asarray(counts, np.float64)
    x, a, b = (np.asarray(values, np.float64) for values in (positions, lower, upper))
    p, q = reference / reference.sum(), current / current.sum()
    below, above = x - a, b - x
    width = np.where(b > a, b - a, 1.0)  # a cell of one value moves nothing: below = above = 0
    moved_reference = np.where(p > 0, p * 2.0 * below * above / width, 0.0)
    moved_window = np.where(q > 0, q * np.maximum(below, above), 0.0)
    return float(moved_reference.sum() + moved_window.sum())
