"""Values as services have them: what is sent, what it costs when it cannot be, and that it never breaks the service."""

from __future__ import annotations

import math
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any

import numpy as np
import pandas as pd
import pytest

from driftline.producers.publisher import Publisher
from driftline.producers.publisher_counts import DropReason
from driftline.producers.publisher_events import _Label, _Prediction
from driftline.schemas.events import Label, Prediction
from tests.publisher.mock_cluster import Cluster
from tests.publisher.test_delivery import FLUSH_S, prediction_of

Sent = Callable[..., Prediction]


class Job(StrEnum):
    COOK = "cook"


class Floor(Enum):
    GROUND = 0


class Text(str):
    pass


class Broken:
    def __repr__(self) -> str:
        return "Broken()"  # ids of tests are the same in every process

    def item(self) -> object:
        raise ZeroDivisionError


TOPIC = "values.predictions"


@pytest.fixture(scope="module")
def running(cluster: Cluster) -> Iterator[Publisher]:
    with Publisher(cluster.bootstrap_servers, predictions_topic=TOPIC, labels_topic="values.labels") as publisher:
        yield publisher


@pytest.fixture
def publisher(running: Publisher) -> Publisher:
    """The one publisher of this file, with counts that start from zero."""
    assert running.flush(FLUSH_S) == 0
    running._tally.reset()
    return running


@pytest.fixture
def sent(publisher: Publisher, cluster: Cluster) -> Sent:
    """Publishes one prediction and gives back what arrived."""

    def publish(prediction: Any = 1, **arguments: Any) -> Prediction:
        event_id = publisher.prediction("credit", prediction, **arguments)
        assert publisher.flush(FLUSH_S) == 0
        events = [prediction_of(record.value()) for record in cluster.records(TOPIC)]
        (event,) = [event for event in events if event.prediction_id == event_id]
        return event

    return publish


def test_the_fields_on_the_wire_are_those_of_the_schema() -> None:
    assert set(_Prediction.__struct_encode_fields__) == {*Prediction.__struct_encode_fields__} - {"schema_version"}
    assert set(_Label.__struct_encode_fields__) == {*Label.__struct_encode_fields__} - {"schema_version"}


def test_scalars_of_numpy_are_sent_as_the_plain_values_they_stand_for(publisher: Publisher, sent: Sent) -> None:
    features = {
        "float64": np.float64(0.1),
        "float32": np.float32(0.5),
        "float16": np.float16(0.25),
        "int64": np.int64(-3),
        "uint8": np.uint8(255),
        "bool": np.bool_(True),
        "str": np.str_("cook"),
        "array of none": np.array(7),
        "array of one": np.array([7.5]),
    }
    event = sent(
        np.int64(1),
        score=np.float64(0.83),
        probabilities={np.int64(0): np.float32(0.5), np.int64(1): np.float32(0.5)},
        features=features,
        measurements={"latency_ms": np.float64(3.0)},
        context={"region": np.str_("eu")},
    )
    assert event.prediction == 1 and type(event.prediction) is int
    assert (event.score, event.probabilities) == (0.83, {"0": 0.5, "1": 0.5})
    plain = {
        "float64": 0.1, "float32": 0.5, "float16": 0.25, "int64": -3, "uint8": 255, "bool": True, "str": "cook",
        "array of none": 7, "array of one": 7.5,
    }  # fmt: skip
    assert event.features == plain
    assert [type(value) for value in event.features.values()] == [type(value) for value in plain.values()]
    assert (event.context, event.measurements) == ({"region": "eu"}, {"latency_ms": 3.0})
    assert publisher.counts().invalid_values == 0


def test_other_values_that_stand_for_plain_ones_are_sent_as_those(publisher: Publisher, sent: Sent) -> None:
    at = datetime(2026, 1, 31, 12, tzinfo=UTC)
    features = {
        "decimal": Decimal("2.5"), "enum": Job.COOK, "number": Floor.GROUND, "text": Text("x"), "day": date(2026, 1, 31),
        "time": at, "id": uuid.UUID(int=1), "none": None, "absent": pd.NA, "no time": pd.NaT,
    }  # fmt: skip
    assert sent(Job.COOK, features=features).features == {
        "decimal": 2.5, "enum": "cook", "number": 0, "text": "x", "day": "2026-01-31",
        "time": "2026-01-31T12:00:00+00:00", "id": str(uuid.UUID(int=1)), "none": None, "absent": None, "no time": None,
    }  # fmt: skip
    assert publisher.counts().invalid_values == 0


@pytest.mark.parametrize("features", [pd.Series({"age": 41.0, "n": 2.0}), OrderedDict(age=41.0, n=2.0)], ids=type)
def test_features_may_be_any_mapping_also_a_row_of_a_data_frame(sent: Sent, features: Any) -> None:
    assert sent(features=features).features == {"age": 41.0, "n": 2.0}


