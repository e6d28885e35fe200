"""Population stability index: the symmetrised Kullback-Leibler divergence of two histograms, in nats.

    PSI = sum over cells of (q_i - p_i) ln(q_i / p_i),   p_i = max(r_i / m, smoothing),   q_i = max(c_i / n, smoothing)

An empty cell counts as PSI_SMOOTHING = 1e-4 (the textbook floor); the shares are not renormalised after that. Whoever
picks another floor gets another number for the same data, so every window says which one was used.

Source: Lewis, An Introduction to Credit Scoring (1994); Siddiqi, Credit Risk Scorecards (2006), ch. 6, also for the
bands. Without drift (1/n + 1/m)^-1 PSI is about chi-square with k - 1 degrees of freedom (Yurdakul and Naranjo,
Statistical properties of the population stability index, J. Risk Model Validation 14(4), 2020): a small sample has a
large PSI by chance alone. Hence `psi_null_mean`, which belongs beside every PSI that is shown.
"""

from __future__ import annotations

import math
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from driftline.processors.arrays import Counts
from driftline.processors.kernels import njit_uncounted

PSI_SMOOTHING: Final = 1e-4
"""What an empty cell counts as: a share of one in ten thousand."""
PSI_MODERATE: Final = 0.1
PSI_MAJOR: Final = 0.2
"""The familiar limits; people disagree about .2 or .25 for the upper one, we take the more careful."""

_LARGE_MEAN: Final = 20.0
"""From this expected count on the second-order expansion of the null mean is within 0.5 %."""
_LOG: Final = np.array([-math.inf] + [math.log(count) for count in range(1, 128)])
"""Counts of a mean below 20 stay below 128 long after their probability is 1e-10; a table, as this is the hot part."""

PsiBand = Literal["none", "moderate", "major"]


@njit_uncounted(fastmath=False)
def psi(reference_counts: Counts, counts: Counts, smoothing: float) -> float:
    """PSI of two rows of counts over the same cells, in nats, >= 0; NaN if either row is empty.

    reference_counts, counts: any dtype [k]; smoothing: the least share of a cell, > 0.
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
        p = max(float(reference_counts[i]) / m, smoothing)
        q = max(float(counts[i]) / n, smoothing)
        if p != q:
            total += (q - p) * math.log(q / p)
    return total


def psi_plain(reference_counts: ArrayLike, counts: ArrayLike, smoothing: float) -> float:
    """The formula as the textbook has it: what `psi` is tested against.

    >>> round(psi_plain([100, 100], [150, 50], PSI_SMOOTHING), 6)
    0.274653
    """
    reference, current = np.asarray(reference_counts, np.float64), np.asarray(counts, np.float64)
    if reference.sum() <= 0 or current.sum() <= 0:
        return math.nan
    p = np.maximum(reference / reference.sum(), smoothing)
    q = np.maximum(current / current.sum(), smoothing)
    return float(np.sum((q - p) * np.log(q / p)))


@njit_uncounted(fastmath=False)
def _chance_of_one_cell(mean: float, n: float, smoothing: float) -> float:
    """Expected PSI term of a cell whose count is Poisson(mean) out of n, against its true share mean / n."""
    if mean >= _LARGE_MEAN:
        return (1.0 + 0.5 / mean) / n
    log_n = math.log(n)
    log_smoothing = math.log(smoothing)
    p = max(mean / n, smoothing)
    log_p = math.log(p)
    probability = math.exp(-mean)
    expected = 0.0
    count = 0
    while count <= mean or probability > 1e-10:
        q = max(count / n, smoothing)
        log_q = max(_LOG[count] - log_n, log_smoothing)
        expected += probability * (q - p) * (log_q - log_p)
        count += 1
        probability *= mean / count
    return expected


@njit_uncounted(fastmath=False)
def psi_null_mean(reference_counts: Counts, n: float, smoothing: float) -> float:
    """The PSI to expect from n values *without* drift, given the reference's counts; NaN if it is empty or n <= 0.

    The noise of the window and of the reference add up. For cells that hold many values this is (k - 1)(1/n + 1/m); for
    sparse cells, where the floor matters, each term is summed over a Poisson count, and (1 - share) makes it
    multinomial.
    """
    m = 0.0
    for i in range(reference_counts.shape[0]):
        m += float(reference_counts[i])
    if m <= 0.0 or n <= 0.0:
        return math.nan
    total = 0.0
    for i in range(reference_counts.shape[0]):
        r = float(reference_counts[i])
        if r > 0.0:
            share = r / m
            of_window = _chance_of_one_cell(n * share, n, smoothing)
            total += (1.0 - share) * (of_window + _chance_of_one_cell(r, m, smoothing))
    return total


def psi_null_mean_plain(reference_counts: ArrayLike, n: float, smoothing: float) -> float:
    """Twin of `psi_null_mean`: the same sums by whole arrays, over counts 0..199.

    >>> round(psi_null_mean_plain([1000] * 10, 1000.0, PSI_SMOOTHING), 5)  # 9 (1/1000 + 1/10000), and a little
    0.00995
    """
    reference = np.asarray(reference_counts, np.float64)
    m = float(reference.sum())
    if m <= 0 or n <= 0:
        return math.nan
    log_factorial = np.array([math.lgamma(c + 1.0) for c in range(200)])
    total = 0.0
    for share in reference[reference > 0] / m:
        for size in (n, m):
            mean = size * share
            if mean >= _LARGE_MEAN:
                total += (1 - share) * (1 + 0.5 / mean) / size
                continue
            count = np.arange(200.0)
            probability = np.exp(count * math.log(mean) - mean - log_factorial)
            p, q = max(share, smoothing), np.maximum(count / size, smoothing)
            total += (1 - share) * float(np.sum(probability * (q - p) * np.log(q / p)))
    return float(total)


def psi_band(value: float) -> PsiBand | None:
    """The familiar word for a PSI; None for NaN. Read it beside the null mean: at small n chance alone reaches a band.

    >>> [psi_band(x) for x in (0.05, 0.1, 0.2, math.nan)]
    ['none', 'moderate', 'major', None]
    """
    if math.isnan(value):
        return None
    if value < PSI_MODERATE:
        return "none"
    return "moderate" if value < PSI_MAJOR else "major"
