"""The servers that other tests stand on: they start, survive what they have to, and leave nothing behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer

from driftline.config.broker_settings import TopicSettings
from tests.project.repository import ROOT
from tests.servers.fixtures import Kafka, StartKafka
from tests.servers.kafka import IN_ORDER, QUIET, what_is_missing
from tests.servers.programs import needs, prometheus_server, redis_server


def _publish(bootstrap_servers: str, topic: str, values: list[bytes]) -> None:
    producer = Producer({"bootstrap.servers": bootstrap_servers, **IN_ORDER})
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(30) == 0


def _read(bootstrap_servers: str, topic: str, count: int) -> list[bytes]:
    settings = {"bootstrap.servers": bootstrap_servers, "group.id": "test", "auto.offset.reset": "earliest", **QUIET}
    consumer = Consumer(settings)
    consumer.subscribe([topic])
    values: list[bytes] = []
    deadline = time.monotonic() + 30
    while len(values) < count and time.monotonic() < deadline:
        message = consumer.poll(0.5)
        if message is not None and message.error() is None:
            values.append(message.value() or b"")
    consumer.close()
    return values


def test_the_shared_kafka_keeps_what_is_published(kafka: Kafka, topic_names: TopicSettings) -> None:
    kafka.create_topics({topic_names.predictions: 1})
    _publish(kafka.bootstrap_servers, topic_names.predictions, [b"one", b"two"])
    assert _read(kafka.bootstrap_servers, topic_names.predictions, 2) == [b"one", b"two"]


def test_a_killed_kafka_comes_back_with_its_data_and_its_address(start_kafka: StartKafka) -> None:
    server = start_kafka()
    address = server.bootstrap_servers
    server.create_topics({"events": 1})
    _publish(address, "events", [b"before"])
    server.kill()
    server.restart()
    assert server.bootstrap_servers == address
    assert server.cpu_seconds() > 0
    _publish(address, "events", [b"after"])
    assert _read(address, "events", 2) == [b"before", b"after"]


USES_KAFKA = """
import os, time
from pathlib import Path

def test_one(kafka, request):
    here = Path(os.environ["TOLD"])
    (here / request.node.name).write_text(kafka.bootstrap_servers)
    deadline = time.monotonic() + 30
    while "PYTEST_XDIST_WORKER" in os.environ and len(list(here.glob("test_*"))) < 2:
        assert time.monotonic() < deadline, "the other process did not come"
        time.sleep(0.01)

test_two = test_one
"""


@pytest.mark.skipif(what_is_missing() is not None, reason=what_is_missing() or "")
@pytest.mark.parametrize("processes", ["0", "2"])
def test_all_processes_of_a_run_share_one_kafka_that_ends_with_them(processes: str, tmp_path: Path) -> None:
    tests, told, base = tmp_path / "tests", tmp_path / "told", tmp_path / "base"
    tests.mkdir()
    told.mkdir()
    (tests / "conftest.py").write_text('pytest_plugins = ["tests.servers.fixtures"]\n', encoding="utf-8")
    (tests / "test_example.py").write_text(USES_KAFKA, encoding="utf-8")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), "TOLD": str(told)}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--basetemp={base}", "-n", processes]
    command += ["--rootdir", str(tests), str(tests)]
    done = subprocess.run(command, cwd=tests, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    addresses = {(told / name).read_text(encoding="ascii") for name in ("test_one", "test_two")}
    assert len(addresses) == 1
    assert len(list((base / "kafka").glob("broker-*"))) == 1
    deadline = time.monotonic() + 30
    while list((base / "kafka").glob("broker-*/data")):
        assert time.monotonic() < deadline, "the run is over, and its broker still has its data"
        time.sleep(0.05)


def test_redis_answers(tmp_path: Path) -> None:
    with redis_server(tmp_path) as port:
        done = subprocess.run(["redis-cli", "-p", str(port), "ping"], capture_output=True, text=True)
    assert done.stdout.strip() == "PONG"


def test_prometheus_answers(tmp_path: Path) -> None:
    with prometheus_server(tmp_path, "global: {scrape_interval: 1s}\n") as port:
        answer = urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/status/buildinfo", timeout=10).read()
    assert json.loads(answer)["status"] == "success"
    checked = [needs("promtool"), "check", "config", str(tmp_path / "prometheus.yml")]
    assert subprocess.run(checked, capture_output=True).returncode == 0
