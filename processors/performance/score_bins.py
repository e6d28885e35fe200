"""48 bins of a probability, and the areas under the ROC and the precision-recall curve over them.

Two columns a bin, the weights of positive and negative labels, are all that a row keeps of the scores' order. Bins are .05
wide in the middle, .025 between .1 and .2 and between .8 and .9; towards 0 and 1 each is .73 of the one before, down to
.0017, because the scores of rare events crowd there: about equal steps of the odds. The ten groups of bins that make up
the tenths of [0, 1] are the bins of the calibration error.

What binning does to the area under the ROC curve: scores of one bin are ties, and a tie counts half. With P_b and Q_b the
shares of the positives and of the negatives that are in bin b,

    |binned - exact| <= 1/2 sum over b of P_b Q_b

since only pairs within one bin are judged wrongly, each by at most a half. Scores that order well inside a bin too make
the binned area a little smaller than the exact one: by .001 to .005 for calibrated scores of common shapes (the tests say
which).

Sources: Bamber, J. Math. Psychology 12, 1975 (area = Mann-Whitney statistic); DeLong, DeLong, Clarke-Pearson, Biometrics
44, 1988 (its variance); Davis and Goadrich, ICML 2006; Boyd, Eng, Page, ECML 2013 (precision inside a tie).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from driftline.processors.arrays import F64, I64
from driftline.processors.kernels import njit_uncounted

BINS: Final = 48
GROUPS: Final = 10

_TAIL: Final = 0.1 * 0.73 ** np.arange(13, -1, -1)
_QUARTERS: Final = np.array([5, 6, 7]) / 40.0
EDGES: Final = np.concatenate([_TAIL, _QUARTERS, np.arange(4, 17) / 20.0, 1.0 - _QUARTERS[::-1], 1.0 - _TAIL[::-1]])
"""float64[47]: bin b holds edge[b-1] <= score < edge[b]; the last one holds 1 as well."""
EDGES.setflags(write=False)

GROUP_OF_BIN: Final = np.repeat(np.arange(GROUPS), [14, 4, 2, 2, 2, 2, 2, 2, 4, 14])
"""int64[48]: the tenth of [0, 1] that a bin lies in."""
GROUP_OF_BIN.setflags(write=False)


@njit_uncounted(fastmath=False)
def bin_of(score: float) -> int:
    """The bin of a score in [0, 1]; -1 for any other, NaN included.

    >>> [bin_of(score) for score in (0.0, 0.1, 0.5, 0.9, 1.0, 1.5)]
    [0, 14, 24, 34, 47, -1]
    """
    if not 0.0 <= score <= 1.0:
        return -1
    low = 0
    high = BINS - 1
    while low < high:
        middle = (low + high) // 2
        if EDGES[middle] <= score:
            low = middle + 1
        else:
            high = middle
    return low


def bins_of(score: F64) -> I64:
    """int64[n]: `bin_of` by numpy's searchsorted."""
    found = np.searchsorted(EDGES, score, side="right")
    return np.where((score >= 0.0) & (score <= 1.0), found, -1).astype(np.int64)


def roc_auc(positive: F64, negative: F64) -> F64:
    """float64[k]: the share of pairs that the score puts in order, ties half; NaN without a positive or a negative.

    positive, negative: float64[k, bins], weights by ascending score.
    """
    below = np.cumsum(negative, axis=-1) - negative
    with np.errstate(invalid="ignore", divide="ignore"):
        pairs = positive.sum(axis=-1) * negative.sum(axis=-1)
        return np.asarray((positive * (below + 0.5 * negative)).sum(axis=-1) / pairs, np.float64)


def roc_auc_error_bound(positive: F64, negative: F64) -> F64:
    """float64[k]: how far `roc_auc` of these bins can be from that of the scores themselves."""
    with np.errstate(invalid="ignore", divide="ignore"):
        p = positive / positive.sum(axis=-1, keepdims=True)
        q = negative / negative.sum(axis=-1, keepdims=True)
    return np.asarray(0.5 * (p * q).sum(axis=-1), np.float64)


def roc_auc_se(positive: F64, negative: F64, positive_n: F64, negative_n: F64) -> F64:
    """float64[k]: DeLong's standard error of `roc_auc`; NaN below two positives or two negatives.

    positive_n, negative_n: float64[k], the effective numbers of labels behind the weights.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        p, n = positive.sum(axis=-1, keepdims=True), negative.sum(axis=-1, keepdims=True)
        area = roc_auc(positive, negative)[..., None]
        of_positive = (np.cumsum(negative, axis=-1) - 0.5 * negative) / n  # negatives below a positive of this bin
        of_negative = 1.0 - (np.cumsum(positive, axis=-1) - 0.5 * positive) / p  # positives above a negative
        s10 = (positive * (of_positive - area) ** 2).sum(axis=-1) / p[..., 0]
        s01 = (negative * (of_negative - area) ** 2).sum(axis=-1) / n[..., 0]
        variance = s10 / (positive_n - 1.0) + s01 / (negative_n - 1.0)
    return np.where((positive_n > 1.0) & (negative_n > 1.0), np.sqrt(np.maximum(variance, 0.0)), np.nan)


def pr_auc(positive: F64, negative: F64, one: F64) -> F64:
    """float64[k]: average precision, the mean precision at each positive; NaN without a positive.

    one: float64[k], the weight of a single positive. Inside a bin positives and negatives are taken as mixed evenly: half
    of the positive itself is counted as before it, so precision is (a + b t) / (c + d t) for t in 0..1, with a of c so far
    and b of d in the bin, integrated exactly. (scikit-learn takes the precision at the end of a tie for all of it.)
    """
    b = positive[..., ::-1]
    d = b + negative[..., ::-1]
    a, c = np.cumsum(b, axis=-1) - b + 0.5 * one[..., None], np.cumsum(d, axis=-1) - d + 0.5 * one[..., None]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_precision = b / d + (a - b * c / d) / d * np.log1p(d / c)
        area = np.where(b > 0.0, b * mean_precision, 0.0).sum(axis=-1) / positive.sum(axis=-1)
    return np.asarray(area, np.float64)
