"""Kafka for these tests: librdkafka's mock cluster, which speaks the real protocol on a port of this machine."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from confluent_kafka import Consumer, Message, Producer, TopicPartition

READ_S = 30.0  # a generous cap; reading ends when everything is read


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where Kafka is. Topics of the mock cluster come to be by being used, with four partitions."""

    bootstrap_servers: str

    def records(self, topic: str) -> list[Message]:
        """Every record of the topic, partition by partition in order."""
        group = f"reader-{uuid.uuid4().hex}"
        consumer = Consumer({"bootstrap.servers": self.bootstrap_servers, "group.id": group, "fetch.wait.max.ms": 10})
        try:
            partitions = sorted(consumer.list_topics(topic, timeout=READ_S).topics[topic].partitions)
            return [record for partition in partitions for record in _partition(consumer, topic, partition)]
        finally:
            consumer.close()


@contextmanager
def mock_cluster() -> Iterator[Cluster]:
    """A cluster that lives as long as the client in which it runs."""
    host = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "mock", "log_level": 0})
    brokers = host.list_topics(timeout=READ_S).brokers.values()
    yield Cluster(",".join(f"{broker.host}:{broker.port}" for broker in brokers))
    host.flush(0)  # keeps the host until here


def _partition(consumer: Consumer, topic: str, partition: int) -> list[Message]:
    low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=READ_S)
    consumer.assign([TopicPartition(topic, partition, low)])
    records: list[Message] = []
    while len(records) < high - low:
        record = consumer.poll(READ_S)
        assert record is not None, f"{topic}[{partition}]: {len(records)} of {high - low} records within {READ_S} s"
        assert record.error() is None, record.error()
        records.append(record)
    return records


@contextmanager
def refusing_port() -> Iterator[str]:
    """An address of this machine where nobody listens, nor will meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound, but never listening: connections are refused
        yield f"127.0.0.1:{bound.getsockname()[1]}"
