"""Topics are read whole, up to where they ended at the begin, in the same runs every time, and nobody notices."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer

from driftline.config.broker_settings import BrokerSettings, TopicSettings
from driftline.config.kafka_refusals import KafkaRefused
from driftline.producers import partition_consumer, topic_reader
from driftline.producers.topic_reader import TopicReader
from driftline.schemas.control import CONTROL_HEADER, TICK, TICK_VALUE
from driftline.schemas.errors import InputError
from driftline.schemas.inputs import Input
from driftline.schemas.log_records import LogRecords
from tests.servers.fixtures import Kafka
from tests.servers.kafka import IN_ORDER, QUIET
from tests.servers.ports import free_ports

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
APPENDED = {"message.timestamp.type": "LogAppendTime"}
HOUR_MS = 3_600_000
START_MS = 1_769_860_800_000

Headers = list[tuple[str, bytes | None]]


class Writer:
    """Writes to topics, and says where they are."""

    def __init__(self, kafka: Kafka, names: TopicSettings) -> None:
        self.broker = BrokerSettings(bootstrap_servers=kafka.bootstrap_servers)
        self.topics = {Input.PREDICTIONS: names.predictions, Input.LABELS: names.labels}
        self._kafka = kafka
        self._producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "linger.ms": 0, **IN_ORDER})

    def create(self, partitions: int = 1, **settings: str) -> Writer:
        self._kafka.create_topics(dict.fromkeys(self.topics.values(), partitions), settings)
        return self

    def write(
        self,
        value: bytes | None,
        source: Input = Input.PREDICTIONS,
        *,
        partition: int = 0,
        ms: int = 0,
        headers: Headers | None = None,
    ) -> None:
        topic = self.topics[source]
        self._producer.produce(topic, value, partition=partition, timestamp=ms, headers=headers or [])  # type: ignore[arg-type]

    def flush(self) -> None:
        assert self._producer.flush(30) == 0


@pytest.fixture
def writer(kafka: Kafka, topic_names: TopicSettings) -> Writer:
    return Writer(kafka, topic_names)


def _read(writer: Writer, partition: int = 0) -> list[tuple[Input, LogRecords]]:
    with TopicReader(writer.broker, writer.topics) as reader:
        return list(reader.read(partition))


def _all(runs: list[tuple[Input, LogRecords]], source: Input) -> Iterator[tuple[int, bytes, int]]:
    for records in (records for each, records in runs if each is source):
        yield from zip(records.offsets, records.values, records.record_ms, strict=True)


def test_every_record_of_both_topics_is_read_as_it_lies_in_the_log(writer: Writer) -> None:
    writer.create(partitions=2)
    for i in range(3_000):
        writer.write(b"p%d" % i, partition=i % 2, ms=START_MS + i)
    writer.write(b"label", Input.LABELS, partition=1, ms=START_MS)
    writer.flush()
    with TopicReader(writer.broker, writer.topics) as reader:
        assert reader.partitions == [0, 1]
        assert reader.starts(1) == {Input.PREDICTIONS: 0, Input.LABELS: 0}
        seen: list[tuple[int, int]] = []
        runs = {p: list(reader.read(p, lambda done, total: seen.append((done, total)))) for p in reader.partitions}
    for partition in (0, 1):
        expected = [(n, b"p%d" % i, START_MS + i) for n, i in enumerate(range(partition, 3_000, 2))]
        assert list(_all(runs[partition], Input.PREDICTIONS)) == expected
        assert all(records.create_time for _, records in runs[partition])
    assert list(_all(runs[1], Input.LABELS)) == [(0, b"label", START_MS)]
    assert seen[-1] == (3_001, 3_001)
    assert seen == sorted(seen)


def test_ticks_traces_and_records_without_a_value_are_told_apart(writer: Writer) -> None:
    writer.create(**APPENDED)
    writer.write(b"traced", headers=[("traceparent", TRACEPARENT.encode()), ("other", None)])
    writer.write(None)
    writer.write(TICK_VALUE, headers=[(CONTROL_HEADER, TICK)])
    writer.write(b"forged", headers=[("traceparent", b"0" * 55)])
    writer.flush()
    ((source, records),) = _read(writer)
    assert source is Input.PREDICTIONS
    assert records.values == [b"traced", b"", TICK_VALUE, b"forged"]
    assert records.ticks == [2]
    assert records.traceparents == {0: TRACEPARENT}
    assert not records.create_time
    assert records.record_ms == sorted(records.record_ms)
    assert records.record_ms[0] > START_MS


def test_what_is_written_during_the_read_is_left_for_another_time(writer: Writer) -> None:
    writer.create()
    writer.write(b"before")
    writer.flush()
    with TopicReader(writer.broker, writer.topics) as reader:
        writer.write(b"after")
        writer.write(b"after", Input.LABELS)
        writer.flush()
        runs = list(reader.read(0))
    assert [(source, records.values) for source, records in runs] == [(Input.PREDICTIONS, [b"before"])]


def test_empty_topics_have_no_runs_and_labels_may_be_left_out(writer: Writer) -> None:
    writer.create()
    assert _read(writer) == []
    del writer.topics[Input.LABELS]
    assert _read(writer) == []
    assert _read(writer, partition=7) == []


def test_runs_are_the_same_however_records_arrive(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_reader, "RECORDS_MAX", 70)
    monkeypatch.setattr(topic_reader, "BYTES_MAX", 2_000)
    writer.create()
    for i in range(400):
        writer.write(b"x" * (10 if i < 200 else 100 + i), ms=START_MS + i)
        if i % 17 == 0:
            writer.flush()  # a batch of its own in the log
    writer.flush()
    first = [records.offsets for _, records in _read(writer)]
    monkeypatch.setattr(partition_consumer, "_POLL_S", 0.001)
    assert [records.offsets for _, records in _read(writer)] == first
    assert list(itertools.chain(*first)) == list(range(400))
    assert [len(offsets) for offsets in first[:2]] == [70, 70]
    assert max(len(offsets) for offsets in first[4:]) < 10, "large records make short runs"


def test_the_two_logs_are_told_in_the_order_of_their_record_times(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topic_reader, "RECORDS_MAX", 10)
    writer.create()
    for i in range(50):
        writer.write(b"p", ms=START_MS + i * HOUR_MS)
        writer.write(b"l", Input.LABELS, ms=START_MS + i * HOUR_MS)
    writer.flush()
    runs = _read(writer)
    assert [source for source, _ in runs] == [Input.PREDICTIONS, Input.LABELS] * 5
    firsts = [records.record_ms[0] for _, records in runs]
    assert firsts == sorted(firsts)


def test_records_of_transactions_that_were_aborted_are_not_read(kafka: Kafka, writer: Writer) -> None:
    writer.create()
    writer.write(b"plain")
    writer.flush()
    topic = writer.topics[Input.PREDICTIONS]
    settings = {"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": topic, **QUIET}
    producer = Producer(settings)
    producer.init_transactions(30)
    for value, commit in ((b"aborted", False), (b"committed", True), (b"aborted", False)):
        producer.begin_transaction()
        producer.produce(topic, value, partition=0)
        producer.flush(30)
        if commit:
            producer.commit_transaction(30)
        else:
            producer.abort_transaction(30)
    ((_, records),) = _read(writer)
    # offsets 1, 2, 4, 5 and 6 hold what was aborted, and the markers of the three transactions
    assert list(zip(records.offsets, records.values, strict=True)) == [(0, b"plain"), (3, b"committed")]


def test_reading_leaves_no_consumer_group_behind(kafka: Kafka, writer: Writer) -> None:
    writer.create()
    writer.write(b"x")
    writer.flush()
    assert len(_read(writer)) == 1
    groups = kafka.admin().list_consumer_groups().result(30)
    assert not [group.group_id for group in groups.valid if group.group_id.startswith("driftline-of-its-own")]


def test_a_topic_that_is_not_there_is_named(writer: Writer) -> None:
    with pytest.raises(InputError, match=f"there is no topic {writer.topics[Input.PREDICTIONS]} on 127.0.0.1"):
        TopicReader(writer.broker, writer.topics)


def test_a_broker_that_does_not_answer_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition_consumer, "_ANSWER_S_MAX", 0.5)
    (port,) = free_ports(1)
    broker = BrokerSettings(bootstrap_servers=f"127.0.0.1:{port}")
    with pytest.raises(KafkaRefused, match=r"does not answer at 127\.0\.0\.1:\d+.*check broker\.bootstrap_servers"):
        TopicReader(broker, {Input.PREDICTIONS: "p"})
