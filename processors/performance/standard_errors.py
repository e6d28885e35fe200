"""How far a metric may be from its value on endlessly many predictions: standard errors from weighted sums.

A ratio of weighted sums R = sum w y / sum w has the variance sum w**2 (y - R)**2 / (sum w)**2 to first order (Cochran,
Sampling Techniques, 3rd ed. 1977, sec. 6.3), so for each class of outcomes the sum of w and of w**2 are enough. With weights
of 1 this is R (1 - R) / n.

A share of 0 or 1 among few would have no error at all by that. Its variance is taken at the share with two successes and two
failures more (Agresti and Coull, The American Statistician 52, 1998): otherwise, of many small segments, one without a
single error always stands out.
"""

from __future__ import annotations

import numpy as np

from driftline.processors.arrays import F64


def share_se(yes: F64, no: F64, yes_squares: F64, no_squares: F64) -> F64:
    """float64[k]: standard error of yes / (yes + no); NaN where both are 0. Arguments: sums of weights and their squares.

    >>> share_se(*(np.array([x]) for x in (90.0, 10.0, 90.0, 10.0))).round(4)  # sqrt(.885 * .115 / 100)
    array([0.0319])
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        two = 2.0 * (yes_squares + no_squares) / (yes + no)  # the weight of two predictions
        share = (yes + two) / (yes + no + 2.0 * two)
        added = 0.5 * two**2
        variance = (yes_squares + added) * (1.0 - share) ** 2 + (no_squares + added) * share**2
        return np.asarray(np.sqrt(variance / ((yes + no + 2.0 * two) * (yes + no))), np.float64)


def f1_se(hits: F64, misses: F64, hits_squares: F64, misses_squares: F64) -> F64:
    """float64[k]: standard error of 2 hits / (2 hits + misses), misses being false positives and false negatives.

    By the delta method; two hits and two misses are added first. NaN where both are 0.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        two = 2.0 * (hits_squares + misses_squares) / (hits + misses)
        added = 0.5 * two**2
        f1 = 2.0 * (hits + two) / (2.0 * (hits + two) + misses + two)
        variance = 4.0 * (1.0 - f1) ** 2 * (hits_squares + added) + f1**2 * (misses_squares + added)
        return np.asarray(np.sqrt(variance / ((2.0 * hits + misses + 3.0 * two) * (2.0 * hits + misses))), np.float64)


def mean_se(mean: F64, mean_square: F64, effective_n: F64) -> F64:
    """float64[k]: standard error of a mean, from the mean and the mean square of the values; NaN below two values."""
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = np.maximum(mean_square - mean**2, 0.0) / (effective_n - 1.0)
        return np.where(effective_n > 1.0, np.sqrt(variance), np.nan)


def effective_n(part: F64, whole: F64, whole_squares: F64) -> F64:
    """float64[k]: how many predictions of equal weight say as much as those of weight `part`; NaN for none at all.

    whole, whole_squares: sums of weights and of their squares from which the weight of one is known (Kish, Survey
    Sampling, 1965, sec. 11.7); for part = whole it is (sum w)**2 / sum w**2.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(part * whole / whole_squares, np.float64)
