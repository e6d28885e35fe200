"""The e-detector: equal to its plain reference, blind to batching, never past a crossing, one alarm for one change."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from driftline.processors.arrays import F64, U16
from driftline.processors.detectors.bets import LEVELS, MISSING_LEVEL, field_bets, value_bets
from driftline.processors.detectors.category_bets import category_bets
from driftline.processors.detectors.shiryaev_roberts import (
    LIMITS,
    MARKS,
    ShiryaevRoberts,
    alarm_limits,
    shiryaev_roberts_evidence,
    shiryaev_roberts_run,
)
from driftline.processors.detectors.shiryaev_roberts_plain import PlainShiryaevRoberts
from tests.detectors.sr_monitor import Monitor

TABLES = [value_bets(), category_bets([700, 300]), category_bets([500, 300, 150, 40, 10])]
REFERENCES = [(None, 0), (0, 20_000), (1_000, 20_000), (500, 500)]


@st.composite
def streams(draw: st.DrawFn) -> U16:
    """uint16[0..600]: stretches of uniform, crowded and missing levels."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    stretches = draw(
        st.lists(
            st.tuples(st.integers(0, 80), st.sampled_from(["uniform", "high", "low", "middle"]), st.booleans()),
            max_size=8,
        )
    )
    pieces = []
    for length, where, missing in stretches:
        low, high = {"uniform": (0, 256), "high": (200, 256), "low": (0, 40), "middle": (100, 140)}[where]
        piece = rng.integers(low, high, length)
        piece[rng.random(length) < (0.3 if missing else 0.0)] = MISSING_LEVEL
        pieces.append(piece)
    return np.concatenate([np.zeros(0, np.int64), *pieces]).astype(np.uint16)


def levels_of(u: F64) -> U16:
    return np.minimum(u * LEVELS, LEVELS - 1).astype(np.uint16)


def shifted(u: F64, sds: float) -> F64:
    """The levels of a Gaussian whose mean has moved by so many standard deviations."""
    return np.asarray(norm.cdf(norm.ppf(u) + sds))


@given(
    levels=streams(),
    cuts=st.lists(st.integers(0, 600), max_size=12),
    threshold=st.sampled_from([10.0, 40.0, 1e3, 1e5]),
    reference=st.sampled_from(REFERENCES),
    table=st.sampled_from(TABLES),
)
def test_the_kernel_equals_the_plain_reference_bit_for_bit_however_the_stream_is_cut(
    levels: U16, cuts: list[int], threshold: float, reference: tuple[int | None, int], table: F64
) -> None:
    bets = field_bets(*reference)
    monitor = Monitor(threshold, bets, table)
    plain = PlainShiryaevRoberts(bets, *monitor.limits[:4].tolist(), table)
    monitor.run_in_pieces(levels, [min(cut, len(levels)) for cut in cuts])
    assert [i for i, level in enumerate(levels.tolist()) if plain.update(level)] == monitor.alarms
    assert plain.stakes == monitor.state.tolist()
    assert plain.latched == bool(monitor.latched[0])
    assert monitor.statistic == plain.statistic


@pytest.mark.parametrize("reference", REFERENCES[:3])
def test_the_kernel_equals_the_plain_reference_through_alarm_cap_and_re_arming(
    reference: tuple[int | None, int],
) -> None:
    rng = np.random.default_rng(10)
    calm = rng.integers(0, LEVELS, 2_400)
    if reference[0]:
        calm[rng.random(2_400) < reference[0] / reference[1]] = MISSING_LEVEL
    levels = np.concatenate([np.full(70, 250), calm, np.full(70, 5)]).astype(np.uint16)
    bets = field_bets(*reference)
    monitor = Monitor(1e3, bets)
    monitor.run(levels)
    plain = PlainShiryaevRoberts(bets, *monitor.limits[:4].tolist())
    assert [i for i, level in enumerate(levels.tolist()) if plain.update(level)] == monitor.alarms
    assert plain.stakes == monitor.state.tolist()
    assert len(monitor.alarms) >= 2


@given(levels=streams(), cuts=st.lists(st.integers(0, 600), max_size=20), reference=st.sampled_from(REFERENCES))
def test_batching_never_shows(levels: U16, cuts: list[int], reference: tuple[int | None, int]) -> None:
    whole, pieces = Monitor(50.0, field_bets(*reference)), Monitor(50.0, field_bets(*reference))
    whole.run(levels)
    pieces.run_in_pieces(levels, [min(cut, len(levels)) for cut in cuts])
    assert whole.alarms == pieces.alarms
    assert whole.evidence == pieces.evidence
    assert whole.state.tolist() == pieces.state.tolist()
    assert whole.marks.tolist() == pieces.marks.tolist()


@given(
    levels=streams(),
    reference=st.sampled_from(REFERENCES),
    table=st.sampled_from(TABLES),
    seed=st.integers(0, 100),
)
def test_a_statistic_that_just_reaches_the_threshold_alarms_at_that_very_value(
    levels: U16, reference: tuple[int | None, int], table: F64, seed: int
) -> None:
    bets = field_bets(*reference)
    plain = PlainShiryaevRoberts(bets, math.inf, math.inf, 0.0, 0.0, table)
    statistics = []
    for level in levels.tolist():
        plain.update(level)
        statistics.append(plain.statistic)
    records = [i for i, s in enumerate(statistics) if 10 < s < 1e90 and s > max(statistics[:i], default=0.0)]
    if not records:
        return
    at = records[seed % len(records)]
    monitor = Monitor(statistics[at], bets, table)
    monitor.run(levels)
    assert monitor.alarms[0] == at
    assert monitor.evidence[0][0] == statistics[at]


