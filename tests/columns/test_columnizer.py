"""Records in, batches out: what a caller of the columnizer relies on."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.processors.batches import DecodedBatch, PredictionBatch
from driftline.processors.codes import INVALID_CODE, MISSING_CODE, NEW_CATEGORY_CODE, POOLED_CODE
from driftline.processors.columns import Columnizer, columns_of
from driftline.schemas.inputs import Input
from driftline.schemas.layout import EventLayout, FieldLayout
from driftline.schemas.rejections import RejectionReason
from tests.columns.records import CREDIT, LAYOUTS, RecordMaker, assert_same_columns

NOON = 1769860800000


def event(**changes: Any) -> bytes:
    fields: dict[str, Any] = {
        "prediction_id": "p",
        "model": "credit",
        "timestamp": NOON,
        "prediction": "yes",
        "features": {"income": 5, "age": 30, "channel": "web", "rooms": 3, "rate": 0.5, "owner": True},
        "context": {"region": "eu", "device": "ios"},
    }
    return json.dumps({name: value for name, value in {**fields, **changes}.items() if value is not ...}).encode()


def only(decoded: DecodedBatch) -> PredictionBatch:
    (batch,) = decoded.batches
    assert isinstance(batch, PredictionBatch)
    return batch


def read(*records: bytes, columnizer: Columnizer | None = None) -> DecodedBatch:
    return (columnizer or Columnizer(LAYOUTS.get)).predictions(records, range(len(records)), [NOON] * len(records))


def labels_of(batch: PredictionBatch, segment_set: int) -> list[str]:
    column = batch.segments[segment_set]
    return [column.labels[code] for code in column.codes]


def test_an_event_becomes_one_row_of_every_column() -> None:
    batch = only(read(event(score=0.5, measurements={"latency_ms": 12}, model_version="7")))
    assert batch.numeric.tolist() == [[5.0, 30.0, 0.5, 12.0]]
    assert batch.category.tolist() == [[0, 0, 0, 1, 1]]
    assert [labels_of(batch, i) for i in range(4)] == [
        ["region=eu"],
        ["region=eu,device=ios"],
        ["age=30"],
        ["channel=web,rooms=3"],
    ]
    assert (batch.ids, batch.event_ms.tolist()) == (["p"], [NOON])
    assert batch.versions[batch.version_codes[0]] == "7"
    assert (batch.numeric.dtype, batch.category.dtype) == (np.float64, np.uint16)
    assert batch.numeric.flags.c_contiguous
    assert batch.category.flags.c_contiguous


def test_an_event_without_its_optional_fields_is_missing_everywhere() -> None:
    batch = only(read(event(features=..., context=...)))
    assert np.isnan(batch.numeric).all()
    assert batch.category.tolist() == [[MISSING_CODE] * 4 + [1]]
    assert labels_of(batch, 1) == ["region=__missing__,device=__missing__"]
    assert batch.versions[batch.version_codes[0]] == "unversioned"


def test_a_value_of_the_wrong_type_is_invalid_and_the_event_is_kept() -> None:
    wrong = {"income": "5", "age": True, "channel": 3, "rooms": "3", "rate": [0.5], "owner": "yes"}
    batch = only(read(event(), event(features=wrong, prediction=1), event()))
    assert batch.numeric[1, :2].tolist() == [math.inf, math.inf]
    assert batch.category[1].tolist() == [INVALID_CODE] * 5
    assert batch.numeric[2, 0] == 5.0


def test_minus_zero_is_zero_so_that_no_output_depends_on_its_spelling() -> None:
    zeros = [
        event(features={"income": 0}),
        event(features={"income": -0.0}),
        event(features={"income": -0.0, "age": []}),
    ]
    numeric = only(read(*zeros)).numeric[:, 0]
    assert numeric.tolist() == [0.0, 0.0, 0.0]
    assert not np.signbit(numeric).any()


def test_rare_and_new_categories_have_their_own_codes() -> None:
    batch = only(read(event(features={"channel": "fax"}), event(features={"channel": "telex"})))
    assert batch.category[:, 0].tolist() == [POOLED_CODE, NEW_CATEGORY_CODE]


def test_a_segment_key_is_looked_up_in_the_context_first_then_in_the_features() -> None:
    batch = only(
        read(
            event(features={"region": "us", "age": 3}),
            event(features={"region": "us"}, context={"device": None}),
            event(features={"region": ["us"]}, context={"age": "old"}),
            event(features={"age": 3.5}, context={"region": 5, "device": False}),
        )
    )
    assert labels_of(batch, 0) == ["region=eu", "region=us", "region=__missing__", "region=5"]
    assert labels_of(batch, 1)[3] == "region=5,device=false"
    assert labels_of(batch, 2) == ["age=3", "age=__missing__", "age=old", "age=3.5"]
    assert batch.unknown == {}


@pytest.mark.parametrize("times", [1, 10])
def test_unknown_names_are_counted_row_by_row_however_often_they_come(times: int) -> None:
    columnizer = Columnizer(LAYOUTS.get)
    odd = event(features={"income": 1, "a b": None}, measurements={"tokens": 3}, trace={"id": "x"})
    for _ in range(times):
        batch = only(read(event(), odd, event(), odd, columnizer=columnizer))
    unknown = {name: rows.tolist() for name, rows in batch.unknown.items()}
    assert unknown == {"a b": [1, 3], "measurements:tokens": [1, 3], "envelope:trace": [1, 3]}


@pytest.mark.parametrize("already_met", [0, 5])
def test_unknown_names_come_in_the_order_of_the_log_whichever_way_they_were_read(already_met: int) -> None:
    columnizer = Columnizer(LAYOUTS.get)
    for _ in range(already_met):
        read(event(features={"z": 1, "b": 1}), columnizer=columnizer)
    batch = only(
        read(event(), event(features={"z": 1, "new": []}), event(features={"b": 2, "a": 1}), columnizer=columnizer)
    )
    assert list(batch.unknown) == ["new", "z", "a", "b"]


def test_a_name_that_is_known_and_ignored_is_not_unknown() -> None:
    assert only(read(event(features={"note": "free text"}), event(features={"note": [1, [2]]}))).unknown == {}


def test_bad_records_are_rejected_where_they_stand_and_cost_nobody_else() -> None:
    decoded = Columnizer(LAYOUTS.get).predictions([event(), b"{", event(), b"[]"], [10, 11, 12, 20], [1, 2, 3, 4])
    assert [(r.offset, r.reason) for r in decoded.rejected] == [
        (11, RejectionReason.INVALID_JSON),
        (20, RejectionReason.NOT_AN_OBJECT),
    ]
    assert only(decoded).offsets.tolist() == [10, 12]
    assert decoded.consumed == 4


def test_record_time_of_the_partition_counts_all_records_also_bad_ones() -> None:
    columnizer = Columnizer(LAYOUTS.get)
    records = [event(), b"{", event(), event(model="price", prediction=1.0)]
    decoded = columnizer.predictions(records, range(4), [100, 900, 500, 600])
    credit, price = decoded.batches
    assert (credit.record_ms.tolist(), credit.partition_ms.tolist()) == ([100, 500], [100, 900])
    assert (price.record_ms.tolist(), price.partition_ms.tolist()) == ([600], [900])
    assert decoded.last_record_ms == 900
    later = columnizer.predictions([event()], [4], [700])
    assert (only(later).record_ms.tolist(), only(later).partition_ms.tolist()) == ([700], [900])


def test_lines_have_their_own_time_as_record_time_and_number_without_blank_lines() -> None:
    columnizer = Columnizer(LAYOUTS.get)
    buffer = b"\n".join([event(timestamp=NOON + 5), b"", b"  \r", b"{}", event(timestamp=NOON)])
    decoded = columnizer.predictions_from_lines(buffer, 100)
    batch = only(decoded)
    assert batch.offsets.tolist() == [100, 102]
    assert (batch.record_ms.tolist(), batch.partition_ms.tolist()) == ([NOON + 5, NOON], [NOON + 5, NOON + 5])
    assert [r.offset for r in decoded.rejected] == [101]
    assert (decoded.consumed, decoded.last_record_ms) == (3, NOON + 5)


def test_an_event_from_the_future_moves_no_clock() -> None:
    columnizer = Columnizer(LAYOUTS.get, as_of_ms=NOON + 1000)
    times = ["9999-12-31T00:00:00Z", NOON, "9999-12-31T00:00:00Z", NOON + 1, NOON + 1001]
    batch = only(columnizer.predictions_from_lines(b"\n".join(event(timestamp=t) for t in times), 0))
    assert batch.record_ms.tolist() == [0, NOON, NOON, NOON + 1, NOON + 1]
    assert batch.partition_ms.tolist() == [0, NOON, NOON, NOON + 1, NOON + 1]
    assert batch.event_ms[0] > NOON + 10**12


def test_a_log_that_is_read_on_goes_on_with_its_record_time() -> None:
    columnizer = Columnizer(LAYOUTS.get)
    columnizer.clocks[Input.PREDICTIONS].resume_at(NOON + 50)
    batch = only(columnizer.predictions_from_lines(event(timestamp=NOON), 7))
    assert batch.partition_ms.tolist() == [NOON + 50]


def test_nothing_in_nothing_out() -> None:
    columnizer = Columnizer(LAYOUTS.get)
    for decoded in (columnizer.predictions([], [], []), columnizer.predictions_from_lines(b"\n \n", 0)):
        assert (decoded.batches, decoded.rejected, decoded.consumed, decoded.last_record_ms) == ([], [], 0, None)


def test_models_come_in_the_order_in_which_they_were_first_seen() -> None:
    records = [event(model="new"), event(model="price", prediction=2), event(), event(model="new")]
    decoded = read(*records)
    assert [batch.model for batch in decoded.batches] == ["new", "price", "credit"]
    assert [batch.offsets.tolist() for batch in decoded.batches] == [[0, 3], [1], [2]]


def test_a_model_without_layout_has_rows_until_it_gets_one() -> None:
    layouts: dict[str, EventLayout] = {}
    columnizer = Columnizer(layouts.get)
    rows = only(read(event(trace=1), event(features={"income": []}), columnizer=columnizer))
    assert rows.rows is not None
    assert [row.features.get("income") for row in rows.rows] == [5, []]
    assert {name: at.tolist() for name, at in rows.unknown.items()} == {"envelope:trace": [0]}
    assert rows.numeric.shape == (2, 0)
    layouts["credit"] = CREDIT
    columns = only(read(event(), event(features={"income": []}), columnizer=columnizer))
    assert columns.rows is None
    assert_same_columns(columns, columns_of(rows.rows, CREDIT))


def test_another_layout_takes_effect_with_the_next_call() -> None:
    layouts = {"credit": CREDIT}
    columnizer = Columnizer(layouts.get)
    assert only(read(event(), columnizer=columnizer)).numeric.shape == (1, 4)
    layouts["credit"] = EventLayout((FieldLayout("age", "feature", "numeric", "number"),))
    batch = only(read(event(), columnizer=columnizer))
    assert batch.numeric.tolist() == [[30.0]]
    assert batch.segments == []


def test_columns_of_no_events_is_an_empty_batch() -> None:
    batch = columns_of([], CREDIT)
    assert (len(batch), batch.numeric.shape, batch.category.shape) == (0, (0, 4), (0, 5))


def test_a_name_that_msgspec_cannot_hold_is_still_a_column() -> None:
    name = 'quo"te\n\\'
    layout = EventLayout((FieldLayout(name, "feature", "numeric", "number"),), ((name,),))
    columnizer = Columnizer({"credit": layout}.get)
    batch = only(read(event(features={name: 3}), event(features={}), columnizer=columnizer))
    assert batch.numeric[0, 0] == 3.0
    assert math.isnan(batch.numeric[1, 0])
    assert labels_of(batch, 0) == [f"{name}=3", f"{name}=__missing__"]


def test_a_layout_wider_than_an_event_may_be_reads_what_events_there_can_be() -> None:
    layout = EventLayout(tuple(FieldLayout(f"f{i}", "feature", "numeric", "number") for i in range(1_025)))
    columnizer = Columnizer({"credit": layout}.get)
    decoded = read(
        event(features={"f1024": 1}), event(features={f"f{i}": 1 for i in range(1_025)}), columnizer=columnizer
    )
    assert only(decoded).numeric[0, 1_024] == 1.0
    assert [r.reason for r in decoded.rejected] == [RejectionReason.TOO_MANY_FEATURES]


def test_ten_thousand_models_and_versions_and_segments_are_read(test_seed: int) -> None:
    columnizer = Columnizer(LAYOUTS.get)
    records = [event(model=f"m{i}") for i in range(5_000)]
    records += [event(model_version=f"v{i}", context={"region": f"r{i}"}) for i in range(5_000)]
    first = read(*records, columnizer=columnizer)
    assert sum(len(batch) for batch in first.batches) == 10_000
    batch = first.batches[-1]
    assert isinstance(batch, PredictionBatch)
    assert len(set(labels_of(batch, 0))) == len(set(batch.version_codes.tolist())) == 5_000
    assert sum(len(batch) for batch in read(*records, columnizer=columnizer).batches) == 10_000


@given(st.data())
def test_any_cut_of_the_same_lines_gives_the_same_rows(data: st.DataObject) -> None:
    maker = RecordMaker(data.draw(st.integers(0, 2**32)))
    lines = [maker.any_record().replace(b"\n", b" ") or b"{" for _ in range(data.draw(st.integers(1, 30)))]
    lines = [line if line.strip(b" \t\r") else b"{" for line in lines]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(lines)), max_size=4)))
    pieces = [lines[a:b] for a, b in zip([0, *cuts], [*cuts, len(lines)], strict=True)]
    assert _read_in(pieces) == _read_in([lines])


def _read_in(pieces: list[list[bytes]]) -> list[tuple[Any, ...]]:
    columnizer = Columnizer(LAYOUTS.get)
    rows: list[tuple[Any, ...]] = []
    offset = 0
    for piece in pieces:
        decoded = columnizer.predictions_from_lines(b"\n".join(piece), offset)
        offset += decoded.consumed
        rows += [(r.offset, r.reason) for r in decoded.rejected]
        for batch in decoded.batches:
            assert isinstance(batch, PredictionBatch)
            unknown = {(row, name) for name, at in batch.unknown.items() for row in at.tolist()}
            for i, identifier in enumerate(batch.ids):
                names = sorted(name for row, name in unknown if row == i)
                times = (int(batch.event_ms[i]), int(batch.record_ms[i]), int(batch.partition_ms[i]))
                segments = [column.labels[column.codes[i]] for column in batch.segments]
                values = (repr(batch.numeric[i].tolist()), batch.category[i].tolist(), segments)
                version = batch.versions[batch.version_codes[i]]
                rows.append((int(batch.offsets[i]), batch.model, identifier, times, version, values, names))
    return sorted(rows, key=lambda row: row[0])
