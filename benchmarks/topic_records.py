"""Whole topics read back, with the times at which the broker appended each record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from confluent_kafka import Consumer, TopicPartition

_ANSWER_S_MAX: Final = 20.0
_RUN: Final = 10_000


class Appended(NamedTuple):
    """One record; appended_ms: epoch milliseconds of the broker's clock (LogAppendTime)."""

    partition: int
    offset: int
    appended_ms: int
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]


def records_of(bootstrap_servers: str, topic: str) -> Iterator[Appended]:
    """Everything in a topic now, partition after partition, in order."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "reads-back",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
        }
    )
    try:
        for partition in sorted(consumer.list_topics(topic, timeout=_ANSWER_S_MAX).topics[topic].partitions):
            yield from _partition(consumer, topic, partition)
    finally:
        consumer.close()


def _partition(consumer: Consumer, topic: str, partition: int) -> Iterator[Appended]:
    start, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_ANSWER_S_MAX)
    consumer.assign([TopicPartition(topic, partition, start)])
    ended = start >= end
    while not ended:
        for message in consumer.consume(_RUN, 1.0):
            if message.error() is not None:  # the only one that comes here is the end of the partition
                ended = True
                continue
            offset = message.offset()
            assert offset is not None
            ended = ended or offset >= end - 1
            headers = [(name, value or b"") for name, value in message.headers() or []]
            yield Appended(partition, offset, message.timestamp()[1], message.key(), message.value() or b"", headers)
