"""The simulated service on the embedded broker: events come at the times they say they are of, predictions before labels."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import Message

from driftline.producers.embedded_broker import EmbeddedBroker
from driftline.producers.publisher import Publisher
from driftline.producers.simulated_service import SimulatedService
from driftline.producers.simulated_stream import VERSION, Simulation, simulated_stream
from tests.publisher.mock_cluster import Cluster

PREDICTIONS, LABELS = "driftline.predictions", "driftline.labels"
SIMULATION = Simulation(rate_per_s=400, label_delay_s=0.2)


@pytest.fixture(scope="module")
def played() -> Iterator[tuple[SimulatedService, dict[str, list[dict[str, Any]]]]]:
    """A second or two of the service, and what then lies on the topics."""
    with EmbeddedBroker() as broker:
        broker.use([PREDICTIONS, LABELS])
        stop = threading.Event()
        with Publisher(broker.bootstrap_servers) as publisher:
            service = SimulatedService(publisher, SIMULATION)
            thread = threading.Thread(target=service.run, args=(stop,))
            thread.start()
            while service.labels < 200:
                time.sleep(0.02)
            stop.set()
            thread.join()
        topics = Cluster(broker.bootstrap_servers)
        events = {topic: [_event(record) for record in topics.records(topic)] for topic in (PREDICTIONS, LABELS)}
        yield service, events


def _event(record: Message) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(record.value() or b"")
    return event


Played = tuple[SimulatedService, dict[str, list[dict[str, Any]]]]


def test_everything_that_was_published_is_on_its_topic(played: Played) -> None:
    service, events = played
    assert len(events[PREDICTIONS]) == service.predictions
    assert len(events[LABELS]) == service.labels >= 200
    ids = {event["prediction_id"] for event in events[PREDICTIONS]}
    assert len(ids) == service.predictions
    assert {event["prediction_id"] for event in events[LABELS]} <= ids


def test_events_are_those_of_the_stream_at_the_time_they_were_due(played: Played) -> None:
    service, events = played
    found = {event["prediction_id"]: event for event in events[PREDICTIONS]}
    for due in simulated_stream(SIMULATION):
        event = found.pop(f"{due.model}-{service.started_ms}-{due.number}", None)
        if event is None:  # a label
            continue
        assert event["timestamp"] == service.started_ms + int(due.at_s * 1000)
        assert event["model_version"] == VERSION
        if not found:
            break
    assert found == {}


def test_no_event_is_of_the_future_and_the_service_keeps_up(played: Played) -> None:
    service, events = played
    latest_ms = max(event["timestamp"] for event in events[PREDICTIONS])
    assert service.started_ms <= latest_ms <= time.time_ns() // 1_000_000


def test_a_service_without_a_planted_drift_never_drifts(played: Played) -> None:
    service, _ = played
    assert service.drift_begins_ms is None
    assert not service.drifting
