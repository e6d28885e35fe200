"""`driftline publish`: files and pipes onto a topic, as they are; what is wrong is one sentence and exit code 2."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Message
from typer.testing import Result

from driftline.schemas.codec import LabelDecoder, PredictionDecoder
from driftline.schemas.rejections import Rejection
from tests.cli.replays import CALIFORNIA, HOUSE_LABELS, HOUSES, event, run, write_events
from tests.publisher.mock_cluster import Cluster, mock_cluster, refusing_port
from tests.publisher.murmur2 import java_partition

PREDICTIONS, LABELS = "driftline.predictions", "driftline.labels"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with mock_cluster() as running:
        yield running


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def dead_broker() -> Iterator[str]:
    with refusing_port() as address:
        yield address


def publish(cluster: Cluster, *arguments: str | Path) -> Result:
    return run("publish", "--bootstrap-servers", cluster.bootstrap_servers, *arguments)


def values(records: list[Message]) -> list[bytes]:
    return [record.value() for record in records]


def test_json_lines_are_published_byte_for_byte_and_keyed_by_their_model(cluster: Cluster) -> None:
    lines = [json.dumps(event(model, i, x=1.50), indent=None) for i in range(30) for model in ("credit", "fraud")]
    Path("log.jsonl").write_text("\n".join(lines) + "\n\n")
    done = publish(cluster, "log.jsonl")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"60 predictions published to {PREDICTIONS} in ")
    records = cluster.records(PREDICTIONS)
    for model in ("credit", "fraud"):
        key = model.encode()
        assert {record.partition() for record in records if record.key() == key} == {java_partition(key, 4)}
        wanted = [line.encode() for line in lines if json.loads(line)["model"] == model]
        assert values([record for record in records if record.key() == key]) == wanted


def test_a_packed_file_is_published_too(cluster: Cluster) -> None:
    Path("log.jsonl.gz").write_bytes(
        gzip.compress(b"".join(json.dumps(event("m", i)).encode() + b"\n" for i in range(9)))
    )
    done = publish(cluster, "log.jsonl.gz", "--json")
    counts = json.loads(done.stdout)
    assert (counts["topic"], counts["records"], counts["delivered"], counts["refused"]) == (PREDICTIONS, 9, 9, {})
    assert len(cluster.records(PREDICTIONS)) == 9


def test_rows_of_a_csv_file_become_events_by_the_mapping_of_the_configuration(cluster: Cluster) -> None:
    Path("head.csv").write_text("".join(HOUSES.read_text().splitlines(keepends=True)[:101]))
    assert publish(cluster, "head.csv", "--config", CALIFORNIA).exit_code == 0
    reads = [PredictionDecoder().decode(value) for value in values(cluster.records(PREDICTIONS))]
    events = [read.event for read in reads if not isinstance(read, Rejection)]
    assert len(events) == 100
    assert {one.model for one in events} == {"california"}
    assert (events[0].prediction_id, events[0].score, events[0].features["HouseAge"]) == ("5832", 0.18, 24)


def test_labels_go_to_the_topic_of_labels(cluster: Cluster) -> None:
    rows = HOUSE_LABELS.read_text().splitlines()[1:11]
    Path("labels.csv").write_text(
        "id,clf_target,timestamp\n" + "".join(f"{row},2026-01-01T00:00:00Z\n" for row in rows)
    )
    done = publish(cluster, "labels.csv", "--labels", "--config", CALIFORNIA)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"10 labels published to {LABELS} in ")
    reads = [LabelDecoder().decode(value) for value in values(cluster.records(LABELS))]
    assert [read.event.prediction_id for read in reads if not isinstance(read, Rejection)] == [
        r.split(",")[0] for r in rows
    ]


def test_what_names_no_model_is_sent_without_a_key_and_told(cluster: Cluster) -> None:
    Path("log.jsonl").write_text(
        '{"prediction_id": "a1"}\nnot json\n{"model": ""}\n' + json.dumps(event("m", 1)) + "\n"
    )
    done = publish(cluster, "log.jsonl")
    assert done.exit_code == 0
    assert "3 without a readable model went without a key; the worker rejects them with a reason" in done.stdout
    records = cluster.records(PREDICTIONS)
    assert sorted(value[:9] for value in values([r for r in records if r.key() is None])) == [
        b"not json", b'{"model":', b'{"predict'
    ]  # fmt: skip
    assert len(records) == 4


def test_what_kafka_refuses_is_counted_by_its_name_for_why_and_the_exit_code_says_so(cluster: Cluster) -> None:
    large: dict[str, Any] = event("m", 1, text="x" * 1_100_000)  # type: ignore[arg-type]
    write_events(Path("log.jsonl"), [event("m", 0), large, event("m", 2)])
    done = publish(cluster, "log.jsonl")
    assert done.exit_code == 1
    assert "2 predictions published" in done.stdout
    assert "1 refused by Kafka: MSG_SIZE_TOO_LARGE" in done.stdout


def test_a_rate_is_kept_to(cluster: Cluster) -> None:
    write_events(Path("log.jsonl"), [event("m", i) for i in range(20)])
    started = time.monotonic()
    assert publish(cluster, "log.jsonl", "--rate", "40").exit_code == 0
    assert time.monotonic() - started >= 0.45, "20 events at 40 a second"


def test_a_pipe_is_published_while_its_other_end_is_still_writing(cluster: Cluster) -> None:
    command = [sys.executable, "-m", "driftline.cli", "publish", "-", "--bootstrap-servers", cluster.bootstrap_servers]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdin is not None
        running.stdin.write(json.dumps(event("m", 0)).encode() + b"\n" + b'{"half": ')
        running.stdin.flush()
        patience = time.monotonic() + 60
        while not cluster.records(PREDICTIONS):
            assert time.monotonic() < patience
            time.sleep(0.05)
        out, _ = running.communicate(b"1}")
    assert running.returncode == 0
    assert out.startswith(b"2 predictions published")
    assert sorted(values(cluster.records(PREDICTIONS)))[0] == b'{"half": 1}'


def refused(cluster: Cluster, *arguments: str | Path) -> str:
    done = publish(cluster, *arguments)
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    return done.stderr


def test_a_file_that_cannot_be_published_is_refused_with_a_sentence(cluster: Cluster) -> None:
    assert refused(cluster, "none.jsonl") == "error: none.jsonl: does not exist; check the path\n"
    Path("rows.csv").write_text("prediction_id,timestamp,prediction\n1,2026-01-01T00:00:00Z,1\n")
    assert refused(cluster, "rows.csv") == "error: rows.csv: its rows do not say their model; write --model NAME\n"
    Path("array.json").write_text("[]")
    assert "is a JSON array; write one object a line" in refused(cluster, "array.json")


def test_a_broker_that_is_not_there_is_said_within_seconds(dead_broker: str) -> None:
    write_events(Path("log.jsonl"), [event("m", 0)])
    done = run("publish", "--bootstrap-servers", dead_broker, "log.jsonl")
    assert done.exit_code == 2
    assert f"{dead_broker}: no broker answers" in done.stderr
    assert "start Kafka, or write its address under broker.bootstrap_servers" in done.stderr


def test_servers_are_checked_as_those_of_the_configuration() -> None:
    write_events(Path("log.jsonl"), [event("m", 0)])
    done = run("publish", "--bootstrap-servers", "kafka", "log.jsonl", width=300)
    assert done.exit_code == 2
    assert '"kafka" is not a server; write host:port, several with commas between' in done.stderr
