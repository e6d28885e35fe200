"""The bets of the Shiryaev-Roberts mixture: what each of 24 lanes multiplies its stake by, for every value it may see.

A value arrives as one of 256 levels that are equally likely while nothing has drifted (a randomised
probability-integral transform), or as "missing". A bet is fair when its mean over the 256 levels is 1; then the average
run length of the mixture is at least its threshold, whatever the distribution of the field (see `shiryaev_roberts`).

    lanes  0.. 5   mean     1 + b x,  b = +-.05, +-.15, +-.4;  x = sqrt(12) (u - 1/2)
    lanes  6.. 9   scale    1 + b q,  b = +-.1, +-.3;          q = sqrt(5)/2 (3 (2u - 1)^2 - 1), Legendre 2
    lanes 10..17   octile   1.35 inside one eighth of [0, 1), .95 outside
    lanes 18..23   missing  that the odds of a missing value are now 1.15, 1.5, 3 times what they were, or the inverse

Weights: .9 of the stake on values (half mean, a quarter scale, a quarter octile), .1 on missing values. Why these
sizes: docs/decisions/bets-of-the-mixture.md; what they detect how soon: benchmarks/statistics/.
"""

from __future__ import annotations

import functools
from typing import Final

import numpy as np
from scipy.special import betainccinv, betaincinv

from driftline.processors.arrays import F64

LEVELS: Final = 256
MISSING_LEVEL: Final = 256
"""Missing or invalid: the row behind the 256 levels."""

BETS: Final = 24
VALUE_BETS: Final = 18

MEAN_BETS: Final = (0.05, -0.05, 0.15, -0.15, 0.4, -0.4)
SCALE_BETS: Final = (0.1, -0.1, 0.3, -0.3)
OCTILE_BET: Final = 1.35

VALUE_WEIGHT: Final = 0.9
MEAN_SHARE, SCALE_SHARE, OCTILE_SHARE = 0.5, 0.25, 0.25

MISSING_ODDS: Final = (1.15, 1.5, 3.0, 1 / 1.15, 1 / 1.5, 1 / 3.0)

# A field that is (almost) never missing cannot be missing less: all six lanes bet on more, and on much more, because
# three missing values in a hundred are news when the reference has none in 20,000. The same holds the other way round.
RARE_SHARE: Final = 0.01
RARE_ODDS: Final = (1.5, 3.0, 10.0, 30.0, 100.0, 300.0)

# The missing share is known from a finite reference only. A bet on more is fair or worse for every share up to its `p`,
# a bet on less for every share from its `p` on: so each takes the bound that the true share passes once in a hundred
# references. (With the share itself, a field that is never missing would raise an alarm for being missing too little.)
SHARE_BOUND_TAIL: Final = 0.01

# Bets are whole multiples of this: sums of 256 of them are exact in float64, so "the mean is 1" can be said exactly.
_GRAIN: Final = 2.0**-40


@functools.cache
def value_bets() -> F64:
    """float64[257, 24], read-only: row = level (256 = missing), lane = bet; lanes 18..23 and row 256 are 1.

    The mean of each lane over rows 0..255 is exactly 1.
    """
    u = (np.arange(LEVELS) + 0.5) / LEVELS
    x = np.sqrt(12.0) * (u - 0.5)
    q = np.sqrt(5.0) / 2.0 * (3.0 * (2.0 * u - 1.0) ** 2 - 1.0)
    octile = np.arange(LEVELS) // (LEVELS // 8)
    inside, outside = OCTILE_BET, (8.0 - OCTILE_BET) / 7.0
    table = np.ones((LEVELS + 1, BETS))
    lanes = [1.0 + b * x for b in MEAN_BETS]
    lanes += [1.0 + b * q for b in SCALE_BETS]
    lanes += [np.where(octile == o, inside, outside) for o in range(8)]
    for lane, e in enumerate(lanes):
        table[:LEVELS, lane] = with_mean_one(e)
    table.setflags(write=False)
    return table


def with_mean_one(e: F64) -> F64:
    """float64[256]: the nearest bets that are multiples of 2**-40 and whose mean is exactly 1."""
    grains = np.rint(e / e.mean() / _GRAIN).astype(np.int64)
    surplus = int(grains.sum()) - round(LEVELS / _GRAIN)
    # at most half a grain a level was rounded; it is given back one grain a level
    grains[: abs(surplus)] -= np.sign(surplus)
    return np.asarray(grains * _GRAIN, np.float64)


