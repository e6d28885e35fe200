"""`driftline replay kafka://...`: topics are played as a worker reads them, and nobody notices."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from typer.testing import Result

from driftline.cli.topic_replaying import replay_outputs
from driftline.config.broker_settings import BrokerSettings, TopicSettings
from driftline.config.config import Config
from driftline.processors.partition import Partition
from driftline.processors.reference.profile import encode_reference
from driftline.producers import topic_reader
from driftline.schemas.cloud_events import decode_event
from driftline.schemas.codec import encode
from driftline.schemas.control import CONTROL_HEADER, TICK, TICK_VALUE
from driftline.schemas.outputs import Output, OutputTopic
from driftline.schemas.signals import AlertOpened, PerformanceWindow, WindowClosed
from tests.cli.replays import FILES, lines, run
from tests.core.logs import SPEC, Log, make_log, reference
from tests.servers.fixtures import Kafka
from tests.servers.kafka import IN_ORDER

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
LABEL = b'{"prediction_id":"id-1","model":"m","timestamp":1767225700000,"label":"yes"}'
YAML = """
version: 1
broker: {{bootstrap_servers: "{servers}"}}
topics: {{predictions: {predictions}, labels: {labels}, dead_letters: {dead_letters}}}
models:
  m:
    reference: reference.json
    windows: [10m, 1h]
    segments: [region, [region, device]]
    segments_max: 3
    false_alarms: 168/week
    events_per_week: 20160
    detectors: [shiryaev_roberts, chi_square, adwin, page_hinkley]
    dedup: 64
    idle_after: 30m
