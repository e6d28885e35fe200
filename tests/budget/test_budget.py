"""A false-alarm budget is spent in full and never twice; thresholds follow from the rates."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.config.budget import FalseAlarmBudget
from driftline.config.model_spec import DETECTOR_NAMES, ModelSpec
from driftline.processors.budget import (
    DEFAULT_EVENTS_PER_WEEK,
    DETECTOR_WEIGHTS,
    PAGE_HINKLEY_ALLOWANCE,
    _uniform_exponent,
    adwin_delta,
    monitor_rates,
    page_hinkley_threshold,
    shiryaev_roberts_threshold,
)
from driftline.processors.detectors.cusum import Cusum


def spec(**changes: object) -> ModelSpec:
    return dataclasses.replace(ModelSpec(name="m", events_per_week=1e6), **changes)  # type: ignore[arg-type]


@given(
    count=st.floats(0.001, 1000),
    events=st.floats(1, 1e10),
    fields=st.integers(1, 500),
    sets=st.integers(0, 4),
    detectors=st.sets(st.sampled_from(DETECTOR_NAMES), min_size=1),
)
def test_the_rates_of_all_that_alarms_add_up_to_the_budget(
    count: float, events: float, fields: int, sets: int, detectors: set[str]
) -> None:
    rates = monitor_rates(
        spec(
            false_alarms=FalseAlarmBudget(count, "week"),
            events_per_week=events,
            segments=tuple((f"key{i}",) for i in range(sets)),
            detectors=tuple(sorted(detectors)),
        ),
        fields,
    )
    spent = sum(
        budget.rate * fields
        for scope in (rates.whole_model, *rates.segment_sets)
        for budget in scope.detectors.values()
        if budget.alarms
    )
    assert spent * events == pytest.approx(count, rel=1e-12)


def test_without_segments_the_whole_model_has_it_all() -> None:
    rates = monitor_rates(spec(), 10)
    assert rates.whole_model.share == 1.0
    assert rates.segment_sets == ()
    assert rates.whole_model.field_rate == pytest.approx(1e-7)


def test_segment_sets_share_one_half_and_the_number_of_segments_plays_no_part() -> None:
    rates = monitor_rates(spec(segments=(("region",), ("region", "device"))), 10)
    assert rates.whole_model.field_rate == pytest.approx(0.5e-7)
    assert [scope.segment_set for scope in rates.segment_sets] == [("region",), ("region", "device")]
    assert [scope.field_rate for scope in rates.segment_sets] == pytest.approx([0.25e-7] * 2)


def test_detectors_share_by_their_weights_among_those_that_alarm() -> None:
    both = monitor_rates(spec(), 1).whole_model.detectors
    assert both["shiryaev_roberts"].rate == pytest.approx(0.6e-6)
    assert both["chi_square"].rate == pytest.approx(0.4e-6)
    alone = monitor_rates(spec(detectors=("adwin",)), 1).whole_model.detectors
    assert alone["adwin"].rate == pytest.approx(1e-6)
    assert set(both) == set(DETECTOR_WEIGHTS) == set(DETECTOR_NAMES)


def test_a_detector_that_is_only_shown_has_the_threshold_it_would_have_if_it_were_added() -> None:
    shown = monitor_rates(spec(), 1).whole_model.detectors["adwin"]
    named = monitor_rates(spec(detectors=("shiryaev_roberts", "chi_square", "adwin")), 1).whole_model.detectors["adwin"]
    assert not shown.alarms
    assert shown.threshold == named.threshold


def test_a_detector_that_is_named_twice_counts_once() -> None:
    twice = monitor_rates(spec(detectors=("adwin", "adwin")), 1)
    assert twice.whole_model.detectors["adwin"].rate == pytest.approx(1e-6)


@pytest.mark.parametrize(
    ("configured", "of_reference", "events", "source"),
    [
        (5e5, 7e5, 5e5, "configuration"),
        (None, 7e5, 7e5, "reference"),
        (None, None, DEFAULT_EVENTS_PER_WEEK, "default"),
    ],
)
def test_events_per_week_come_from_the_configuration_then_the_reference_then_a_documented_default(
    configured: float | None, of_reference: float | None, events: float, source: str
) -> None:
    rates = monitor_rates(spec(events_per_week=configured), 1, of_reference)
    assert (rates.events_per_week, rates.events_source) == (events, source)
    assert rates.rate == pytest.approx(1 / events)


def test_an_assumed_rate_of_events_says_what_to_set() -> None:
    assert "set events_per_week" in monitor_rates(spec(events_per_week=None), 1).reason


def test_the_explanation_names_every_scope_and_detector() -> None:
    text = "\n".join(monitor_rates(spec(segments=(("region", "device"),)), 4).explain())
    assert "false alarms: 1 a week on 1,000,000 events a week" in text
    assert "whole model: 50%, over 4 fields: one in 8,000,000 each" in text
    assert "segments by region, device: 50%" in text
    assert "shiryaev_roberts: one in 13,333,333 events, threshold 1.333e+07" in text
    assert "adwin: shown only" in text


@pytest.mark.parametrize(("arl", "h"), [(1e4, 28.9), (1e5, 40.3), (1e6, 51.8), (1e7, 63.2), (1e8, 74.7)])
def test_page_hinkley_thresholds_are_those_of_the_table(arl: float, h: float) -> None:
    assert page_hinkley_threshold(1 / arl) == pytest.approx(h, abs=0.06)


@pytest.mark.parametrize(("k", "theta"), [(0.025, 0.05), (0.05, 0.1001), (0.1, 0.2008), (0.25, 0.5129), (0.5, 1.112)])
def test_the_exponent_of_the_uniform_distribution_is_that_of_the_table(k: float, theta: float) -> None:
    assert _uniform_exponent(k) == pytest.approx(theta, rel=1e-3)


@pytest.mark.parametrize(("arl", "delta"), [(1.01e5, 0.11), (6.15e5, 0.027), (4.06e6, 0.006), (4.2e7, 0.001)])
def test_adwin_deltas_are_those_that_simulations_gave(arl: float, delta: float) -> None:
    assert adwin_delta(1 / arl) == pytest.approx(delta, rel=0.12)


@given(rate=st.floats(1e-300, 1e6))
def test_any_rate_gives_thresholds_that_the_detectors_accept(rate: float) -> None:
    assert 10 <= shiryaev_roberts_threshold(rate) <= 1e100
    assert 1e-10 <= adwin_delta(rate) <= 0.5
    assert 1 <= page_hinkley_threshold(rate) < 1e5


@given(low=st.floats(1e-12, 1e-2), factor=st.floats(1.01, 100))
def test_a_tighter_budget_never_loosens_a_threshold(low: float, factor: float) -> None:
    assert shiryaev_roberts_threshold(low) >= shiryaev_roberts_threshold(low * factor)
    assert adwin_delta(low) <= adwin_delta(low * factor)
    assert page_hinkley_threshold(low) >= page_hinkley_threshold(low * factor)


@pytest.mark.compiled
def test_the_threshold_of_page_hinkley_keeps_its_run_length() -> None:
    h = page_hinkley_threshold(1e-4)
    cusum = Cusum(threshold=h, delta=PAGE_HINKLEY_ALLOWANCE, mean=0.0, latch=False)
    x = np.sqrt(12) * (np.random.default_rng(9).random(2_000_000) - 0.5)
    assert 150 <= len(cusum.update_many(x)) <= 250
