"""Bets on categories are fair on the levels that the transform gives, and find a moved share sooner than bets on octiles."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from driftline.processors.arrays import F64, U16
from driftline.processors.detectors.bets import BETS, LEVELS, MISSING_LEVEL, field_bets, value_bets
from driftline.processors.detectors.category_bets import category_bets
from tests.detectors.sr_monitor import Monitor

COUNTS = {
    "two": [70, 30],
    "rare flag": [9_990, 10],
    "three": [500, 300, 200],
    "many": [45, 10, 10, 5, 30],
    "one empty": [50, 0, 50],
}


def levels_of_categories(shares: list[float], now: list[float], rng: np.random.Generator, n: int) -> U16:
    ends = np.concatenate([[0.0], np.cumsum(shares)])
    category = rng.choice(len(now), n, p=now)
    u = ends[category] + np.diff(ends)[category] * rng.random(n)
    return np.minimum(u * LEVELS, LEVELS - 1).astype(np.uint16)


@pytest.mark.parametrize("counts", COUNTS.values(), ids=COUNTS.keys())
def test_every_bet_has_a_mean_of_exactly_one_and_says_something(counts: list[int]) -> None:
    table = category_bets(counts)
    for lane in range(BETS):
        assert sum(Fraction(e) for e in table[:LEVELS, lane].tolist()) == LEVELS, f"lane {lane}"
    assert (table[MISSING_LEVEL] == 1).all()
    assert table.min() > 0.25
    assert (np.ptp(table[:LEVELS, 10:18], axis=0) > 0.02).all()


def test_other_bets_than_those_on_octiles_stay() -> None:
    table = category_bets([45, 10, 10, 5, 30])
    assert (table[:, :10] == value_bets()[:, :10]).all()


def test_the_four_most_frequent_categories_are_bet_on_in_both_directions() -> None:
    table = category_bets([10, 45, 10, 5, 30])
    middle = {0: 12, 1: 80, 2: 153, 3: 172, 4: 220}  # a level well inside each category
    gains = {c: [lane for lane in range(11, 18, 2) if table[level, lane] > 1] for c, level in middle.items()}
    loses = {c: [lane for lane in range(10, 18, 2) if table[level, lane] < 1] for c, level in middle.items()}
    assert gains == {1: [11], 4: [13], 0: [15], 2: [17], 3: []}
    assert loses == {1: [10], 4: [12], 0: [14], 2: [16], 3: []}


@pytest.mark.parametrize("counts", [[], [0], [5], [5, 0]])
def test_a_field_with_one_category_has_the_shared_bets(counts: list[int]) -> None:
    assert category_bets(counts) is value_bets()


@pytest.mark.compiled
@pytest.mark.parametrize("now", [[0.4, 0.15, 0.1, 0.05, 0.3], [0.4, 0.109, 0.109, 0.055, 0.327]])
def test_a_share_that_moved_is_found_sooner_than_by_bets_on_octiles(now: list[float]) -> None:
    shares = [0.45, 0.1, 0.1, 0.05, 0.3]
    delays: dict[bool, list[int]] = {True: [], False: []}
    tables: dict[bool, F64] = {True: category_bets(np.array(shares) * 1000), False: value_bets()}
    for seed in range(40):
        rng = np.random.default_rng(seed)
        levels = np.concatenate(
            [
                levels_of_categories(shares, shares, rng, 2_000),
                levels_of_categories(shares, [*now[:-1], 1 - sum(now[:-1])], rng, 20_000),
            ]
        )
        for own, table in tables.items():
            monitor = Monitor(1e7, field_bets(0, 20_000), table)
            monitor.run(levels)
            delays[own].append((monitor.alarms or [22_000])[0] - 2_000)
    assert np.median(delays[True]) < 0.8 * np.median(delays[False])
    assert np.median(delays[True]) < 2_800
