"""Generic decoders, the encoder, and the smaller rules of the vocabulary."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.schemas.codec import LabelDecoder, PredictionDecoder, encode, round12
from driftline.schemas.events import Prediction
from driftline.schemas.exact import ReadLabel, ReadPrediction, read_label, read_prediction
from driftline.schemas.json_object import depth_exceeds
from driftline.schemas.layout import EventLayout, FieldLayout
from driftline.schemas.rejections import RecordRejected, Rejection, RejectionReason
from driftline.schemas.scalars import scalar_text
from driftline.schemas.signals import LabelExpired, Rejected, WindowClosed
from tests.columns.records import RecordMaker
from tests.schemas.bad_records import record

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('ab[]{}"\\', max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("x[{\\", max_size=3), inner, max_size=4),
    max_leaves=30,
)


def _read(content: bytes) -> Prediction:
    read = PredictionDecoder().decode(content)
    assert isinstance(read, ReadPrediction), read
    return read.event


def _exactly(reader: Callable[[bytes], ReadPrediction | ReadLabel], content: bytes) -> object:
    try:
        return reader(content)
    except RecordRejected as rejected:
        return Rejection(0, rejected.reason, rejected.message)


def test_a_prediction_is_read_with_its_defaults() -> None:
    event = _read(b'{"prediction_id":"a","model":"m","timestamp":"2026-01-31T12:00:00.25Z","prediction":true}')
    assert event == Prediction(prediction_id="a", model="m", timestamp_ms=1769860800250, prediction=True)
    assert (event.model_version, event.features, event.schema_version) == ("unversioned", {}, 1)


def test_values_keep_their_json_type() -> None:
    event = _read(record(features={"a": 1, "b": 1.0, "c": True, "d": None, "e": [1], "f": {"g": 2}}))
    assert [type(value) for value in event.features.values()] == [int, float, bool, type(None), list, dict]


def test_context_values_are_texts() -> None:
    event = _read(record(context={"a": "x", "b": 3, "c": 2.0, "d": True, "e": None, "f": 0.5}))
    assert event.context == {"a": "x", "b": "3", "c": "2", "d": "true", "f": "0.5"}


def test_unknown_envelope_fields_are_reported_and_harmless() -> None:
    read = PredictionDecoder().decode(record(zeta=1, alpha={"deep": [1]}))
    assert isinstance(read, ReadPrediction)
    assert read.unknown == ("envelope:zeta", "envelope:alpha")


def test_the_plain_decoders_agree_with_the_exact_ones_on_mutated_records(test_seed: int) -> None:
    maker = RecordMaker(test_seed)
    decoder = PredictionDecoder()
    for _ in range(3_000):
        content = maker.any_record()
        assert decoder.decode(content) == _exactly(read_prediction, content)


def test_labels_agree_with_the_exact_ones_on_mutated_records(test_seed: int) -> None:
    draw = random.Random(test_seed)
    decoder = LabelDecoder()
    values: list[Any] = [
        "yes",
        1,
        2.5,
        True,
        None,
        [],
        {},
        "",
        "x" * 129,
        -1,
        2**70,
        "2026-01-31T12:00:00Z",
        1769860800250,
    ]
    rejected_ones = 0
    for _ in range(3_000):
        fields: dict[str, Any] = {"prediction_id": "p", "model": "m", "timestamp": 1769860800250, "label": 1}
        for _ in range(draw.choice([0, 1, 1, 2])):
            name = draw.choice(
                ["prediction_id", "model", "timestamp", "label", "source", "weight", "schema_version", "x"]
            )
            fields[name] = draw.choice(values)
        if draw.random() < 0.1:
            del fields[draw.choice(list(fields))]
        content = json.dumps(fields).encode()
        content = content[: draw.randrange(len(content))] if draw.random() < 0.05 else content
        read = decoder.decode(content)
        assert read == _exactly(read_label, content)
        rejected_ones += isinstance(read, Rejection)
    assert 500 < rejected_ones < 2_500


@given(JSON, st.integers(0, 6))
def test_depth_is_counted_like_nested_lists_and_objects_are(value: Any, limit: int) -> None:
    def depth(item: Any) -> int:
        if isinstance(item, dict):
            return 1 + max(map(depth, item.values()), default=0)
        return 1 + max(map(depth, item), default=0) if isinstance(item, list) else 0

    assert depth_exceeds(json.dumps(value).encode(), limit) == (depth(value) > limit)


@pytest.mark.parametrize("x", [0.0, 0.1 + 0.2, 1 / 3, -1e300 / 7, 5e-324, 123456789.123456789, 1e22])
def test_twelve_digits_are_kept_and_rounding_twice_changes_nothing(x: float) -> None:
    assert math.isclose(round12(x), x, rel_tol=5e-12)
    assert round12(round12(x)) == round12(x)


def test_what_is_not_finite_is_written_as_null() -> None:
    assert math.isnan(round12(math.nan))
    assert round12(math.inf) == math.inf
    window = WindowClosed(id="1", model="m", start_ms=0, end_ms=1, length_ms=1, n=0)
    assert b"null" in encode(window)


def test_equal_signals_are_equal_bytes_whatever_the_order_of_counting() -> None:
    counts = {RejectionReason.TIMESTAMP_TOO_OLD: 1, RejectionReason.TIMESTAMP_IN_FUTURE: 2}
    one = Rejected(id="1", model="m", pane_end_ms=0, reasons=counts)
    other = Rejected(id="1", model="m", pane_end_ms=0, reasons=dict(reversed(counts.items())))
    assert encode(one) == encode(other)


def test_a_signal_is_one_line() -> None:
    line = encode(LabelExpired(id="a\nb", model="\x1b[31m", pane_end_ms=0))
    assert b"\n" not in line
    assert b"\x1b" not in line


def test_one_number_has_one_spelling() -> None:
    assert {scalar_text(value) for value in (7, 7.0)} == {"7"}
    assert scalar_text(2**53 + 1) == "9007199254740993"
    assert scalar_text(2.0**60) == "1.152921504606847e+18"


def test_a_layout_says_what_is_wrong_with_it() -> None:
    number = FieldLayout("a", "feature", "numeric", "number")
    text = FieldLayout("b", "feature", "categorical", "string")
    with pytest.raises(ValueError, match="numeric fields come first"):
        EventLayout((text, number))
    with pytest.raises(ValueError, match="named twice"):
        EventLayout((number, FieldLayout("a", "feature", "categorical", "string")))
    layout = EventLayout((number, text, FieldLayout("a", "measurement", "boolean", "boolean")))
    assert [field.signal_kind for field in layout.fields] == ["data", "data", "measurement"]
    assert (layout.numeric_fields, len(layout.category_fields)) == ((number,), 2)
