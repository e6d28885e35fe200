"""The bets are fair, so the average run length is a theorem; those on missing values as far as a reference can tell."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from driftline.processors.detectors.bets import (
    BETS,
    LEVELS,
    MISSING_LEVEL,
    VALUE_BETS,
    field_bets,
    growth_max,
    resting_statistic,
    value_bets,
    weights,
)
from tests.detectors.sr_monitor import Monitor


def test_every_bet_has_a_mean_of_exactly_one_over_the_levels() -> None:
    for lane in range(BETS):
        bets = [Fraction(e) for e in value_bets()[:LEVELS, lane].tolist()]
        assert sum(bets) == LEVELS, f"lane {lane}"


def test_every_bet_is_positive_and_the_rounding_that_makes_it_fair_is_invisible() -> None:
    table = value_bets()
    u = (np.arange(LEVELS) + 0.5) / LEVELS
    assert table.min() > 0.25
    assert np.abs(table[:LEVELS, 5] - (1 - 0.4 * np.sqrt(12) * (u - 0.5))).max() < 1e-11
    assert set(np.round(table[:LEVELS, 12], 9)) == {1.35, 0.95}


def test_a_missing_value_moves_no_bet_on_values_and_a_value_no_bet_on_missing_ones() -> None:
    assert (value_bets()[MISSING_LEVEL] == 1).all()
    assert (value_bets()[:, VALUE_BETS:] == 1).all()
    assert (field_bets(100, 10_000)[1:, :VALUE_BETS] == 1).all()


@pytest.mark.parametrize("missing", [True, False])
def test_the_stakes_add_up_to_one(missing: bool) -> None:
    assert weights(missing=missing).sum() == pytest.approx(1.0, abs=1e-15)


@pytest.mark.parametrize(
    ("missing", "n"), [(0, 500), (3, 20_000), (150, 20_000), (1_000, 20_000), (10_000, 20_000), (20_000, 20_000)]
)
def test_a_bet_on_missing_values_is_fair_or_worse_for_every_share_the_reference_allows(missing: int, n: int) -> None:
    bets = field_bets(missing, n)
    posterior = stats.beta(missing + 0.5, n - missing + 0.5)
    for share in posterior.ppf([0.0101, 0.3, 0.7, 0.9899]):
        mean = (1 - share) * bets[1] + share * bets[2]
        assert (mean <= 1 + 1e-12).all()


def test_a_field_that_is_never_missing_does_not_pile_up_stakes_on_its_being_complete() -> None:
    monitor = Monitor(1e6, field_bets(0, 20_000))
    levels = np.random.default_rng(5).permutation(np.arange(20_480) % 256).astype(np.uint16)
    largest = 0.0
    for _ in range(3):
        monitor.run(levels)
        largest = max(largest, float(monitor.state[VALUE_BETS:].sum()))
    assert largest < 300
    assert monitor.alarms == []


def test_a_field_that_is_always_missing_does_not_alarm_by_waiting() -> None:
    monitor = Monitor(1e4, field_bets(20_000, 20_000))
    for _ in range(5):
        monitor.run(np.full(10_000, MISSING_LEVEL, np.uint16))
    assert monitor.alarms == []
    assert (monitor.state[:VALUE_BETS] == 0).all()
    monitor.run(np.full(10, 100, np.uint16))
    assert len(monitor.alarms) == 1, "a first few values are news"


@pytest.mark.compiled
def test_a_few_missing_values_alarm_in_a_field_that_never_misses() -> None:
    rng = np.random.default_rng(6)
    delays = []
    for _ in range(50):
        levels = rng.integers(0, 256, 30_000).astype(np.uint16)
        levels[20_000:][rng.random(10_000) < 0.02] = MISSING_LEVEL
        monitor = Monitor(2e5 * 17 * 2 / 0.6, field_bets(0, 69_000))
        monitor.run(levels)
        delays.append(monitor.alarms[0] - 20_000 if monitor.alarms else 10_000)
    assert 0 < np.median(delays) <= 300


@pytest.mark.compiled
def test_values_that_stop_being_missing_are_found_too() -> None:
    rng = np.random.default_rng(7)
    levels = rng.integers(0, 256, 12_000).astype(np.uint16)
    levels[:10_000][rng.random(10_000) < 0.1] = MISSING_LEVEL
    monitor = Monitor(1e6, field_bets(2_000, 20_000))
    monitor.run(levels)
    assert len(monitor.alarms) == 1
    assert 10_000 < monitor.alarms[0] < 10_600


@pytest.mark.parametrize(("missing", "n"), [(-1, 10), (11, 10), (0, 0)])
def test_a_share_that_cannot_be_is_refused(missing: int, n: int) -> None:
    with pytest.raises(ValueError, match="give counts with 0 <= missing <= n and n > 0"):
        field_bets(missing, n)


def test_growth_is_never_below_one_even_where_every_bet_loses() -> None:
    assert growth_max(field_bets(None, 0), value_bets()) == (float(value_bets().max()), 1.0)
    assert min(growth_max(field_bets(20_000, 20_000), value_bets())) >= 1.0


def test_the_resting_statistic_is_about_where_the_mixture_lies_without_drift() -> None:
    bets = field_bets(1_000, 20_000)
    rng = np.random.default_rng(8)
    levels = rng.integers(0, 256, 60_000).astype(np.uint16)
    levels[rng.random(60_000) < 0.05] = MISSING_LEVEL
    monitor = Monitor(1e9, bets)
    seen = []
    for piece in np.split(levels, 600):
        monitor.run(piece)
        seen.append(monitor.statistic)
    assert 0.25 < np.median(seen[100:]) / resting_statistic(bets, value_bets()) < 4