@pytest.mark.parametrize("level", [0, 255, 128, MISSING_LEVEL])
@pytest.mark.parametrize("reference", REFERENCES)
def test_a_stuck_stream_leaves_finite_stakes_below_ten_thresholds_and_one_alarm(
    level: int, reference: tuple[int | None, int]
) -> None:
    monitor = Monitor(1e6, field_bets(*reference))
    for _ in range(50):
        monitor.run(np.full(40, level, np.uint16))
        assert np.isfinite(monitor.state).all()
        evidence = shiryaev_roberts_evidence(
            monitor.state, monitor.latched, monitor.marks, monitor.seen, monitor.limits
        )
        assert evidence.statistic <= 10 * evidence.threshold
    assert len(monitor.alarms) <= 1


@pytest.mark.compiled
def test_an_alarm_without_drift_is_as_rare_as_promised() -> None:
    levels = np.random.default_rng(11).integers(0, LEVELS, 3_000_000).astype(np.uint16)
    monitor = Monitor(1e4, field_bets(None, 0))
    monitor.run(levels)
    assert 120 <= len(monitor.alarms) <= 300


@pytest.mark.compiled
@pytest.mark.parametrize("sds", [0.1, 0.3, 1.0])
def test_a_lasting_shift_is_one_alarm(sds: float) -> None:
    alarms = []
    for seed in range(10):
        u = np.random.default_rng(seed).random(62_000)
        u[2_000:] = shifted(u[2_000:], sds)
        monitor = Monitor(1e6, field_bets(None, 0))
        monitor.run(levels_of(u))
        alarms.append(len(monitor.alarms))
    assert alarms == [1] * 10


@pytest.mark.compiled
def test_a_second_change_after_a_recovery_alarms_again() -> None:
    u = np.random.default_rng(12).random(60_000)
    for start in (2_000, 40_000):
        u[start : start + 3_000] = shifted(u[start : start + 3_000], 0.5)
    monitor = Monitor(1e6, field_bets(None, 0))
    monitor.run(levels_of(u))
    assert len(monitor.alarms) == 2
    assert 2_000 < monitor.alarms[0] < 2_300
    assert 40_000 < monitor.alarms[1] < 40_300


@pytest.mark.compiled
@pytest.mark.parametrize(("sds", "late_max"), [(0.1, 1_500), (0.3, 250), (1.0, 40)])
def test_the_onset_is_dated_within_the_delay(sds: float, late_max: int) -> None:
    errors = []
    for seed in range(40):
        u = np.random.default_rng(seed).random(12_000)
        u[2_000:] = shifted(u[2_000:], sds)
        monitor = Monitor(1e6, field_bets(1_000, 20_000))
        levels = levels_of(u)
        levels[np.random.default_rng(seed + 1_000).random(12_000) < 0.05] = MISSING_LEVEL
        monitor.run(levels)
        onset = monitor.evidence[0][2] - monitor.evidence[0][3]
        errors.append(onset - 2_000)
    assert np.percentile(errors, 10) > -600
    assert np.median(errors) < late_max / 2
    assert np.percentile(errors, 90) < late_max


def test_more_alarms_than_there_is_room_for_are_counted_and_not_written() -> None:
    bets = field_bets(None, 0)
    calm = np.random.default_rng(13).integers(0, LEVELS, 4_000)
    levels = np.tile(np.concatenate([np.full(40, 255), calm]), 8).astype(np.uint16)
    hits, evidence = np.zeros(1, np.int64), np.zeros((1, 4))
    n = shiryaev_roberts_run(
        np.zeros(24),
        np.zeros(1, np.uint8),
        np.zeros(MARKS, np.int64),
        0,
        levels,
        value_bets(),
        bets,
        alarm_limits(1e3, bets),
        hits,
        evidence,
    )
    assert n > 1
    assert hits[0] < 40


@pytest.mark.parametrize("threshold", [9.9, -1.0, math.nan, math.inf, 1e101])
def test_a_threshold_that_means_nothing_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="give the average run length, 10 to 1e100 values"):
        alarm_limits(threshold, field_bets(None, 0))


def test_the_class_skips_what_is_no_number_and_takes_what_lies_outside_as_the_ends() -> None:
    detector = ShiryaevRoberts(arl=1e3)
    assert detector.update_many(np.array([np.nan, math.inf, 1e101])).tolist() == []
    assert detector.statistic == 0.0
    below, at_zero = ShiryaevRoberts(arl=1e3), ShiryaevRoberts(arl=1e3)
    below.update_many(np.array([-5.0, 7.0]))
    at_zero.update_many(np.array([0.0, 0.999]))
    assert below.statistic == at_zero.statistic > 0


def test_positions_count_the_values_that_were_skipped() -> None:
    alone = ShiryaevRoberts(arl=100.0).update_many(np.full(50, 0.99))
    with_gaps = ShiryaevRoberts(arl=100.0).update_many(np.tile([np.nan, 0.99], 50))
    assert with_gaps.tolist() == (2 * alone + 1).tolist()
    assert len(alone) == 1


def test_limits_are_as_many_as_the_kernel_reads() -> None:
    assert alarm_limits(1e6, field_bets(None, 0)).shape == (LIMITS,)
