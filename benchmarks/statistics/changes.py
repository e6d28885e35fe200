"""Streams of levels for the benchmarks: what the core's transform makes of a field that has, or has not, changed.

Every draw is a function of a generator and a number of values, and gives uint16 levels 0..255 (256 = missing).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import ndtr

from driftline.processors.arrays import F64, U16
from driftline.processors.detectors.bets import LEVELS, MISSING_LEVEL

Draw = Callable[[np.random.Generator, int], U16]

FULL = 1 << 16  # the core places a category on the unit line in 1/65536 of it


def levels_of(u: F64) -> U16:
    """uint16[n]: the level of each u in [0, 1]."""
    return np.minimum(u * LEVELS, LEVELS - 1).astype(np.uint16)


def no_change(rng: np.random.Generator, n: int) -> U16:
    return rng.integers(0, LEVELS, n, dtype=np.uint16)


def normal(shift: float = 0.0, scale: float = 1.0) -> Draw:
    """A value that was standard normal, its mean moved by `shift` standard deviations and its deviation times `scale`."""
    return lambda rng, n: levels_of(ndtr(scale * rng.standard_normal(n) + shift))


def decile_to_the_next(share: float, decile: int) -> Draw:
    """`share` of the values of one decile (0..8) become values of the next."""

    def draw(rng: np.random.Generator, n: int) -> U16:
        u = rng.random(n)
        moved = (u >= decile / 10) & (u < (decile + 1) / 10) & (rng.random(n) < share)
        return levels_of(np.where(moved, u + 0.1, u))

    return draw


def into(share: float, low: float, high: float) -> Draw:
    """`share` of all values become values between the quantiles `low` and `high`."""

    def draw(rng: np.random.Generator, n: int) -> U16:
        u = rng.random(n)
        moved = rng.random(n) < share
        return levels_of(np.where(moved, low + (high - low) * rng.random(n), u))

    return draw


def missing(share: float, draw_value: Draw = no_change) -> Draw:
    """`share` of the values are missing."""

    def draw(rng: np.random.Generator, n: int) -> U16:
        levels = draw_value(rng, n)
        levels[rng.random(n) < share] = MISSING_LEVEL
        return levels

    return draw


def categories(reference: tuple[float, ...], now: tuple[float, ...]) -> Draw:
    """A categorical field with the shares `now`, on the line that was laid out by the shares `reference`.

    The place of a value inside its category's stretch is random, in the whole numbers of the core.
    """
    ends = np.rint(np.concatenate([[0.0], np.cumsum(reference)]) * FULL).astype(np.int64)

    def draw(rng: np.random.Generator, n: int) -> U16:
        category = rng.choice(len(now), n, p=now)
        low, width = ends[category], np.diff(ends)[category]
        level = (low + (width * rng.integers(0, FULL, n) >> 16)) >> 8
        return np.minimum(level, LEVELS - 1).astype(np.uint16)

    return draw
