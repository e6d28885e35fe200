"""A partition: raw records of any models in, signals out, and every record is accounted for."""

from __future__ import annotations

import orjson
import pytest

from driftline.config.model_spec import ModelSpec
from driftline.processors import partition as partition_module
from driftline.processors.partition import Partition
from driftline.schemas.rejections import RejectionReason
from driftline.schemas.signals import Health, HealthCode, Signal

START_MS = 1_700_000_000_000


def _prediction(model: str, number: int) -> bytes:
    return orjson.dumps(
        {
            "prediction_id": f"{model}-{number}",
            "model": model,
            "timestamp": START_MS + number,
            "prediction": 1.5,
            "features": {"x": float(number)},
        }
    )


def _label(model: str, number: int) -> bytes:
    return orjson.dumps(
        {"prediction_id": f"{model}-{number}", "model": model, "timestamp": START_MS + number, "label": 1.0}
    )


def _apply(partition: Partition, records: list[bytes], first_offset: int = 0) -> list[Signal]:
    offsets = range(first_offset, first_offset + len(records))
    return partition.apply(partition.decode(records, list(offsets), [START_MS + offset for offset in offsets]))


def test_events_of_a_model_that_nobody_configured_are_filtered_and_counted() -> None:
    partition = Partition({"known": ModelSpec(name="known")}, {})
    _apply(partition, [_prediction("known", 0), _prediction("other", 1), _prediction("other", 2)])
    counters = partition.counters()
    assert (counters.consumed, counters.applied, counters.filtered) == (3, 1, 2)
    assert list(partition.monitors) == ["known"]


def test_models_are_discovered_up_to_a_cap_that_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition_module, "MODELS_MAX", 2)
    partition = Partition({}, {}, discovered=ModelSpec(name="any"))
    signals = _apply(partition, [_prediction(model, number) for number, model in enumerate("abcd")])
    signals += _apply(partition, [_prediction("e", 4)], first_offset=4)
    capped = [signal for signal in signals if isinstance(signal, Health) and signal.code == HealthCode.MODELS_CAPPED]
    assert len(capped) == 1
    assert "list the models you mean in the configuration" in capped[0].message
    assert list(partition.monitors) == ["a", "b"]
    assert partition.counters().filtered == 3


def test_records_that_cannot_be_read_are_counted_by_reason_and_the_rest_is_applied() -> None:
    partition = Partition({"known": ModelSpec(name="known")}, {})
    _apply(partition, [b"{", _prediction("known", 1), b"[]", b"{"])
    assert partition.rejected == {RejectionReason.INVALID_JSON: 2, RejectionReason.NOT_AN_OBJECT: 1}
    counters = partition.counters()
    assert (counters.consumed, counters.applied, counters.rejected) == (4, 1, 3)


def test_labels_are_carried_through_and_counted() -> None:
    partition = Partition({"known": ModelSpec(name="known")}, {})
    labels = partition.decode_labels([_label("known", 0), _label("known", 1)], [0, 1], [START_MS, START_MS + 1])
    partition.apply_labels(labels)
    assert labels.consumed == 2
    assert labels.rejected == []
    assert (partition.counters().labels, partition.counters().consumed) == (2, 0)
    assert partition.labels == {"known": 2}