@pytest.mark.parametrize("nan", [math.nan, np.float64("nan"), np.float32("nan"), Decimal("NaN")], ids=type)
def test_nan_is_a_missing_value_and_counted(publisher: Publisher, sent: Sent, nan: Any) -> None:
    event = sent(features={"age": nan, "n": 1}, measurements={"latency_ms": nan})
    assert (event.features, event.measurements) == ({"age": None, "n": 1}, {"latency_ms": None})
    assert publisher.counts().invalid_values == 2


@pytest.mark.parametrize(
    "value",
    [math.inf, np.float32("-inf"), Decimal("Infinity"), object(), 1j, np.arange(3), "\ud800", Broken(), b"x", [1.0]],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_a_feature_that_json_has_no_form_for_costs_that_feature_alone(sent: Sent, value: Any) -> None:
    event = sent(features={"odd": value, "n": 1.5})
    assert event.features["n"] == 1.5
    assert not isinstance(event.features["odd"], float | int | bool | None), "no plausible value in its place"


def test_values_that_were_replaced_are_counted_and_named_without_the_value(publisher: Publisher, sent: Sent) -> None:
    event = sent(features={"pixels": np.arange(3)}, context={"region": object(), "cohort": "a"})
    assert event.features == {"pixels": ["ndarray"]}, "a list is an invalid value of every kind of field"
    assert event.context == {"cohort": "a"}
    assert publisher.counts().invalid_values == 2
    assert publisher.counts().dropped_total == 0


BAD_PREDICTIONS: list[tuple[str, dict[str, Any]]] = [
    ("not_finite", {"prediction": math.nan}),
    ("not_finite", {"prediction": np.float32("inf")}),
    ("not_finite", {"score": math.nan}),
    ("not_finite", {"probabilities": {"a": math.nan}}),
    ("bad_argument", {"prediction": None}),
    ("not_serialisable", {"prediction": [1, 2]}),
    ("not_serialisable", {"prediction": np.arange(2)}),
    ("not_serialisable", {"prediction": "\ud800"}),
    ("not_serialisable", {"prediction": Broken()}),
    ("bad_argument", {"score": "high"}),
    ("bad_argument", {"score": True}),
    ("bad_argument", {"probabilities": {"a": "high"}}),
    ("bad_argument", {"probabilities": [0.5, 0.5]}),
    ("bad_argument", {"features": [1.0, 2.0]}),
    ("bad_argument", {"context": "eu"}),
    ("bad_argument", {"model": ""}),
    ("bad_argument", {"model": None}),
    ("bad_argument", {"model": "m" * 129}),
    ("not_serialisable", {"model": "\ud800"}),
    ("not_serialisable", {"model": ["credit"]}),
    ("bad_argument", {"prediction_id": ""}),
    ("bad_argument", {"prediction_id": "i" * 129}),
    ("bad_argument", {"model_version": "v" * 129}),
    ("bad_argument", {"timestamp": datetime(2026, 1, 31)}),
    ("bad_argument", {"timestamp": "2026-01-31T12:00:00"}),
    ("bad_argument", {"timestamp": 1_769_860_800}),
    ("bad_argument", {"timestamp": 1_769_860_800.25}),
    ("too_large", {"features": {"text": "x" * 1_048_576}}),
    ("too_large", {"features": {f"f{i}": i for i in range(1_025)}}),
]


@pytest.mark.parametrize(("reason", "arguments"), BAD_PREDICTIONS, ids=str)
def test_what_no_worker_could_read_is_dropped_counted_and_breaks_nothing(
    publisher: Publisher, reason: str, arguments: dict[str, Any]
) -> None:
    returned = publisher.prediction(**{"model": "credit", "prediction": 1, **arguments})
    assert isinstance(returned, str)
    counts = publisher.counts()
    assert {name: n for name, n in counts.dropped.items() if n} == {DropReason(reason): 1}
    assert (counts.predictions, counts.dropped_total) == (1, 1)


@pytest.mark.parametrize(
    ("reason", "arguments"),
    [
        ("not_finite", {"label": math.nan}),
        ("not_serialisable", {"label": [1]}),
        ("bad_argument", {"weight": -1.0}),
        ("not_finite", {"weight": math.inf}),
        ("bad_argument", {"prediction_id": None}),
        ("bad_argument", {"source": "s" * 129}),
        ("too_large", {"label": "x" * 1_048_576}),
    ],
    ids=str,
)
def test_a_label_that_no_worker_could_read_is_dropped_and_counted(
    publisher: Publisher, reason: str, arguments: dict[str, Any]
) -> None:
    publisher.label(**{"prediction_id": "a1", "model": "credit", "label": 1, **arguments})
    assert {name: n for name, n in publisher.counts().dropped.items() if n} == {DropReason(reason): 1}


def test_whole_numbers_and_uuids_are_taken_as_ids(publisher: Publisher, sent: Sent) -> None:
    assert sent(prediction_id=5832).prediction_id == "5832"
    assert publisher.prediction("credit", 1, prediction_id=uuid.UUID(int=7)) == str(uuid.UUID(int=7))  # type: ignore[arg-type]
    assert publisher.counts().dropped_total == 0