"""


@dataclass
class Topics:
    """Two topics with a log on them, and the configurations that read it."""

    config: Config
    yaml: Path
    log: Log
    send: Callable[..., None]

    def replay(self, out: Path, *more: str) -> Result:
        return run("replay", "--config", self.yaml, "--predictions", "kafka://", "--out", out, *more)

    def outputs(self) -> list[Output]:
        return list(replay_outputs(self.config))


@pytest.fixture
def topics(kafka: Kafka, topic_names: TopicSettings, tmp_path: Path, test_seed: int) -> Topics:
    """Predictions on partition 1 of 2, each with a trace; record times are those of the log."""
    kafka.create_topics({topic_names.predictions: 2, topic_names.labels: 2})
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, **IN_ORDER})

    def send(topic: str, values: Sequence[bytes], times_ms: Sequence[int], headers: Any = ()) -> None:
        for value, ms in zip(values, times_ms, strict=True):
            producer.produce(topic, value, partition=1, timestamp=ms, headers=list(headers))
        assert producer.flush(30) == 0

    log = make_log(test_seed, 3_000)
    send(topic_names.predictions, log.records, log.record_ms, [("traceparent", TRACEPARENT)])
    (tmp_path / "reference.json").write_bytes(encode_reference(reference()))
    yaml = tmp_path / "driftline.yaml"
    yaml.write_text(YAML.format(servers=kafka.bootstrap_servers, **topic_names.model_dump()))
    config = Config(
        models={"m": replace(SPEC, reference=str(tmp_path / "reference.json"))},
        discover=False,
        broker=BrokerSettings(bootstrap_servers=kafka.bootstrap_servers),
        topics=topic_names,
    )
    return Topics(config, yaml, log, send)


def _by_key(outputs: list[Output]) -> dict[tuple[OutputTopic, bytes], list[Output]]:
    keyed = defaultdict(list)
    for output in outputs:
        keyed[output.topic, output.key].append(output)
    return dict(keyed)


def test_a_topic_says_what_its_records_say_to_the_core_and_its_end_closes_nothing(
    topics: Topics, tmp_path: Path
) -> None:
    done = topics.replay(tmp_path / "topic")
    assert done.exit_code == 0, done.output
    spec = topics.config.models["m"]
    core = Partition({"m": spec}, {"m": {"": reference()}}, partition=1)
    log = topics.log
    said = core.apply(core.decode(log.records, range(len(log)), log.record_ms))
    windows = [encode(signal) for signal in said if isinstance(signal, WindowClosed)]
    alerts = [encode(signal.alert) for signal in said if isinstance(signal, AlertOpened)]
    assert len(windows) > 100
    assert len(alerts) > 3
    assert (tmp_path / "topic" / "windows.jsonl").read_bytes().splitlines() == windows
    assert (tmp_path / "topic" / "alerts.jsonl").read_bytes().splitlines() == alerts
    assert not [window for window in lines(tmp_path / "topic" / "windows.jsonl") if window["partial"]]
    assert core.finish()


def test_R39_replaying_twice_gives_the_same_bytes(topics: Topics, tmp_path: Path) -> None:
    for name in ("first", "second"):
        assert topics.replay(tmp_path / name).exit_code == 0
    for file in FILES:
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()


def test_how_records_are_cut_into_runs_shows_in_no_output(topics: Topics, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _by_key(topics.outputs())
    assert {topic for topic, _ in whole} == set(OutputTopic)
    monkeypatch.setattr(topic_reader, "RECORDS_MAX", 97)
    assert _by_key(topics.outputs()) == whole


def test_the_outputs_of_a_worker_say_what_the_files_say(topics: Topics, tmp_path: Path) -> None:
    assert topics.replay(tmp_path).exit_code == 0
    outputs = topics.outputs()
    events = [decode_event(output.value) for output in outputs if output.topic is OutputTopic.ALERTS]
    alerts = (tmp_path / "alerts.jsonl").read_bytes().splitlines()
    config_hashes = {json.loads(alert)["config_hash"] for alert in alerts} | {
        event.data.config_hash for event in events
    }
    assert len(config_hashes) == 1, "the two configurations of this test mean the same"
    assert [encode(event.data) for event in events] == alerts
    assert {event.traceparent for event in events if event.data.detected_offset >= 0} == {TRACEPARENT}
    said = [output.value for output in outputs if output.topic is OutputTopic.WINDOWS]
    written = [(tmp_path / file).read_bytes().splitlines() for file in ("windows.jsonl", "notices.jsonl")]
    assert sorted(said) == sorted([*written[0], *written[1]])
    unread = [output for output in outputs if output.topic is OutputTopic.DEAD_LETTERS]
    assert len(unread) == sum(json.loads((tmp_path / "summary.json").read_text())["rejected"].values()) > 0
    assert {output.key.decode() for output in unread} == {f"{topics.config.topics.predictions}-1"}


def test_the_summary_accounts_for_every_record_of_both_topics(topics: Topics, tmp_path: Path) -> None:
    names = topics.config.topics
    last_ms = topics.log.record_ms[-1]
    topics.send(names.labels, [LABEL] * 5, [last_ms] * 5)
    topics.send(names.predictions, [TICK_VALUE], [last_ms + 86_400_000], [(CONTROL_HEADER, TICK)])
    done = topics.replay(tmp_path / "out", "--labels", "kafka://", "--json")
    assert done.exit_code == 0, done.output
    summary = json.loads(done.stdout)
    counters = summary["counters"]
    outcomes = ("applied", "duplicate", "late", "rejected", "filtered")
    assert counters["consumed"] == sum(counters[name] for name in outcomes) == 3_000
    assert counters["labels"] == 5
    assert summary["topics"] == {"predictions": names.predictions, "labels": names.labels}
    assert summary["offsets"] == {
        "0": {"predictions": [0, 0], "labels": [0, 0]},
        "1": {"predictions": [0, 3_001], "labels": [0, 5]},
    }
    last_window = lines(tmp_path / "out" / "windows.jsonl")[-1]
    assert not last_window["partial"]
    assert last_window["end_ms"] > last_ms, "the tick closed what no event closes"


def test_another_topic_than_the_configured_one_can_be_named(topics: Topics, tmp_path: Path) -> None:
    elsewhere = topics.yaml.with_name("elsewhere.yaml")
    elsewhere.write_text(topics.yaml.read_text().replace(topics.config.topics.predictions, "elsewhere"))
    named = f"kafka://{topics.config.topics.predictions}"
    done = run("replay", "--config", elsewhere, "--predictions", named, "--out", tmp_path / "out", "--json")
    assert json.loads(done.stdout)["counters"]["consumed"] == 3_000


# --- what is wrong with the arguments ---------------------------------------------------------------------------------


def _refused(out: Path, *arguments: str | Path) -> str:
    done = run("replay", "--out", out, *arguments)
    assert (done.exit_code, done.stdout) == (2, ""), done.output
    assert not out.exists(), "nothing is written for a run that never began"
    return done.stderr


def test_a_topic_and_a_file_do_not_go_together(tmp_path: Path) -> None:
    for predictions, labels in (("kafka://", "labels.csv"), ("rows.csv", "kafka://labels")):
        said = _refused(tmp_path / "out", "--predictions", predictions, "--labels", labels)
        assert "give two topics (kafka://NAME) or two files" in said


@pytest.mark.parametrize("option", [("--model", "m"), ("--as-of", "2026-01-01T00:00:00Z")])
def test_options_of_files_are_refused_for_topics(option: tuple[str, str], tmp_path: Path) -> None:
    assert "--model and --as-of are for files" in _refused(tmp_path / "out", "--predictions", "kafka://", *option)


@pytest.mark.parametrize("name", ["none-of-this-name", "no/such/name"])
def test_a_topic_that_is_not_there(name: str, topics: Topics, tmp_path: Path) -> None:
    said = _refused(tmp_path / "out", "--config", topics.yaml, "--predictions", f"kafka://{name}")
    assert f"there is no topic {name} on " in said


def test_labels_of_a_topic_are_joined_and_the_end_of_the_topic_makes_nothing_final(
    topics: Topics, tmp_path: Path
) -> None:
    log, later_ms = topics.log, 20 * 60_000
    labels = [LABEL.replace(b"id-1", b"id-%d" % i) for i in range(len(log))]
    times_ms = [ms + later_ms for ms in log.record_ms]
    topics.send(topics.config.topics.labels, labels, times_ms)
    done = topics.replay(tmp_path / "topic", "--labels", "kafka://")
    assert done.exit_code == 0, done.output
    core = Partition({"m": topics.config.models["m"]}, {"m": {"": reference()}}, partition=1, outcomes=True)
    said = core.apply(core.decode(log.records, range(len(log)), log.record_ms))
    said += core.apply_labels(core.decode_labels(labels, range(len(labels)), times_ms))
    windows = [encode(signal) for signal in said if isinstance(signal, PerformanceWindow)]
    assert windows
    assert (tmp_path / "topic" / "performance.jsonl").read_bytes().splitlines() == windows
    assert not any(window["final"] for window in lines(tmp_path / "topic" / "performance.jsonl"))
    outcomes = json.loads((tmp_path / "topic" / "summary.json").read_text())["outcomes"]
    assert outcomes["joined"] + outcomes["claimed"] > 2_000
