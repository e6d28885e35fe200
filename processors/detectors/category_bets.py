"""Bets for a categorical field: its frequent categories in place of the octiles, which mean nothing there.

The categories of a field lie side by side on the unit line (the core's transform), each on a stretch as long as its
reference share, so a bet on a category is a bet on a stretch of levels. A level that lies in two categories bets the mean
of both; levels stay equally likely, so the mean of a bet stays exactly 1 and the run length its bound.

For one category that has share p, the bet that its odds are now o times what they were pays o / (1 - p + o p) inside and
1 / (1 - p + o p) outside. Eight such bets, in both directions: on the four most frequent categories (odds 1.25), on two of
three (1.15 and 1.5), or on one of two (1.1, 1.25, 1.6, 2.5). Rarer categories are left to the cascade of chi-square tests.
What it gains: docs/decisions/bets-of-the-mixture.md.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from driftline.processors.arrays import F64
from driftline.processors.detectors.bets import LEVELS, value_bets, with_mean_one

FIRST_LANE: Final = 10  # where the octile bets are
_ODDS: Final = {1: (1.1, 1.25, 1.6, 2.5), 2: (1.15, 1.5), 4: (1.25,)}


def category_bets(counts: ArrayLike) -> F64:
    """float64[257, 24], read-only: as `bets.value_bets`, with bets on categories in lanes 10..17.

    counts: reference counts of the categories in their order on the unit line. One category or none: `value_bets`.

    >>> table = category_bets([600, 400])
    >>> table[[0, 255], 15].round(3)  # odds of the first category times 1.6: 1.6 / 1.36 inside, 1 / 1.36 outside
    array([1.176, 0.735])
    """
    shares = np.asarray(counts, np.float64)
    shares = shares / max(float(shares.sum()), 1.0)
    present = int((shares > 0).sum())
    if present < 2:
        return value_bets()
    bet_on = {2: 1, 3: 2}.get(present, 4)
    ends = np.concatenate([[0.0], np.cumsum(shares)]) * LEVELS
    levels = np.arange(LEVELS)
    table = value_bets().copy()
    lane = FIRST_LANE
    for category in np.argsort(-shares, kind="stable")[:bet_on]:
        p = float(shares[category])
        inside = np.clip(np.minimum(levels + 1, ends[category + 1]) - np.maximum(levels, ends[category]), 0.0, 1.0)
        for odds in _ODDS[bet_on]:
            for o in (1.0 / odds, odds):
                table[:LEVELS, lane] = with_mean_one((inside * o + 1.0 - inside) / (1.0 - p + o * p))
                lane += 1
    table.setflags(write=False)
    return table
