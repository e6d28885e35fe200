"""What estimates were worth, once the labels were there."""

from __future__ import annotations

import math

import pytest

from driftline.processors.estimation.reconciliation import Trust, estimate_errors, past_errors, reconciled

WINDOWS = [
    ({"accuracy": 0.80, "accuracy_se": 0.02, "f1": 0.5}, {"accuracy": 0.78, "f1": 0.6}),
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
    assert past_errors(trust) == pytest.approx({"accuracy_past_error": 0.025, "f1_past_error": 0.1})


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
