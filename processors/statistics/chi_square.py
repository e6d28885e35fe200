"""Two-sample chi-square test of homogeneity: is the window a draw from the population the reference was drawn from?

    X2 = sum over cells of (c_i/n - r_i/m)^2 / P_i / (1/n + 1/m),   P_i = (c_i + r_i) / (n + m)

which is Pearson's statistic of the 2 x k table, so scipy.stats.chi2_contingency(table, correction=False). Without drift
it is about chi-square with k - 1 degrees of freedom, k the cells that are not empty in both. The reference is a sample
too: the one-sample form, which takes it as exact, alarms 2.8 times too often at n = m/20 and 1,025 times at n = m/2 (16
cells, p = 1e-6).

Source: Pearson, On the probability that two independent distributions of frequency are really samples from the same
population, Biometrika 8, 1911; Agresti, Categorical Data Analysis (3rd ed.), sec. 3.2.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from driftline.processors.arrays import F64, Counts
from driftline.processors.kernels import njit_uncounted


@njit_uncounted(fastmath=False)
def chi_square(reference_counts: Counts, counts: Counts) -> tuple[float, int]:
    """(X2, degrees of freedom) of two rows of counts over the same cells; (NaN, 0) if either row is empty.

    reference_counts, counts: any dtype [k]. Cells empty in both rows are skipped. One cell: (0.0, 0), no test.
    """
    m = 0.0
    n = 0.0
    for i in range(counts.shape[0]):
        m += float(reference_counts[i])
        n += float(counts[i])
    if m <= 0.0 or n <= 0.0:
        return math.nan, 0
    total = 0.0
    cells = 0
    for i in range(counts.shape[0]):
        r = float(reference_counts[i])
        c = float(counts[i])
        if r + c > 0.0:
            # the same fraction with one division; whole numbers, so nothing is rounded before it
            difference = c * m - r * n
            total += difference * difference / (r + c)
            cells += 1
    return total / (n * m), cells - 1


def chi_square_plain(reference_counts: ArrayLike, counts: ArrayLike) -> tuple[float, int]:
    """The formula above, term by term: what `chi_square` is tested against.

    >>> x2, dof = chi_square_plain([500, 300, 200], [450, 300, 250])
    >>> round(x2, 6), dof
    (8.187135, 2)
    """
    reference, current = np.asarray(reference_counts, np.float64), np.asarray(counts, np.float64)
    m, n = float(reference.sum()), float(current.sum())
    if m <= 0 or n <= 0:
        return math.nan, 0
    used = reference + current > 0
    r, c = reference[used], current[used]
    pooled = (c + r) / (n + m)
    return float(np.sum((c / n - r / m) ** 2 / pooled) / (1 / n + 1 / m)), int(used.sum()) - 1


def chi_square_p(x2: ArrayLike, dof: ArrayLike) -> F64:
    """float64: P(chi-square with `dof` degrees of freedom > x2); NaN where x2 is NaN or dof < 1. Broadcasts.

    How far the realised rate lies from p at the test cells in use is measured by benchmarks/statistics/x2_null.py.
    """
    degrees = np.asarray(dof, np.float64)
    with np.errstate(invalid="ignore"):
        testable = np.where(degrees >= 1.0, degrees, np.nan)
    return np.asarray(special.chdtrc(testable, np.asarray(x2, np.float64)), np.float64)
