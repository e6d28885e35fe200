"""Durations and budgets: one spelling, exact values, sentences for anything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.config.budget import FalseAlarmBudget, parse_budget
from driftline.config.durations import format_duration, parse_duration


@given(st.integers(min_value=0, max_value=10**12))
def test_what_is_formatted_is_read_back_exactly(duration_ms: int) -> None:
    assert parse_duration(format_duration(duration_ms)) == duration_ms


@pytest.mark.parametrize(
    ("text", "duration_ms"), [("250ms", 250), ("90s", 90_000), ("10m", 600_000), ("1h", 3_600_000), ("7d", 604_800_000)]
)
def test_every_unit_is_read(text: str, duration_ms: int) -> None:
    assert parse_duration(text) == duration_ms


@pytest.mark.parametrize("text", ["", "10", "m", "10 m", "1.5h", "-1h", "1w", "10M", "1h30m", "1h\n", "٣h"])
def test_any_other_spelling_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write a whole number and one unit"):
        parse_duration(text)


def test_a_negative_duration_has_no_spelling() -> None:
    with pytest.raises(ValueError, match="zero or more"):
        format_duration(-1)


@pytest.mark.parametrize(("text", "per_week"), [("1/week", 1.0), ("2/day", 14.0), ("30/month", 7.0), ("0.5/week", 0.5)])
def test_a_budget_is_a_rate_per_week(text: str, per_week: float) -> None:
    assert parse_budget(text).per_week == pytest.approx(per_week, rel=1e-12)


@pytest.mark.parametrize("text", ["1/week", "0.25/day", "12/month"])
def test_a_budget_is_shown_as_it_was_written(text: str) -> None:
    assert str(parse_budget(text)) == text


def test_budgets_are_equal_by_value() -> None:
    assert parse_budget("1/week") == FalseAlarmBudget(1.0, "week")


@pytest.mark.parametrize("text", ["", "1", "1 per week", "1/ week", "1/weeks", "-1/week", "1e3/week", "0/week"])
def test_any_other_budget_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write"):
        parse_budget(text)
