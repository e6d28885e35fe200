"""What estimates were worth, once the labels were there."""

from __future__ import annotations

import math
from typing import Any

import pytest

from driftline.processors.estimation.reconciliation import (
    Reconciliation,
    Trust,
    estimate_errors,
    reconciled,
)
from driftline.schemas.signals import PerformanceWindow

WINDOWS = [
    ({"accuracy": 0.80, "accuracy_se": 0.02, "f1": 0.5}, {"accuracy": 0.78, "accuracy_se": 0.04, "f1": 0.6}),
    ({"accuracy": 0.80, "accuracy_se": 0.01, "f1": None}, {"accuracy": 0.83, "f1": 0.6}),
    ({"accuracy": 0.80}, {"accuracy": math.nan, "f1": 0.6}),
]


def _trust(windows: list[tuple[dict[str, float | None], dict[str, float | None]]]) -> dict[str, Trust]:
    trust: dict[str, Trust] = {}
    for estimated, realised in windows:
        trust = reconciled(trust, estimated, realised)
    return trust


def test_the_error_is_estimated_minus_realised() -> None:
    assert estimate_errors(*WINDOWS[0]) == pytest.approx({"accuracy": 0.02, "f1": -0.1})


def test_what_one_side_lacks_is_left_out() -> None:
    assert set(estimate_errors(*WINDOWS[1])) == {"accuracy"}
    assert estimate_errors(*WINDOWS[2]) == {}


def test_the_summary_says_how_far_estimates_were_off_and_which_way() -> None:
    trust = _trust(WINDOWS)
    assert trust["accuracy"].windows == 2
    assert trust["accuracy"].mean_absolute_error == pytest.approx(0.025)
    assert trust["accuracy"].bias == pytest.approx(-0.005)
    assert trust["f1"].mean_absolute_error == pytest.approx(0.1)


def test_errors_are_compared_with_the_standard_errors_that_were_claimed() -> None:
    trust = _trust(WINDOWS)
    assert trust["accuracy"].error_ratio == pytest.approx(math.sqrt((1 + 9) / 2))
    assert math.isnan(trust["f1"].error_ratio), "it claimed none"


def test_nothing_is_known_before_the_first_final_window() -> None:
    assert math.isnan(Trust().mean_absolute_error) and math.isnan(Trust().bias)


def test_the_summary_before_is_left_as_it_was() -> None:
    before = _trust(WINDOWS[:1])
    kept = dict(before)
    reconciled(before, *WINDOWS[1])
    assert before == kept


def _window(**changes: Any) -> PerformanceWindow:
    week = {"start_ms": 0, "end_ms": 604_800_000, "length_ms": 604_800_000}
    metrics = {"estimated": {"accuracy": 0.8, "accuracy_se": 0.02}, "metrics": {"accuracy": 0.7}}
    return PerformanceWindow(
        **{"id": "", "model": "m", "n": 100, "labelled": 100, "final": True, **week, **metrics, **changes}
    )


def test_final_windows_of_a_whole_model_are_held_against_their_estimates() -> None:
    kept = Reconciliation()
    for window in (_window(), _window(metrics={"accuracy": 0.9}), _window(estimated={})):
        kept.add(window)
    told = kept.summary()["m"]["7d"]["accuracy"]
    assert told == pytest.approx({"windows": 2, "mean_absolute_error": 0.1, "bias": 0.0, "error_ratio": 5.0})


@pytest.mark.parametrize(
    "changes", [{"final": False}, {"segment_set": ["region"]}, {"version": "2"}, {"labelled": 29}, {"estimated": {}}]
)
def test_other_windows_have_no_part_in_that(changes: dict[str, Any]) -> None:
    kept = Reconciliation()
    kept.add(_window(**changes))
    assert kept.summary() == {}


def test_a_window_of_which_a_quarter_is_labelled_may_be_off_twice_as_far() -> None:
    kept = Reconciliation()
    kept.add(_window(n=400))
    assert kept.summary()["m"]["7d"]["accuracy"]["error_ratio"] == pytest.approx(2.5)
