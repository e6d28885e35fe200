"""Label records in, batches out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from driftline.processors.batches import LabelBatch, PredictionBatch
from driftline.processors.columns import Columnizer
from driftline.schemas.rejections import RejectionReason
from tests.columns.records import LAYOUTS, RecordMaker

NOON = 1769860800000


def label(**changes: Any) -> bytes:
    return json.dumps({"prediction_id": "p", "model": "credit", "timestamp": NOON, "label": "yes", **changes}).encode()


def test_labels_become_one_batch_a_model_with_the_same_keys_as_predictions() -> None:
    columnizer = Columnizer(LAYOUTS.get)
    records = [label(), b"{}", label(model="price", label=2.5, weight=3), label(label=None, source="review", extra=1)]
    decoded = columnizer.labels(records, [5, 6, 7, 8], [10, 40, 20, 30])
    credit, price = decoded.batches
    assert isinstance(credit, LabelBatch)
    assert isinstance(price, LabelBatch)
    assert (credit.labels, credit.sources, credit.weights.tolist()) == (
        ["yes", None],
        ["outcome", "review"],
        [1.0, 1.0],
    )
    assert (price.labels, price.weights.tolist(), price.offsets.tolist()) == ([2.5], [3.0], [7])
    assert (credit.offsets.tolist(), credit.partition_ms.tolist()) == ([5, 8], [10, 40])
    prediction = RecordMaker(1).good(prediction_id='"p"')
    (predictions,) = columnizer.predictions([prediction], [0], [0]).batches
    assert isinstance(predictions, PredictionBatch)
    assert credit.id_hash[0] == predictions.id_hash[0]
    assert {name: rows.tolist() for name, rows in credit.unknown.items()} == {"envelope:extra": [1]}
    assert [(r.offset, r.reason) for r in decoded.rejected] == [(6, RejectionReason.MISSING_FIELD)]
    assert (decoded.consumed, decoded.last_record_ms) == (4, 40)


def test_lines_of_labels_have_their_own_time_and_their_own_clock() -> None:
    columnizer = Columnizer(LAYOUTS.get, as_of_ms=NOON + 10)
    columnizer.predictions_from_lines(RecordMaker(1).good(timestamp=str(NOON + 9)), 0)
    decoded = columnizer.labels_from_lines(label() + b"\n\n" + label(timestamp=NOON + 10**9), 3)
    (batch,) = decoded.batches
    assert (batch.offsets.tolist(), batch.record_ms.tolist()) == ([3, 4], [NOON, NOON])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"label": [1]}, RejectionReason.WRONG_TYPE),
        ({"weight": -1}, RejectionReason.WRONG_TYPE),
        ({"weight": "2"}, RejectionReason.WRONG_TYPE),
        ({"source": "x" * 129}, RejectionReason.NAME_TOO_LONG),
        ({"timestamp": "today"}, RejectionReason.BAD_TIMESTAMP),
        ({"prediction_id": ""}, RejectionReason.EMPTY_ID),
    ],
)
def test_a_bad_label_is_rejected_for_its_reason(changes: dict[str, Any], reason: RejectionReason) -> None:
    decoded = Columnizer(LAYOUTS.get).labels([label(**changes)], [0], [0])
    assert [r.reason for r in decoded.rejected] == [reason]


def test_a_label_without_label_is_not_a_retraction() -> None:
    record = b'{"prediction_id":"p","model":"credit","timestamp":1769860800000}'
    decoded = Columnizer(LAYOUTS.get).labels([record], [0], [0])
    assert [r.reason for r in decoded.rejected] == [RejectionReason.MISSING_FIELD]