def weights(*, missing: bool) -> F64:
    """float64[24], sum 1: the stake of each lane. `missing=False`: nothing on lanes 18..23, all on the values."""
    value = VALUE_WEIGHT if missing else 1.0
    w = np.zeros(BETS)
    w[0:6] = value * MEAN_SHARE / 6
    w[6:10] = value * SCALE_SHARE / 4
    w[10:18] = value * OCTILE_SHARE / 8
    w[18:24] = (1.0 - value) / 6
    return w


def field_bets(missing: int | None, n: int) -> F64:
    """float64[3, 24]: weights, factor on a present value, factor on a missing value, for one field of the reference.

    missing: reference rows whose value was missing or invalid, of `n` rows. None: missing values are not bet on.
    Raises ValueError when `missing` is not within 0..n, or n is 0.

    >>> bets = field_bets(missing=1_000, n=20_000)
    >>> bets[1:, 20].round(3)  # odds times 3, from at most 5.37 %
    array([0.903, 2.709])
    """
    bets = np.ones((3, BETS))
    bets[0] = weights(missing=missing is not None)
    if missing is None:
        return bets
    if not 0 <= missing <= n or n == 0:
        raise ValueError(f"{missing} missing of {n} rows is not a share: give counts with 0 <= missing <= n and n > 0")
    # Jeffreys' interval: Brown, Cai, DasGupta, "Interval estimation for a binomial proportion", 2001
    a, b = missing + 0.5, n - missing + 0.5
    low, high = float(betaincinv(a, b, SHARE_BOUND_TAIL)), float(betainccinv(a, b, SHARE_BOUND_TAIL))
    for lane, odds in enumerate(_odds(missing / n), start=VALUE_BETS):
        p = high if odds > 1 else low
        # odds o p/(1 - p) are the share q = o p/(1 - p + o p): the factors (1 - q)/(1 - p) and q/p without cancellation
        bets[1, lane] = 1.0 / (1.0 - p + odds * p)
        bets[2, lane] = odds / (1.0 - p + odds * p)
    return bets


def _odds(share: float) -> tuple[float, ...]:
    if share < RARE_SHARE:
        return RARE_ODDS
    if share > 1.0 - RARE_SHARE:
        return tuple(1.0 / odds for odds in RARE_ODDS)
    return MISSING_ODDS


def growth_max(bets: F64, table: F64) -> tuple[float, float]:
    """The most by which one present, one missing value can multiply any lane; both at least 1.

    bets: float64[3, 24] of `field_bets`; table: float64[257, 24].
    """
    largest = _value_lanes()[0] if table is value_bets() else float(table[:LEVELS].max())
    return max(largest, float(bets[1].max())), max(1.0, float(bets[2].max()))


def resting_statistic(bets: F64, table: F64) -> float:
    """About where the statistic lies while nothing drifts: sum of w_j / D_j, D_j the loss of log stake per value.

    bets: float64[3, 24] of `field_bets`; table: float64[257, 24]. For a field that is rarely missing: the loss while
    nothing is missing.
    """
    loss = np.full(BETS, np.inf)
    loss[:VALUE_BETS] = _value_lanes()[1] if table is value_bets() else _mean_loss(table)
    present, missing = bets[1, VALUE_BETS:], bets[2, VALUE_BETS:]
    if bets[0, VALUE_BETS] > 0.0:
        share = (1.0 - present) / (missing - present)  # at which the bet is fair
        share = np.where(share < RARE_SHARE, 0.0, np.where(share > 1.0 - RARE_SHARE, 1.0, share))
        loss[VALUE_BETS:] = -(1.0 - share) * np.log(present) - share * np.log(missing)
    return float((bets[0] / loss).sum())


def _mean_loss(table: F64) -> F64:
    return np.asarray(-np.log(table[:LEVELS, :VALUE_BETS]).mean(axis=0), np.float64)


@functools.cache
def _value_lanes() -> tuple[float, F64]:
    """Largest bet and mean losses of the shared table, for it serves all numeric fields of all segments."""
    return float(value_bets()[:LEVELS].max()), _mean_loss(value_bets())
