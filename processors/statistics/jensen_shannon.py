"""Jensen-Shannon *distance* (the root of the divergence) in base 2: 0 for equal histograms, 1 for disjoint ones.

    JS^2 = 1/2 sum p_i log2(p_i / w_i) + 1/2 sum q_i log2(q_i / w_i),   w_i = (p_i + q_i) / 2

The number that scipy.spatial.distance.jensenshannon(p, q, base=2) gives; its default, natural logarithms, is smaller by
the factor sqrt(ln 2). No smoothing is needed: an empty cell is well defined.

Source: Lin, Divergence measures based on the Shannon entropy, IEEE Trans. Inf. Theory 37(1), 1991, sec. IV; a metric by
Endres and Schindelin, A new metric for probability distributions, IEEE Trans. Inf. Theory 49(7), 2003.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from driftline.processors.arrays import F64, Counts
from driftline.processors.kernels import njit_uncounted


@njit_uncounted(fastmath=False)
def jensen_shannon_distance(reference_counts: Counts, counts: Counts) -> float:
    """Distance of two rows of counts over the same cells, base 2, in [0, 1]; NaN if either row is empty.

    reference_counts, counts: any dtype [k].
    """
    m = 0.0
    n = 0.0
    for i in range(counts.shape[0]):
        m += float(reference_counts[i])
        n += float(counts[i])
    if m <= 0.0 or n <= 0.0:
        return math.nan
    total = 0.0
    for i in range(counts.shape[0]):
        p = float(reference_counts[i]) / m
        q = float(counts[i]) / n
        if p == q:
            continue
        if p == 0.0 or q == 0.0:
            total += (p + q) * math.log(2.0)
            continue
        # p / w = 1 + t and q / w = 1 - t: log1p keeps the small differences that log(p / w) would round away
        t = (p - q) / (p + q)
        total += p * math.log1p(t) + q * math.log1p(-t)
    return math.sqrt(min(max(0.5 * total / math.log(2.0), 0.0), 1.0))


def jensen_shannon_distance_plain(reference_counts: ArrayLike, counts: ArrayLike) -> float:
    """The definition, by two Kullback-Leibler sums: what `jensen_shannon_distance` is tested against.

    >>> jensen_shannon_distance_plain([1, 0], [0, 5])
    1.0
    """
    reference, current = np.asarray(reference_counts, np.float64), np.asarray(counts, np.float64)
    if reference.sum() <= 0 or current.sum() <= 0:
        return math.nan
    p, q = reference / reference.sum(), current / current.sum()
    middle = (p + q) / 2
    divergence = 0.5 * sum(float(np.sum(x[x > 0] * np.log2(x[x > 0] / middle[x > 0]))) for x in (p, q))
    return math.sqrt(max(divergence, 0.0))


def jensen_shannon_null_distance(k: ArrayLike, n: ArrayLike, m: ArrayLike) -> F64:
    """float64: root mean square of the distance without drift, for k cells that hold about 20 values or more each.

    sqrt((k - 1)(1/n + 1/m) / (8 ln 2)): to second order JS^2 is PSI / (8 ln 2).
    """
    cells, window, reference = (np.asarray(x, np.float64) for x in (k, n, m))
    return np.asarray(np.sqrt((cells - 1.0) * (1.0 / window + 1.0 / reference) / (8.0 * math.log(2.0))), np.float64)
