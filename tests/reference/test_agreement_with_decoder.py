"""The reference counts its rows exactly as the core counts events: the stream of the reference rows shows no drift."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftline.config.model_spec import FieldOverride, ModelSpec
from driftline.processors.batches import PredictionBatch
from driftline.processors.codes import INVALID_CODE, MISSING_CODE, N_CODES, NEW_CATEGORY_CODE, POOLED_CODE
from driftline.processors.columns import Columnizer
from driftline.processors.reference.build import ReferenceBuilder
from driftline.processors.reference.layout import layout_of
from driftline.processors.reference.profile import FieldProfile, Reference
from driftline.processors.transform import encode_numeric_plain, padded_edges
from driftline.schemas.codec import PredictionDecoder
from driftline.schemas.rejections import Rejection

SPEC = ModelSpec(
    name="m",
    task="binary",
    segments=(("region",), ("code", "flag")),
    fields={
        "code": FieldOverride(kind="categorical"),
        "named": FieldOverride(kind="categorical", categories=("a", "b", "unseen")),
        "flag": FieldOverride(kind="boolean"),
        "rate": FieldOverride(kind="categorical"),
    },
)

# every type of JSON value in every kind of field, but mostly the right one
WRONG = st.sampled_from([None, True, False, 0, 1, 7, 2.0, 2.5, "a", "1", "", [], {"a": 1}])
NUMBER = st.one_of(st.floats(-3, 3), st.integers(-2, 2), WRONG)
FEATURES = st.fixed_dictionaries(
    {"x": NUMBER, "y": st.integers(0, 900)},
    optional={
        "code": st.one_of(st.integers(0, 5), WRONG),
        "named": st.one_of(st.sampled_from(["a", "b", "typo"]), WRONG),
        "flag": st.one_of(st.booleans(), WRONG),
        "rate": st.one_of(st.sampled_from([0.5, 1.5, 2]), WRONG),
        "text": st.one_of(st.text("ab", max_size=6), WRONG),
    },
)
RECORDS = st.lists(
    st.fixed_dictionaries(
        {"prediction": st.sampled_from([0, 1, 1.0, "x", True]), "features": FEATURES},
        optional={
            "score": st.floats(0, 1),
            "context": st.fixed_dictionaries({}, optional={"region": st.sampled_from(["eu", "us,west", "a=b%"])}),
            "measurements": st.fixed_dictionaries({}, optional={"latency_ms": NUMBER}),
        },
    ),
    min_size=1,
    max_size=50,
)


def _lines(records: list[dict[str, Any]]) -> list[bytes]:
    envelope = {"model": "m", "timestamp": 1_700_000_000_000}
    return [orjson.dumps({"prediction_id": str(i), **envelope, **record}) for i, record in enumerate(records)]


def _reference(lines: list[bytes]) -> Reference:
    decoder, builder = PredictionDecoder(), ReferenceBuilder(SPEC)
    for line in lines:
        read = decoder.decode(line)
        assert not isinstance(read, Rejection)
        builder.add([read.event])
    return builder.build("test")


def _decoded(lines: list[bytes], reference: Reference) -> PredictionBatch:
    layout = layout_of(reference, SPEC)
    decoded = Columnizer(lambda model: layout).predictions_from_lines(b"\n".join([*lines, b""]), 0)
    assert decoded.rejected == []
    (batch,) = decoded.batches
    assert isinstance(batch, PredictionBatch)
    return batch


def _codes(batch: PredictionBatch, reference: Reference) -> list[np.ndarray[Any, Any]]:
    numeric = [field for field in reference.fields if field.kind == "numeric"]
    codes = encode_numeric_plain(batch.numeric, padded_edges([field.edges for field in numeric]))
    return [*codes, *batch.category.T]


def _counts_of_profile(field: FieldProfile) -> tuple[list[int], int, int]:
    if field.kind == "numeric":
        return field.bin_counts, field.missing, field.invalid
    pool = [0] * (POOLED_CODE - len(field.category_counts)) + [field.pooled_count]
    return [*field.category_counts, *pool], field.missing, field.invalid


def _counts_of_codes(codes: np.ndarray[Any, Any], field: FieldProfile) -> tuple[list[int], int, int]:
    counts = np.bincount(codes, minlength=N_CODES)
    if field.kind == "numeric":
        values = counts[: len(field.bin_counts)]
    else:
        counts[POOLED_CODE] += counts[NEW_CATEGORY_CODE]
        values = counts[: POOLED_CODE + 1]
    return values.tolist(), int(counts[MISSING_CODE]), int(counts[INVALID_CODE])


@given(RECORDS)
def test_a_stream_of_the_reference_rows_has_the_counts_of_the_reference(records: list[dict[str, Any]]) -> None:
    lines = _lines(records)
    reference = _reference(lines)
    batch = _decoded(lines, reference)
    for field, codes in zip(reference.fields, _codes(batch, reference), strict=True):
        assert _counts_of_codes(codes, field) == _counts_of_profile(field), field.name


@pytest.mark.compiled
@settings(max_examples=40)
@given(RECORDS)
def test_segments_have_the_labels_and_rows_that_the_decoder_gives_them(records: list[dict[str, Any]]) -> None:
    lines = _lines(records) * 100  # past the least rows of a segment
    reference = _reference(lines)
    batch = _decoded(lines, reference)
    decoded = [
        (names, label, int((column.codes == code).sum()))
        for names, column in zip(SPEC.segments, batch.segments, strict=True)
        for code, label in enumerate(column.labels)
    ]
    assert sorted(decoded) == sorted((s.segment_set, s.label, s.n) for s in reference.segments)


def test_nothing_of_the_reference_is_an_unknown_feature() -> None:
    records = [
        {"prediction": 1, "features": {"id": f"user {i}", "empty": None, "x": i}, "measurements": {"none": None}}
        for i in range(300)
    ]
    lines = _lines(records)
    reference = _reference(lines)
    assert [f.name for f in reference.left_out] == ["id", "empty", "none"]
    assert _decoded(lines, reference).unknown == {}
