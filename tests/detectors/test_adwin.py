"""ADWIN: the kernel is the plain reference and river, memory is bounded, what it says about an alarm is right."""

from __future__ import annotations

import numpy as np
import pytest
import river.drift
from hypothesis import given
from hypothesis import strategies as st

from driftline.processors.arrays import F64, I64
from driftline.processors.detectors.adwin import (
    ADWIN_HEAD,
    ADWIN_MAX_BUCKETS,
    ADWIN_ROWS,
    CLOCK,
    LOG_WIDTH,
    Adwin,
    adwin_run,
)
from driftline.processors.detectors.adwin_plain import PlainAdwin
from tests.detectors.random_streams import alarms_of, random_stream

values = st.one_of(
    st.floats(0.0, 1.0),
    st.sampled_from([0.0, 1.0]),
    st.floats(-1e100, 1e100),
    st.sampled_from([np.nan, np.inf, -np.inf, 1e101]),
)


def run(state: tuple[F64, ...], levels: list[int], table: list[float], delta: float, room: int) -> tuple[int, I64, F64]:
    hits, evidence = np.full(room, -1), np.full((room, 4), np.nan)
    n = adwin_run(*state, np.array(levels, np.uint16), np.array(table, np.float64), LOG_WIDTH, delta, hits, evidence)
    return n, hits, evidence


def fresh() -> tuple[F64, ...]:
    return np.zeros((ADWIN_ROWS, ADWIN_MAX_BUCKETS)), np.zeros(ADWIN_ROWS, np.uint8), np.zeros(ADWIN_HEAD)


def assert_same_state(adwin: Adwin, plain: PlainAdwin) -> None:
    sums, counts, head = (adwin._state[name] for name in ("sums", "counts", "head"))
    assert head.tolist() == [plain.tick, plain.width, plain.total, plain.variance]
    assert [sums[r, : counts[r]].tolist() for r in range(ADWIN_ROWS)] == plain.rows
    assert all((sums[r, counts[r] :] == 0.0).all() for r in range(ADWIN_ROWS))


@given(st.lists(values, max_size=200), st.floats(1e-6, 0.999))
def test_the_kernel_is_the_plain_reference_for_any_values(stream: list[float], delta: float) -> None:
    adwin, plain = Adwin(delta), PlainAdwin(delta)
    assert adwin.update_many(stream).tolist() == alarms_of(plain, stream)
    assert_same_state(adwin, plain)


@given(st.integers(0, 2**32), st.lists(st.integers(1, 400), min_size=1, max_size=6), st.floats(1e-6, 0.999))
def test_the_kernel_is_the_plain_reference_however_the_stream_is_cut(seed: int, runs: list[int], delta: float) -> None:
    stream = random_stream(seed, sum(runs))
    adwin, plain = Adwin(delta), PlainAdwin(delta)
    start = 0
    for n in runs:
        part = stream[start : start + n]
        assert adwin.update_many(part).tolist() == alarms_of(plain, part.tolist())
        start += n
        assert_same_state(adwin, plain)


@pytest.mark.compiled
def test_the_kernel_alarms_where_river_does_on_three_thousand_streams(test_seed: int) -> None:
    rng = np.random.default_rng(test_seed)
    n_alarms = 0
    for seed in rng.integers(0, 2**32, 3000).tolist():
        stream = random_stream(seed, 50 + seed % 900)
        delta = float(10.0 ** np.random.default_rng(seed).uniform(-6, -0.001))
        expected = alarms_of(river.drift.ADWIN(delta), stream.tolist())
        assert Adwin(delta).update_many(stream).tolist() == expected, f"stream {seed}, delta {delta!r}"
        n_alarms += len(expected)
    assert n_alarms > 1000


@pytest.mark.compiled
def test_the_kernel_alarms_where_river_does_on_long_streams(test_seed: int) -> None:
    rng = np.random.default_rng([test_seed, 1])
    for shift in (0.0, 0.02, 0.1):
        stream = np.concatenate(
            [rng.random(50_000), rng.random(30_000) * (1.0 - shift)]
        )  # within the memory of 14 rows
        for delta in (1e-9, 0.05):
            assert Adwin(delta).update_many(stream).tolist() == alarms_of(river.drift.ADWIN(delta), stream.tolist())


@pytest.mark.compiled
def test_memory_is_bounded_and_a_shift_is_still_found_after_a_million_values() -> None:
    adwin = Adwin(delta=1e-12)
    rng = np.random.default_rng(1)
    for _ in range(10):
        assert adwin.update_many(rng.random(100_000)).tolist() == []
        assert 73_724 <= adwin.width <= 81_915
        assert len(adwin.snapshot()) < 1024
    assert abs(adwin.mean - 0.5) < 0.01
    found = adwin.update_many(0.1 + 0.9 * rng.random(10_000))
    assert len(found) > 0
    assert found[0] < 3000


@pytest.mark.compiled
def test_the_kernel_is_the_plain_reference_after_the_oldest_values_are_forgotten(test_seed: int) -> None:
    rng = np.random.default_rng([test_seed, 2])
    stream = rng.random(150_000) + np.linspace(0.0, 0.02, 150_000)
    adwin, plain = Adwin(1e-12), PlainAdwin(1e-12)
    start = 0
    for n in [81_915, 1, 3, 29, 1000, 67_052]:
        part = stream[start : start + n]
        assert adwin.update_many(part).tolist() == alarms_of(plain, part.tolist())
        start += n
        assert_same_state(adwin, plain)
    assert start == 150_000


