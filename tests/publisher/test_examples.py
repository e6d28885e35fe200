"""The example services, each as a real server: asked over HTTP, with what they publish read from Kafka."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.publisher.mock_cluster import Cluster, mock_cluster
from tests.publisher.murmur2 import java_partition
from tests.publisher.test_delivery import label_of, prediction_of

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
COMMANDS = {
    "fastapi": ["uvicorn", "fastapi_service.app:app", "--host", "127.0.0.1", "--port", "0"],
    "flask": ["flask", "--app", "flask_service.app", "run", "--host", "127.0.0.1", "--port", "0"],
}
DISTRICT = {
    "MedInc": 8.3, "HouseAge": 41.0, "AveRooms": 6.9, "AveBedrms": 1.02, "Population": 322.0, "AveOccup": 2.5,
    "Latitude": 37.88, "Longitude": -122.23,
}  # fmt: skip
POOR = {**DISTRICT, "MedInc": 1.2, "Latitude": 36.7, "Longitude": -119.8}
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@contextmanager
def served(command: list[str], kafka: str, *, killed: bool = False) -> Iterator[httpx.Client]:
    """A client of the running service; at the end it is stopped as an operator would, unless `killed`."""
    environment = {**os.environ, "KAFKA": kafka}
    running = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT / "examples",
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        with httpx.Client(base_url=_address(running), timeout=PATIENCE_S) as client:
            yield client
        if not killed:
            running.send_signal(signal.SIGINT)
            running.wait(PATIENCE_S)
    finally:
        running.kill()
        running.wait()


def _address(running: subprocess.Popen[str]) -> str:
    """The server's address, which it prints once it listens; what it prints is read to its end, so it never waits."""
    lines: Queue[str] = Queue()

    def read() -> None:
        assert running.stdout is not None
        with running.stdout as out:
            for line in out:
                lines.put(line)
        lines.put("")

    threading.Thread(target=read, daemon=True).start()
    seen = []
    while line := lines.get(timeout=PATIENCE_S):
        seen.append(line)
        found = re.search(r"[Rr]unning on (http://127\.0\.0\.1:\d+)", line)
        if found:
            return found[1]
    pytest.fail("".join(seen))


def _metrics(client: httpx.Client) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(client.get("/metrics").raise_for_status().text)
        for sample in family.samples
    }


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_every_answer_of_the_service_is_on_the_topic_and_its_metrics_move(command: list[str]) -> None:
    with mock_cluster() as cluster:
        with served(command, cluster.bootstrap_servers) as client:
            headers = {"x-region": "west", "traceparent": TRACEPARENT}
            first = client.post("/predict", json=DISTRICT, headers=headers).raise_for_status().json()
            second = client.post("/predict", json=POOR).raise_for_status().json()
            assert client.post("/predict", json={"MedInc": 1.0}).status_code == 422
            outcome = {"prediction_id": first["prediction_id"], "expensive": False}
            client.post("/outcome", json=outcome).raise_for_status()
            metrics = _metrics(client)
        _check_topics(cluster, first, second)
    assert metrics["service_requests_total", "/predict"] == 3
    assert metrics["service_errors_total", "/predict"] == 1
    assert metrics["service_latency_seconds_count", "/predict"] == 3
    assert metrics["driftline_publisher_events_total", "prediction"] == 2
    assert metrics["driftline_publisher_events_total", "label"] == 1
    assert sum(value for name, value in metrics.items() if name[0] == "driftline_publisher_dropped_total") == 0


def _check_topics(cluster: Cluster, first: dict[str, object], second: dict[str, object]) -> None:
    """The service has ended, so everything is delivered."""
    records = cluster.records("driftline.predictions")
    assert {(record.key(), record.partition()) for record in records} == {(b"housing", java_partition(b"housing", 4))}
    assert [record.headers() for record in records] == [[("traceparent", TRACEPARENT.encode())], None]
    events = [prediction_of(record.value()) for record in records]
    assert [event.prediction_id for event in events] == [first["prediction_id"], second["prediction_id"]]
    assert [(event.prediction, event.score) for event in events] == [
        (answer["expensive"], answer["probability"]) for answer in (first, second)
    ]
    assert (events[0].prediction, events[1].prediction) == (True, False), "the model has learnt something"
    assert (events[0].features, events[0].context) == (DISTRICT, {"region": "west"})
    assert set(events[0].measurements) == {"latency_ms"}
    (label,) = (label_of(record.value()) for record in cluster.records("driftline.labels"))
    assert (label.prediction_id, label.model, label.label) == (first["prediction_id"], "housing", False)


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_the_service_answers_as_ever_while_kafka_is_away(command: list[str], dead_broker: str) -> None:
    with served(command, dead_broker, killed=True) as client:
        answers = [client.post("/predict", json=DISTRICT).raise_for_status().json() for _ in range(20)]
        metrics = _metrics(client)
    assert len({answer["prediction_id"] for answer in answers}) == 20
    assert metrics["driftline_publisher_queued",] == 20
    assert metrics["driftline_publisher_delivered_total",] == 0
