"""What a call puts on the topic: one event, once, in the right partition, under the id that the call returned."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from driftline.producers.publisher import Publisher
from driftline.schemas.codec import LabelDecoder, PredictionDecoder
from driftline.schemas.events import Label, Prediction
from driftline.schemas.rejections import Rejection
from tests.publisher.mock_cluster import Cluster
from tests.publisher.murmur2 import java_partition, murmur2

OpenPublisher = Callable[..., Publisher]
FLUSH_S = 30.0
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def prediction_of(record: bytes) -> Prediction:
    read = PredictionDecoder().decode(record)
    assert not isinstance(read, Rejection), read.message
    assert read.unknown == ()
    return read.event


def label_of(record: bytes) -> Label:
    read = LabelDecoder().decode(record)
    assert not isinstance(read, Rejection), read.message
    return read.event


def test_a_prediction_arrives_with_all_that_was_passed(
    open_publisher: OpenPublisher, cluster: Cluster, topics: dict[str, str]
) -> None:
    publisher = open_publisher()
    event_id = publisher.prediction(
        "credit",
        "declined",
        features={"age": 41, "income": 2_350.5, "owner": True, "job": "cook", "left": None},
        score=0.83,
        probabilities={"declined": 0.83, "granted": 0.17},
        context={"region": "eu", "variant": "canary"},
        measurements={"latency_ms": 12.5},
        model_version="v7",
        timestamp=1_769_860_800_250,
    )
    assert publisher.flush(FLUSH_S) == 0
    (record,) = cluster.records(topics["predictions_topic"])
    assert record.key() == b"credit"
    assert record.headers() is None
    assert prediction_of(record.value()) == Prediction(
        prediction_id=event_id,
        model="credit",
        model_version="v7",
        timestamp_ms=1_769_860_800_250,
        prediction="declined",
        score=0.83,
        probabilities={"declined": 0.83, "granted": 0.17},
        features={"age": 41, "income": 2_350.5, "owner": True, "job": "cook", "left": None},
        context={"region": "eu", "variant": "canary"},
        measurements={"latency_ms": 12.5},
    )


def test_labels_arrive_and_can_be_retracted(
    open_publisher: OpenPublisher, cluster: Cluster, topics: dict[str, str]
) -> None:
    publisher = open_publisher()
    at = datetime(2026, 1, 31, 12, tzinfo=UTC)
    publisher.label("a1", "credit", 1, timestamp=at, source="appeal", weight=0.5)
    publisher.label("a1", "credit", None, timestamp="2026-01-31T13:00:00+01:00")
    assert publisher.flush(FLUSH_S) == 0
    first, second = cluster.records(topics["labels_topic"])
    assert {first.key(), second.key()} == {b"credit"}
    ms = 1_769_860_800_000
    wanted = Label(prediction_id="a1", model="credit", timestamp_ms=ms, label=1, source="appeal", weight=0.5)
    assert label_of(first.value()) == wanted
    assert label_of(second.value()) == Label(prediction_id="a1", model="credit", timestamp_ms=ms, label=None)


def test_every_call_of_every_thread_arrives_exactly_once_under_the_id_it_returned(
    open_publisher: OpenPublisher, cluster: Cluster, topics: dict[str, str]
) -> None:
    publisher = open_publisher()
    ids: list[str] = []

    def serve(number: int) -> None:
        for i in range(500):
            ids.append(publisher.prediction(f"model-{number}", i, features={"x": float(i)}))

    threads = [threading.Thread(target=serve, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert publisher.flush(FLUSH_S) == 0
    events = [prediction_of(record.value()) for record in cluster.records(topics["predictions_topic"])]
    assert len(set(ids)) == 2_000
    assert Counter(event.prediction_id for event in events) == Counter(ids)
    for number in range(4):
        assert [event.prediction for event in events if event.model == f"model-{number}"] == list(range(500))
    counts = publisher.counts()
    assert (counts.predictions, counts.delivered, counts.queued, counts.dropped_total) == (2_000, 2_000, 0, 0)


def test_murmur2_is_that_of_the_java_client() -> None:
    """The golden values of testMurmur2 in Kafka's UtilsTest."""
    golden = {
        b"21": -973932308,
        b"foobar": -790332482,
        b"a-little-bit-long-string": -985981536,
        b"a-little-bit-longer-string": -1486304829,
        b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
        b"abc": 479470107,
    }
    assert {key: murmur2(key) for key in golden} == golden


def test_a_model_lands_in_the_partition_that_the_java_client_gives_it(
    open_publisher: OpenPublisher, cluster: Cluster, topics: dict[str, str]
) -> None:
    publisher = open_publisher()
    models = ["21", "foobar", "credit", "Kreditwürdigkeit", "a-little-bit-longer-string", *map(str, range(30))]
    for model in models:
        publisher.prediction(model, 1)
        publisher.label("a1", model, 1)
    assert publisher.flush(FLUSH_S) == 0
    wanted = {model.encode(): java_partition(model.encode(), 4) for model in models}
    assert set(wanted.values()) == {0, 1, 2, 3}
    for topic in topics.values():
        assert {record.key(): record.partition() for record in cluster.records(topic)} == wanted


def test_the_traceparent_that_is_passed_goes_along_as_a_header(
    open_publisher: OpenPublisher, cluster: Cluster, topics: dict[str, str]
) -> None:
    publisher = open_publisher()
    publisher.prediction("credit", 1, traceparent=TRACEPARENT)
    assert publisher.flush(FLUSH_S) == 0
    (record,) = cluster.records(topics["predictions_topic"])
    assert record.headers() == [("traceparent", TRACEPARENT.encode())]


def test_the_current_span_of_opentelemetry_goes_along_as_a_header(
    open_publisher: OpenPublisher, cluster: Cluster, topics: dict[str, str]
) -> None:
    publisher = open_publisher()
    context = SpanContext(0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7, False, TraceFlags(1))
    with trace.use_span(NonRecordingSpan(context)):
        publisher.prediction("credit", 1)
    publisher.prediction("credit", 2)
    assert publisher.flush(FLUSH_S) == 0
    within, after = cluster.records(topics["predictions_topic"])
    assert within.headers() == [("traceparent", TRACEPARENT.encode())]
    assert after.headers() is None


@pytest.mark.parametrize("traceparent", ["", "00-1-2-01", TRACEPARENT.upper(), f"00-{'0' * 32}-00f067aa0ba902b7-01", 7])
def test_a_malformed_traceparent_costs_the_header_and_not_the_event(
    open_publisher: OpenPublisher, cluster: Cluster, topics: dict[str, str], traceparent: Any
) -> None:
    publisher = open_publisher()
    publisher.prediction("credit", 1, traceparent=traceparent)
    assert publisher.flush(FLUSH_S) == 0
    (record,) = cluster.records(topics["predictions_topic"])
    assert record.headers() is None


def test_a_record_that_is_larger_than_the_client_was_told_to_send_is_dropped_and_counted(
    open_publisher: OpenPublisher, cluster: Cluster, topics: dict[str, str]
) -> None:
    publisher = open_publisher(kafka={"message.max.bytes": 1_000})
    publisher.prediction("credit", 1, features={"text": "x" * 2_000})
    publisher.prediction("credit", 1)
    assert publisher.flush(FLUSH_S) == 0
    counts = publisher.counts()
    assert (counts.delivered, counts.dropped["too_large"]) == (1, 1)
    assert len(cluster.records(topics["predictions_topic"])) == 1
