"""Two-sample Kolmogorov-Smirnov statistic over ordered cells: the largest gap between two cumulative histograms.

    D = max over cells j of |R_j / m - C_j / n|,   R_j, C_j the counts up to and including cell j
    p = Q(sqrt(n m / (n + m)) D),   Q(x) = 2 sum_{i>=1} (-1)^(i-1) exp(-2 i^2 x^2)

Q is the survival function of the Kolmogorov distribution: scipy.special.kolmogorov, scipy.stats.kstwobign.sf. With one
cell per distinct value D is the exact two-sample statistic. With wider cells D is at most smaller, so p is at most
larger: the test errs on the quiet side, and `ks_binning_bound` says by how much.

Source: Smirnov, Table for estimating the goodness of fit of empirical distributions, Ann. Math. Stat. 19, 1948;
Conover, Practical Nonparametric Statistics (3rd ed.), sec. 6.3, for ties and grouped data being conservative.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from driftline.processors.arrays import F64, Counts
from driftline.processors.kernels import njit_uncounted

KOLMOGOROV_MEAN: Final = math.sqrt(math.pi / 2.0) * math.log(2.0)
"""Mean of the Kolmogorov distribution, .8687: the integral of Q, term by term, is sqrt(pi/2) (1 - 1/2 + 1/3 - ...)."""


@njit_uncounted(fastmath=False)
def ks_statistic(reference_counts: Counts, counts: Counts) -> float:
    """D in [0, 1] of two rows of counts over the same ordered cells; NaN if either row is empty.

    reference_counts, counts: any dtype [k].
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
    largest = 0.0
    for i in range(counts.shape[0]):
        below_reference += float(reference_counts[i])
        below += float(counts[i])
        # cross-multiplied: whole numbers, so equal shares give exactly 0
        largest = max(largest, abs(below_reference * n - below * m))
    return largest / (n * m)


def ks_statistic_plain(reference_counts: ArrayLike, counts: ArrayLike) -> float:
    """The definition by cumulative sums: what `ks_statistic` is tested against.

    >>> ks_statistic_plain([1, 1, 1, 1], [0, 0, 1, 1])
    0.5
    """
    reference, current = np.asarray(reference_counts, np.float64), np.asarray(counts, np.float64)
    if reference.sum() <= 0 or current.sum() <= 0:
        return math.nan
    gaps = np.cumsum(reference) / reference.sum() - np.cumsum(current) / current.sum()
    return float(np.max(np.abs(gaps)))


def ks_p(d: ArrayLike, n: ArrayLike, m: ArrayLike) -> F64:
    """float64: asymptotic two-sided p-value of D at sample sizes n and m; NaN where D is NaN. Broadcasts."""
    window, reference = np.asarray(n, np.float64), np.asarray(m, np.float64)
    scale = np.sqrt(window * reference / (window + reference))
    return np.asarray(special.kolmogorov(scale * np.asarray(d, np.float64)), np.float64)


def ks_null_mean(n: ArrayLike, m: ArrayLike) -> F64:
    """float64: the D to expect without drift for a continuous field, .8687 sqrt(1/n + 1/m); cells have less."""
    window, reference = np.asarray(n, np.float64), np.asarray(m, np.float64)
    return np.asarray(KOLMOGOROV_MEAN * np.sqrt(1.0 / window + 1.0 / reference), np.float64)


def ks_binning_bound(reference_counts: ArrayLike, counts: ArrayLike, one_value: ArrayLike | None = None) -> float:
    """How much the exact D of the values can exceed the D of their cells:  binned D <= exact D <= binned D + bound.

    one_value: bool[k], the cells that can hold but a single value (an atom's cell); none if left out.

    Proof. Let G(x) = F_reference(x) - F_window(x), G_j its value at the upper end of cell j, p_j and q_j the cell's
    shares. The binned D is max |G_j|, a maximum over fewer points than the exact one: the left inequality. Inside cell
    j, F_reference rises by at most p_j and F_window by at most q_j above their values at the cell's lower end, so
    G_{j-1} - q_j <= G(x) <= G_{j-1} + p_j, hence |G(x)| <= max(G_{j-1} + p_j, q_j - G_{j-1}). The bound is what the
    largest of these has above the binned D; a cell of one value has no inside and is left out. As G_{j-1} + p_j = G_j +
    q_j, the bound is at most max_j min(p_j, q_j): about 1/64 for cells of equal shares, whatever the distribution.

    >>> round(ks_binning_bound([25] * 64, [10] * 64), 6)  # equal histograms: the values inside a cell may still differ
    0.015625
    """
    reference, current = np.asarray(reference_counts, np.float64), np.asarray(counts, np.float64)
    p, q = reference / reference.sum(), current / current.sum()
    gaps = np.cumsum(p) - np.cumsum(q)
    before = np.concatenate([[0.0], gaps[:-1]])
    inside = np.maximum(before + p, q - before)
    if one_value is not None:
        inside = np.where(np.asarray(one_value, np.bool_), 0.0, inside)
    return max(float(np.max(inside)) - float(np.max(np.abs(gaps))), 0.0)