def test_a_full_window_forgets_its_oldest_bucket_and_nothing_else() -> None:
    """The same, quickly: from a window of 81,888 values that was never fed, only written down."""
    adwin, plain = Adwin(), PlainAdwin()
    rng = np.random.default_rng(8)
    received = 81_888
    for r in range(ADWIN_ROWS):
        kept = received if received <= ADWIN_MAX_BUCKETS else 4 + received % 2
        plain.rows[r] = [2.0**r * float(rng.normal(0.5, 0.3 * 2.0 ** (-r / 2))) for _ in range(kept)]
        adwin._state["sums"][r, :kept] = plain.rows[r]
        adwin._state["counts"][r] = kept
        received = (received - kept) // 2
    plain.tick, plain.width, plain.variance = 81_888, 81_888.0, 7000.0
    plain.total = sum(map(sum, plain.rows))
    adwin._state["head"][:] = [plain.tick, plain.width, plain.total, plain.variance]
    for n in (20, 7, 1, 4, 40):
        part = rng.random(n)
        assert adwin.update_many(part).tolist() == alarms_of(plain, part.tolist())
        assert_same_state(adwin, plain)
    assert adwin.width == 81_888 + 72 - 8192


def test_a_window_of_few_rows_forgets_and_still_finds_a_shift() -> None:
    rng = np.random.default_rng(3)
    small = PlainAdwin(delta=0.002, rows=6)
    assert alarms_of(small, rng.random(3000).tolist()) == []
    assert small.width <= ADWIN_MAX_BUCKETS * (2**6 - 1)
    assert alarms_of(small, (0.5 + 0.5 * rng.random(300)).tolist())


@pytest.mark.parametrize("value", [0.0, 0.1, 1.0, -12345.678, 1e9 + 0.1])
def test_a_constant_never_alarms(value: float) -> None:
    adwin = Adwin(delta=0.9)
    assert adwin.update_many(np.full(5000, value)).tolist() == []
    assert adwin.statistic < adwin.threshold


def test_the_mean_is_that_of_the_window() -> None:
    adwin = Adwin()
    assert adwin.mean == 0.0
    adwin.update_many([1.0, 2.0, 6.0])
    assert (adwin.width, adwin.mean) == (3, 3.0)


def test_evidence_says_what_differs_and_since_when() -> None:
    rng = np.random.default_rng(4)
    adwin = Adwin()
    stream = np.concatenate([rng.random(1000) * 0.5, 0.5 + rng.random(1000) * 0.5])
    found = adwin.update_many(stream[:1024]).tolist()
    assert found == [1023]
    evidence = adwin.evidence
    assert evidence.statistic == pytest.approx(0.5, abs=0.1)
    assert 0.0 < evidence.threshold < evidence.statistic
    assert evidence.n == 1024
    assert 16 <= evidence.n_since_change <= 32  # 24 values, in buckets of at most 16
    adwin.update(0.5)
    assert adwin.statistic == 0.0
    assert adwin.width == 1


def test_between_checks_the_statistic_of_the_window_is_shown() -> None:
    adwin = Adwin()
    assert (adwin.statistic, adwin.threshold) == (0.0, np.inf)
    adwin.update_many([0.0] * 40 + [1.0] * 10)
    assert 0.0 < adwin.statistic <= 1.0
    assert adwin.threshold > 0.0


def test_a_level_without_a_value_is_skipped() -> None:
    with_gaps, without = fresh(), fresh()
    levels = np.random.default_rng(5).integers(0, 3, 500).tolist()
    run(with_gaps, levels, [0.0, 1.0, np.nan], 0.002, 10)
    run(without, [level for level in levels if level < 2], [0.0, 1.0], 0.002, 10)
    assert all(np.array_equal(a, b) for a, b in zip(with_gaps, without, strict=True))


def test_alarms_beyond_the_room_for_them_are_counted_and_not_written() -> None:
    levels = ([0] * CLOCK + [1] * CLOCK) * 20
    n, hits, evidence = run(fresh(), levels, [0.0, 1.0], 0.5, 40)
    few, few_hits, few_evidence = run(fresh(), levels, [0.0, 1.0], 0.5, 3)
    assert few == n > 3
    assert few_hits.tolist() == hits[:3].tolist()
    assert np.array_equal(few_evidence, evidence[:3])
    assert run(fresh(), levels, [0.0, 1.0], 0.5, 0)[0] == n


@pytest.mark.parametrize("delta", [0.0, 1.0, -0.1, 2.0, np.nan])
def test_a_delta_that_is_no_confidence_is_refused(delta: float) -> None:
    with pytest.raises(ValueError, match=r"write a number between 0 and 1, for example 0\.002"):
        Adwin(delta)


def test_a_table_of_streams_is_refused() -> None:
    with pytest.raises(ValueError, match="give one stream, as a one-dimensional array"):
        Adwin().update_many(np.zeros((3, 2)))


@given(st.integers(0, 2**32), st.integers(1, 1000), st.floats(1e-6, 0.999))
def test_upwards_it_says_the_increases_of_the_same_alarms(seed: int, n: int, delta: float) -> None:
    stream = random_stream(seed, n)
    up, plain = Adwin(delta, mode="up"), PlainAdwin(delta, up=True)
    found = up.update_many(stream).tolist()
    assert found == alarms_of(plain, stream.tolist())
    assert_same_state(up, plain)
    assert set(found) <= set(Adwin(delta).update_many(stream).tolist())


def test_upwards_a_fall_is_not_said_and_the_window_starts_afresh() -> None:
    stream = np.concatenate([np.ones(500), np.zeros(500), np.ones(500)])
    assert [i // 500 for i in Adwin(mode="both").update_many(stream)] == [1, 2]
    assert [i // 500 for i in Adwin(mode="up").update_many(stream)] == [2]
    with pytest.raises(ValueError, match="mode='down'"):
        Adwin(mode="down")  # type: ignore[arg-type]
