"""Predictions and labels that mean the same meet, however they are spelled; what is positive is never guessed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.config.model_spec import Task
from driftline.processors.performance.classes import LEARNT_MAX, Classes, class_name, number
from driftline.schemas.scalars import Scalar

ONE: list[Scalar] = [True, 1, 1.0, "1", "1.0", "1.00", "true", "True", "TRUE"]
ZERO: list[Scalar] = [False, 0, 0.0, -0.0, "0", "0.0", "false", "False"]


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_every_spelling_of_one_and_zero_meets(task: Task) -> None:
    classes = Classes(task, ["0", "1"])
    assert [classes.code(v) for v in ONE] == [1.0] * len(ONE)
    assert [classes.code(v) for v in ZERO] == [0.0] * len(ZERO)


def test_names_in_the_settings_meet_what_services_send() -> None:
    assert [Classes("binary", ["false", "true"]).code(v) for v in (1, "0", True)] == [1.0, 0.0, 1.0]
    assert Classes("multiclass", ["3.0", "4"]).code(3) == 0.0


def test_a_binary_model_without_settings_knows_one_and_zero_only() -> None:
    classes = Classes("binary")
    assert classes.names == ["0", "1"]
    assert [math.isnan(classes.code(v)) for v in ("fraud", 2, 0.73, None, "")] == [True] * 5


def test_with_a_positive_class_everything_else_is_negative() -> None:
    classes = Classes("binary", positive="fraud")
    assert classes.codes(["fraud", "legit", "review", 1]).tolist() == [1.0, 0.0, 0.0, 0.0]
    assert math.isnan(classes.code(None))


def test_with_a_positive_class_and_names_anything_else_is_unknown() -> None:
    classes = Classes("binary", ["fraud", "legit"], positive="fraud")
    assert classes.names == ["legit", "fraud"]
    assert np.array_equal(classes.codes(["fraud", "legit", "n/a"]), [1.0, 0.0, math.nan], equal_nan=True)


@pytest.mark.parametrize(
    ("names", "positive", "message"),
    [
        (["a", "b", "c"], None, "name two, the positive one last"),
        (["a", "b"], "c", "name two, one of them c"),
        (["a"], None, "name two"),
        (["1", "true"], None, "name one class twice"),
    ],
)
def test_names_that_make_no_sense_are_refused(names: list[str], positive: str | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Classes("binary", names, positive=positive)


def test_a_multiclass_model_without_names_learns_them_in_order_and_goes_on_after_a_snapshot() -> None:
    classes = Classes("multiclass")
    assert classes.codes(["dog", "cat", "dog", 3, "3.0"]).tolist() == [0.0, 1.0, 0.0, 2.0, 2.0]
    again = Classes("multiclass", classes.names, learning=True)
    assert again.codes(["cow", "cat"]).tolist() == [3.0, 1.0]
    assert math.isnan(Classes("multiclass", ["dog", "cat"]).code("cow"))


def test_learnt_classes_are_bounded() -> None:
    classes = Classes("multiclass")
    codes = classes.codes([f"class {i}" for i in range(LEARNT_MAX + 50)])
    assert len(classes.names) == LEARNT_MAX
    assert np.isnan(codes[LEARNT_MAX:]).all() and codes[LEARNT_MAX - 1] == LEARNT_MAX - 1


def test_numbers_are_read_from_text_and_nothing_else_is_one() -> None:
    assert [number(v) for v in ("2.5", "-3", "1e3", 7, True, "4.")] == [2.5, -3.0, 1000.0, 7.0, 1.0, 4.0]
    assert all(math.isnan(number(v)) for v in ("", "nan", "inf", "1_000", " 1", "0x10", "1e999", 10**400))
    assert Classes("regression").codes([1, "2", None, "x"]).tolist()[:2] == [1.0, 2.0]


@given(st.one_of(st.text(max_size=8), st.integers(), st.floats(allow_nan=False), st.booleans()))
def test_a_class_is_its_own_name(value: Scalar) -> None:
    assert class_name(class_name(value)) == class_name(value)
    assert Classes("multiclass", [str(class_name(value)), "some other class"]).code(value) == 0.0
