"""Page-Hinkley and CUSUM: the kernel is the plain reference and river, run lengths are as stated, the latch holds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import river.drift
from hypothesis import given
from hypothesis import strategies as st

from driftline.processors.arrays import F64
from driftline.processors.detectors.cusum import Cusum
from driftline.processors.detectors.page_hinkley import BOTH, PAGE_HINKLEY_STATE, UP, PageHinkley, page_hinkley_run
from driftline.processors.detectors.page_hinkley_plain import PlainCusum, PlainPageHinkley
from tests.detectors.random_streams import alarms_of, random_stream

values = st.one_of(
    st.floats(-5.0, 5.0),
    st.sampled_from([0.0, 1.0]),
    st.floats(-1e100, 1e100),
    st.sampled_from([np.nan, np.inf, -np.inf, 1e101]),
)
common = {
    "min_instances": st.integers(1, 40),
    "delta": st.sampled_from([0.0, 0.005, 0.25, 1.0]),
    "threshold": st.floats(0.1, 30.0),
    "alpha": st.sampled_from([1.0, 0.9999, 0.9]),
    "mode": st.sampled_from(["up", "down", "both"]),
}
page_hinkley_parameters = st.fixed_dictionaries(common)
cusum_parameters = st.one_of(
    st.fixed_dictionaries({**common, "mean": st.sampled_from([0.0, 0.5]), "latch": st.booleans()}),
    st.fixed_dictionaries({**common, "mean": st.none(), "latch": st.just(False)}),
)


@given(st.lists(values, max_size=300), page_hinkley_parameters)
def test_the_fading_form_is_its_plain_reference(stream: list[float], parameters: dict[str, Any]) -> None:
    kernel, plain = PageHinkley(**parameters), PlainPageHinkley(**parameters)
    assert kernel.update_many(stream).tolist() == alarms_of(plain, stream)
    state = [plain.n, plain.mean, plain.up, plain.down, plain.minimum, plain.maximum]
    assert kernel._state["sums"].tolist() == (state if plain.n else [0.0] * PAGE_HINKLEY_STATE)


@given(st.lists(values, max_size=300), cusum_parameters)
def test_the_clipped_form_is_its_plain_reference(stream: list[float], parameters: dict[str, Any]) -> None:
    kernel, plain = Cusum(**parameters), PlainCusum(**parameters)
    assert kernel.update_many(stream).tolist() == alarms_of(plain, stream)
    count, mean, up, down = kernel._state["sums"].tolist()[:4]
    assert (count, up, down) == (plain.n, plain.up, plain.down)
    assert mean == (plain.mean if parameters["mean"] is None else 0.0)
    assert kernel._state["latched"].tolist() == [int(plain.latched)]


@pytest.mark.compiled
def test_the_kernel_alarms_where_river_does_on_two_thousand_streams(test_seed: int) -> None:
    rng = np.random.default_rng(test_seed)
    n_alarms = 0
    for seed in rng.integers(0, 2**32, 2000).tolist():
        stream = random_stream(seed, 50 + seed % 500)
        draw = np.random.default_rng(seed)
        scale = float(stream.std()) or 1.0
        parameters: dict[str, Any] = {
            "min_instances": int(draw.integers(1, 60)),
            "delta": scale * float(draw.choice([0.0, 0.005, 0.25])),
            "threshold": scale * float(10.0 ** draw.uniform(0, 2)),
            "alpha": float(draw.choice([1.0, 0.9999, 0.99])),
            "mode": ["up", "down", "both"][int(draw.integers(3))],
        }
        expected = alarms_of(river.drift.PageHinkley(**parameters), stream.tolist())
        assert PageHinkley(**parameters).update_many(stream).tolist() == expected, f"stream {seed}, {parameters}"
        n_alarms += len(expected)
    assert n_alarms > 1000


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("delta", "threshold", "run_length"),
    [(0.25, 14.3, 1e4), (0.1, 28.9, 1e4), (0.5, 7.4, 1e4), (0.05, 45.5, 1e4), (0.25, 18.8, 1e5)],
)
def test_the_average_run_length_is_within_15_percent(delta: float, threshold: float, run_length: float) -> None:
    """At least 200 alarms on each seed's stream of levels: a standard error of at most 7 percent, on a fixed seed."""
    n = int(400 * run_length) if run_length < 1e5 else 20_000_000
    levels = np.random.default_rng(1).integers(0, 256, n, np.uint16)
    one_sd = math.sqrt(12.0) * ((np.arange(256) + 0.5) / 256 - 0.5)
    state, latched = np.zeros(PAGE_HINKLEY_STATE), np.zeros(1, np.uint8)
    limits = (0.0, 1.0, delta, threshold, 1.0)
    alarms = page_hinkley_run(
        state, latched, levels, one_sd, *limits, BOTH, True, False, np.zeros(0, np.int64), np.zeros((0, 4))
    )
    assert n / alarms == pytest.approx(run_length, rel=0.15)


