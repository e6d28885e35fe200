"""What one value becomes in each kind of field, and how segments are named."""

from __future__ import annotations

import math
from typing import Any

import pytest

from driftline.processors.codes import INVALID_CODE, MISSING_CODE, NEW_CATEGORY_CODE, POOLED_CODE
from driftline.processors.columns_codes import (
    CategoryCodes,
    LabelCodes,
    SegmentCodes,
    VersionCodes,
    category_text,
    numeric_value,
    segment_label,
)
from driftline.schemas.layout import FieldKind, FieldLayout, ValueType
from driftline.schemas.limits import SEGMENT_LABELS_MAX


@pytest.mark.parametrize(("value", "expected"), [(3, 3.0), (2.5, 2.5), (-0.0, 0.0), (2**100, 2.0**100)])
def test_numbers_are_numeric_values(value: Any, expected: float) -> None:
    assert numeric_value(value) == expected


@pytest.mark.parametrize("value", [True, False, "3", "", [], [1], {}, {"a": 1}])
def test_what_is_no_number_is_an_invalid_numeric_value(value: Any) -> None:
    assert numeric_value(value) == math.inf


def test_null_is_a_missing_numeric_value() -> None:
    assert math.isnan(numeric_value(None))


def _field(kind: FieldKind, value_type: ValueType, *categories: str) -> FieldLayout:
    return FieldLayout("f", "feature", kind, value_type, categories, frozenset({"rare", "77"}))


STRINGS = _field("categorical", "string", "web", "app")
INTEGERS = _field("categorical", "integer", "3", "-1")
NUMBERS = _field("categorical", "number", "0.5", "3")
BOOLEANS = _field("boolean", "boolean", "false", "true")


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        (STRINGS, "web", 0),
        (STRINGS, "app", 1),
        (STRINGS, "rare", POOLED_CODE),
        (STRINGS, "fax", NEW_CATEGORY_CODE),
        (STRINGS, "", NEW_CATEGORY_CODE),
        (STRINGS, 3, INVALID_CODE),
        (STRINGS, True, INVALID_CODE),
        (STRINGS, ["web"], INVALID_CODE),
        (STRINGS, None, MISSING_CODE),
        (INTEGERS, 3, 0),
        (INTEGERS, 3.0, 0),
        (INTEGERS, -1, 1),
        (INTEGERS, 77, POOLED_CODE),
        (INTEGERS, 4, NEW_CATEGORY_CODE),
        (INTEGERS, 2**80, NEW_CATEGORY_CODE),
        (INTEGERS, 3.5, INVALID_CODE),
        (INTEGERS, "3", INVALID_CODE),
        (INTEGERS, True, INVALID_CODE),
        (INTEGERS, {}, INVALID_CODE),
        (NUMBERS, 0.5, 0),
        (NUMBERS, 3, 1),
        (NUMBERS, 3.0, 1),
        (NUMBERS, 0.25, NEW_CATEGORY_CODE),
        (NUMBERS, "0.5", INVALID_CODE),
        (NUMBERS, False, INVALID_CODE),
        (BOOLEANS, False, 0),
        (BOOLEANS, True, 1),
        (BOOLEANS, 0, 0),
        (BOOLEANS, 1, 1),
        (BOOLEANS, 1.0, 1),
        (BOOLEANS, 2, INVALID_CODE),
        (BOOLEANS, "true", INVALID_CODE),
        (BOOLEANS, None, MISSING_CODE),
    ],
)
def test_a_value_has_the_code_of_its_category(field: FieldLayout, value: Any, code: int) -> None:
    assert CategoryCodes(field).code(value) == code


def test_looking_up_and_asking_agree_and_memory_stays_bounded() -> None:
    codes = CategoryCodes(STRINGS)
    values = [f"v{i}" for i in range(20_000)] + ["web", "x" * 1_000_000, None, 3]
    assert [codes[value] for value in values] == [codes.code(value) for value in values]
    assert len(codes) < 5_000
    assert max(len(value) for value in codes if isinstance(value, str)) <= 128


def test_categories_are_named_as_the_reference_names_them() -> None:
    assert category_text(3.0, INTEGERS) == "3"
    assert category_text(1, BOOLEANS) == "true"
    assert category_text("3", INTEGERS) is None


def test_a_segment_label_can_be_taken_apart_again() -> None:
    assert segment_label(("region",), ("a,b=c%",)) == "region=a%2Cb%3Dc%25"
    assert segment_label(("region", "device"), ("eu", None)) == "region=eu,device=__missing__"
    assert segment_label(("region",), ("x" * 1_000,)) == "region=" + "x" * 128


def test_labels_of_segments_only_grow_until_they_start_afresh_as_a_new_list() -> None:
    codes = SegmentCodes(("user",))
    first = codes.labels
    assert [codes[f"u{i}"] for i in range(SEGMENT_LABELS_MAX + 1)] == list(range(SEGMENT_LABELS_MAX + 1))
    assert codes.labels is first
    codes.start_afresh_when_full()
    assert codes.labels is not first
    assert len(first) == SEGMENT_LABELS_MAX + 1
    assert (codes["u9"], codes.labels) == (0, ["user=u9"])


def test_values_cut_to_the_same_text_are_one_segment() -> None:
    codes = SegmentCodes(("user",))
    assert codes["x" * 200] == codes["x" * 300] == 0
    assert len(codes.labels) == 1


def test_an_empty_version_is_unversioned() -> None:
    codes = VersionCodes()
    assert codes[""] == codes["unversioned"]
    assert codes.labels == ["unversioned"]


def test_plain_labels_are_their_keys() -> None:
    codes = LabelCodes()
    assert (codes["b"], codes["a"], codes["b"], codes.labels) == (0, 1, 0, ["b", "a"])
