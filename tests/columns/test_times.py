"""Columns of timestamps: what is read, to the millisecond, and both readers alike."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.processors.columns_times import BAD_TIME, times_ms
from driftline.schemas.limits import TIMESTAMP_MS_MAX, TIMESTAMP_MS_MIN
from driftline.schemas.timestamps import timestamp_ms, timestamp_problem

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),
    st.integers(-23 * 60, 23 * 60),
    st.sampled_from(["seconds", "milliseconds", "microseconds"]),
)
def test_what_datetime_writes_is_read_to_the_millisecond(moment: datetime, offset: int, precision: str) -> None:
    at = moment.replace(tzinfo=timezone(timedelta(minutes=offset)))
    text = at.isoformat(timespec=precision)
    expected = (datetime.fromisoformat(text) - EPOCH) // timedelta(milliseconds=1)
    assert timestamp_ms(text) == expected
    assert times_ms([text]).tolist() == [expected]


def test_both_readers_agree_on_mutated_texts(test_seed: int) -> None:
    draw = random.Random(test_seed)
    seeds = ["2024-02-29T12:34:56.789Z", "2100-02-29T00:00:00Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:60Z"]
    seeds += ["2024-01-01 00:00:00.1+0530", "2024-06-30t23:59:60-23:59", "2000-02-29T10:10:10.12+01:00"]
    texts = [_mutated(draw.choice(seeds), draw) for _ in range(20_000)]
    slow = [timestamp_ms(text) for text in texts]
    assert times_ms(texts).tolist() == [BAD_TIME if ms is None else ms for ms in slow]
    assert len({ms for ms in slow if ms is not None}) > 500


def _mutated(text: str, draw: random.Random) -> str:
    characters = list(text)
    for _ in range(draw.choice([0, 1, 1, 2])):
        at = draw.randrange(len(characters))
        how = draw.random()
        if how < 0.6:
            characters[at] = draw.choice("0123456789-+:.TtZz ")
        elif how < 0.8:
            characters.insert(at, draw.choice("0123456789-+:.TtZz "))
        else:
            del characters[at]
    return "".join(characters)


def test_a_column_may_mix_integers_integral_floats_and_texts() -> None:
    column: list[int | float | str] = [1769860800250, 1769860800250.0, "2026-01-31T12:00:00.250Z", "soon", 0.5, "é"]
    assert times_ms(column).tolist() == [1769860800250] * 3 + [BAD_TIME] * 3


@pytest.mark.parametrize("ms", [TIMESTAMP_MS_MIN - 1, TIMESTAMP_MS_MAX + 1, 2**62, -(2**63)])
def test_an_integer_outside_the_years_1_to_9999_is_no_timestamp(ms: int) -> None:
    assert times_ms([0, ms]).tolist() == [0, BAD_TIME]
    assert timestamp_ms(ms) is None


def test_fractions_are_cut_and_not_rounded_as_time_only_ever_has_passed() -> None:
    assert timestamp_ms("1970-01-01T00:00:00.9999Z") == 999
    assert timestamp_ms("1969-12-31T23:59:59.9999Z") == -1


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("2026-01-31T12:00:00", "no offset"),
        ("yesterday", "not an RFC 3339"),
        (1769860800.25, "seconds instead of milliseconds"),
        (1769860800250000, "micro- or nanoseconds"),
        (-(10**15), "before the year 1"),
        (True, "a boolean"),
        ([1], "an array"),
        ({}, "an object"),
    ],
)
def test_the_problem_is_named(value: object, hint: str) -> None:
    assert timestamp_ms(value) is None
    assert hint in timestamp_problem(value)