def shifted(*means_and_lengths: tuple[float, int]) -> F64:
    rng = np.random.default_rng(6)
    return np.concatenate([mean + rng.uniform(-1.7, 1.7, n) for mean, n in means_and_lengths])


def test_a_latched_cusum_alarms_once_for_each_onset() -> None:
    stream = shifted((0.0, 500), (1.5, 5000), (0.0, 500), (-1.5, 500), (0.0, 500), (1.5, 100))
    found = Cusum(threshold=14.3).update_many(stream).tolist()
    assert [position // 500 for position in found] == [1, 12, 14]
    assert len(Cusum(threshold=14.3, latch=False).update_many(stream)) > 100


def test_the_way_back_does_not_depend_on_how_long_a_drift_lasted() -> None:
    ways = []
    for length in (100, 10_000):
        cusum = Cusum(threshold=14.3)
        cusum.update_many(shifted((1.5, length)))
        assert cusum.statistic == 2 * 14.3
        calm = np.zeros(500)
        ways.append([cusum.update(x) or cusum.statistic for x in calm.tolist()])
    assert ways[0] == ways[1]


def test_while_it_is_latched_it_says_how_strong_and_since_when() -> None:
    cusum = Cusum(threshold=14.3)
    found = cusum.update_many(np.concatenate([np.full(200, -0.1), np.full(20, 1.25)])).tolist()
    assert found == [214]
    assert cusum.evidence.n_since_change == 20
    assert cusum.statistic == pytest.approx(20.0)


@pytest.mark.parametrize(
    "make", [lambda mode: PageHinkley(threshold=20.0, mode=mode), lambda mode: Cusum(20.0, mode=mode)]
)
def test_only_the_watched_direction_alarms(make: Any) -> None:
    rises, falls = shifted((0.0, 300), (2.0, 300)), shifted((0.0, 300), (-2.0, 300))
    assert len(make("up").update_many(rises)) > 0
    assert len(make("down").update_many(falls)) > 0
    assert make("up").update_many(falls).tolist() == []
    assert make("down").update_many(rises).tolist() == []
    assert len(make("both").update_many(rises)) > 0
    assert len(make("both").update_many(falls)) > 0


def test_a_sum_that_is_not_watched_does_not_hold_the_latch() -> None:
    stream = shifted((0.0, 100), (2.0, 100), (-2.0, 400), (2.0, 100))
    assert len(Cusum(14.3, mode="up").update_many(stream)) == 2


def test_a_level_without_a_value_is_skipped() -> None:
    levels = np.random.default_rng(5).integers(0, 3, 400).astype(np.uint16)
    states = []
    for given_levels in (levels, levels[levels < 2]):
        state = np.zeros(PAGE_HINKLEY_STATE)
        table = np.array([0.0, 1.0, np.nan])
        limits = (math.nan, 30.0, 0.005, 50.0, 0.9999)
        room = (np.zeros(5, np.int64), np.zeros((5, 4)))
        page_hinkley_run(state, np.zeros(1, np.uint8), given_levels, table, *limits, UP, False, False, *room)
        states.append(state.tolist())
    assert states[0] == states[1]


def test_alarms_beyond_the_room_for_them_are_counted_and_not_written() -> None:
    levels, table = np.tile(np.array([0, 0, 1], np.uint16), 30), np.array([0.0, 10.0])
    limits = (0.0, 1.0, 0.25, 5.0, 1.0)
    answers = []
    for room in (40, 2):
        hits, evidence = np.full(room, -1), np.zeros((room, 4))
        state, latched = np.zeros(PAGE_HINKLEY_STATE), np.zeros(1, np.uint8)
        n = page_hinkley_run(state, latched, levels, table, *limits, BOTH, True, False, hits, evidence)
        answers.append((n, hits[:2].tolist()))
    assert answers == [(30, [2, 5])] * 2


@pytest.mark.parametrize(
    ("parameters", "remedy"),
    [
        ({"mode": "sideways"}, "write one of both, up, down"),
        ({"min_instances": 0}, "write 1 or more"),
        ({"delta": -1.0}, "write a number of 0 or more"),
        ({"threshold": 0.0}, "write a number above 0"),
        ({"threshold": math.nan}, "write a number above 0"),
        ({"alpha": 1.5}, "above 0 and up to 1"),
    ],
)
def test_a_wrong_parameter_is_refused_with_the_remedy(parameters: dict[str, Any], remedy: str) -> None:
    with pytest.raises(ValueError, match=remedy):
        PageHinkley(**parameters)
    with pytest.raises(ValueError, match=remedy):
        Cusum(**{"threshold": 10.0, **parameters})


def test_a_latch_needs_a_mean_to_come_back_to() -> None:
    with pytest.raises(ValueError, match="write mean=<the mean without drift>"):
        Cusum(10.0, mean=None, latch=True)
    with pytest.raises(ValueError, match="or None for the running mean"):
        Cusum(10.0, mean=math.nan)
