"""Any Kafka client can publish: the files of examples/clients, each run as its README says, against a real Kafka."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from confluent_kafka import Consumer, Message, TopicPartition

from driftline.config.broker_settings import TopicSettings
from driftline.schemas.codec import LabelDecoder, PredictionDecoder
from driftline.schemas.rejections import Rejection
from tests.project.repository import ROOT, tracked_files
from tests.publisher.murmur2 import java_partition
from tests.servers.fixtures import Kafka
from tests.servers.kafka import QUIET
from tests.servers.programs import needs

CLIENTS: Final = ROOT / "examples" / "clients"
MODEL: Final = "fraud"
SHOWN: Final = {".java", ".go", ".mjs", ".py", ".sh"}
PARTITIONS: Final = 7
TRACE: Final = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

_BUILD_S_MAX: Final = 400
_READ_S_MAX: Final = 30


@dataclass(frozen=True)
class Client:
    """How the README says to build and to run it, in a copy of its folder."""

    program: str
    run: tuple[str, ...]
    build: tuple[str, ...] = ()


RUNS: Final = {
    "java": Client("mvn", ("mvn", "--quiet", "compile", "exec:java")),
    "go": Client("go", ("./publish-events",), ("go", "build")),
    "node": Client("node", ("node", "publish_events.mjs"), ("npm", "ci")),
    "aiokafka": Client(sys.executable, (sys.executable, "publish_events.py")),
    "kcat": Client("kcat", ("./publish_events.sh",)),
}


def test_there_is_a_way_to_run_each_example() -> None:
    assert {path.name for path in CLIENTS.iterdir() if path.is_dir()} == set(RUNS)


@pytest.mark.parametrize("name", RUNS)
def test_the_readme_says_how_to_run_each_example(name: str) -> None:
    client = RUNS[name]
    commands = [
        " ".join(command).replace(sys.executable, "python") for command in (client.build, client.run) if command
    ]
    row = next(line for line in _text(CLIENTS / "README.md").splitlines() if line.startswith(f"| `{name}/` |"))
    assert " && ".join(commands) in row


def test_the_page_shows_the_very_files_of_the_examples() -> None:
    page = _text(ROOT / "docs" / "publishing-from-any-service.md")
    sources = [path for path in tracked_files() if path.is_relative_to("examples/clients") and path.suffix in SHOWN]
    assert len(sources) == len(RUNS)
    assert [str(path) for path in sources if f"\n{_text(ROOT / path)}```\n" not in page] == []


def test_the_partition_of_the_model_tells_the_hashes_apart() -> None:
    """So that a client with librdkafka's own hash does not pass by chance."""
    assert java_partition(MODEL.encode(), PARTITIONS) != zlib.crc32(MODEL.encode()) % PARTITIONS


@pytest.mark.parametrize("name", RUNS)
def test_a_prediction_and_its_label_land_where_the_java_client_puts_them(
    name: str, kafka: Kafka, topic_names: TopicSettings, tmp_path: Path
) -> None:
    begin_ms = int(time.time() * 1000)
    kafka.create_topics({topic_names.predictions: PARTITIONS, topic_names.labels: PARTITIONS})
    _run(name, kafka.bootstrap_servers, topic_names, tmp_path / name)

    (prediction,) = _records(kafka.bootstrap_servers, topic_names.predictions)
    (label,) = _records(kafka.bootstrap_servers, topic_names.labels)
    expected = java_partition(MODEL.encode(), PARTITIONS)
    assert [(record.partition(), record.key()) for record in (prediction, label)] == [(expected, b"fraud")] * 2
    assert dict(prediction.headers() or ()) == {"traceparent": TRACE}

    made = PredictionDecoder().decode(prediction.value() or b"")
    known = LabelDecoder().decode(label.value() or b"")
    assert not isinstance(made, Rejection) and not isinstance(known, Rejection)
    assert (made.unknown, known.unknown) == ((), ())
    assert (made.event.model, made.event.prediction, made.event.score) == (MODEL, "fraud", 0.93)
    assert made.event.features == {"amount": 129.5, "merchant": "books"}
    assert made.event.context == {"region": "eu"} and made.event.measurements == {"latency_ms": 12.4}
    assert (known.event.model, known.event.label) == (MODEL, "legitimate")
    assert known.event.prediction_id == made.event.prediction_id
    # whole seconds are exact enough for kcat's shell
    assert begin_ms - 1000 <= made.event.timestamp_ms <= known.event.timestamp_ms <= int(time.time() * 1000), (
        datetime.fromtimestamp(made.event.timestamp_ms / 1000, UTC)
    )


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _run(name: str, bootstrap_servers: str, topics: TopicSettings, folder: Path) -> None:
    client = RUNS[name]
    needs(client.program)
    shutil.copytree(CLIENTS / name, folder, ignore=shutil.ignore_patterns("target", "node_modules", "publish-events"))
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
        "PREDICTIONS_TOPIC": topics.predictions,
        "LABELS_TOPIC": topics.labels,
        "npm_config_prefer_offline": "true",
    }
    for command in filter(None, (client.build, client.run)):
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_BUILD_S_MAX
        )
        assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}{done.stderr}"
    assert "not published" not in done.stderr


def _records(bootstrap_servers: str, topic: str) -> list[Message]:
    """Everything in the topic."""
    settings = {"bootstrap.servers": bootstrap_servers, "group.id": "unused", "enable.auto.commit": False, **QUIET}
    consumer = Consumer(settings)
    partitions = [TopicPartition(topic, number, 0) for number in range(PARTITIONS)]
    ends = {p.partition: consumer.get_watermark_offsets(p, timeout=_READ_S_MAX)[1] for p in partitions}
    consumer.assign(partitions)
    try:
        return list(_read(consumer, sum(ends.values())))
    finally:
        consumer.close()


def _read(consumer: Consumer, count: int) -> Iterator[Message]:
    deadline = time.monotonic() + _READ_S_MAX
    while count and time.monotonic() < deadline:
        message = consumer.poll(0.2)
        if message is not None and message.error() is None:
            count -= 1
            yield message
