"""Whole partitions of both topics, as runs of records: what a replay of Kafka reads.

Runs are cut by number and bytes of records and not by how they arrive, and the two logs are told in the order of their
record times, so reading the same topics twice gives the same runs in the same order.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import accumulate
from types import TracebackType
from typing import Final, cast

from confluent_kafka import TIMESTAMP_CREATE_TIME, Message

from driftline.config.broker_settings import BrokerSettings
from driftline.producers.partition_consumer import Bounds, PartitionConsumer, Place
from driftline.producers.progress import Progress, no_progress
from driftline.schemas.control import is_tick
from driftline.schemas.errors import InputError
from driftline.schemas.inputs import Input
from driftline.schemas.log_records import LogRecords
from driftline.schemas.traceparent import traceparent_of

RECORDS_MAX: Final = 8_192
BYTES_MAX: Final = 16 << 20
"""A run has at most so many records, and ends with the one that makes it longer than so many bytes."""

_PREFETCH: Final[Mapping[str, int]] = {
    "queued.min.messages": 50_000,
    "queued.max.messages.kbytes": 64 * 1024,
    "fetch.message.max.bytes": 4 << 20,
    "fetch.queue.backoff.ms": 10,  # a second by default: the queue is empty long before
}


class TopicReader:
    """The two topics (labels may be left out) as they are when it is made: what comes later is not read.

    Raises InputError for a topic that is not there, KafkaRefused (config.kafka_refusals) when Kafka does not answer.
    """

    def __init__(self, broker: BrokerSettings, topics: Mapping[Input, str]) -> None:
        # one each: while one log is read, the records of the other wait in its consumer
        self._consumers: dict[Input, PartitionConsumer] = {}
        with ExitStack() as opened:
            for source in topics:
                self._consumers[source] = opened.enter_context(PartitionConsumer(broker, _PREFETCH))
            self._bounds = {
                (source, partition): self._consumers[source].bounds(Place(topic, partition))
                for source, topic in topics.items()
                for partition in self._consumers[source].partitions(topic)
            }
            self._opened = opened.pop_all()
        self._topics = dict(topics)
        self._done = 0

    def __enter__(self) -> TopicReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def partitions(self) -> list[int]:
        """Numbers of the partitions that either topic has."""
        return sorted({partition for _, partition in self._bounds})

    def starts(self, partition: int) -> dict[Input, int]:
        """The first offset of each log of a partition; 0 for one that is not there."""
        return {source: self._bounds.get((source, partition), Bounds(0, 0)).start for source in Input}

    def read(self, partition: int, progress: Progress = no_progress) -> Iterator[tuple[Input, LogRecords]]:
        """All runs of both logs of a partition, by the record time of their first record; ties predictions first.

        progress: is told offsets read and offsets in all, over all partitions.
        """
        runs = {source: self._runs(source, partition) for source in self._topics}
        heads = {source: next(runs[source], None) for source in runs}
        total = sum(bounds.end - bounds.start for bounds in self._bounds.values())
        while True:
            waiting = {source: head for source, head in heads.items() if head is not None}
            if not waiting:
                return
            source = min(waiting, key=lambda each: (waiting[each].record_ms[0], each is not Input.PREDICTIONS))
            yield source, waiting[source]
            self._done += len(waiting[source])
            progress(self._done, total)
            heads[source] = next(runs[source], None)

    def close(self) -> None:
        """Disconnect."""
        self._opened.close()

    def _runs(self, source: Input, partition: int) -> Iterator[LogRecords]:
        bounds = self._bounds.get((source, partition))
        if bounds is None or bounds.start >= bounds.end:
            return
        pending: list[Message] = []
        for records in _messages(self._consumers[source], Place(self._topics[source], partition), bounds):
            pending += records
            while (n := _run_length(pending)) > 0:
                yield _log_records(pending[:n])
                pending = pending[n:]
        if pending:
            yield _log_records(pending)


def _messages(consumer: PartitionConsumer, place: Place, bounds: Bounds) -> Iterator[list[Message]]:
    """Everything within the bounds, as it arrives. Markers of transactions take offsets and are not given."""
    consumer.assign({place: bounds.start})
    heard_s, ended = time.monotonic(), False
    while not ended:
        records, ends = consumer.take(RECORDS_MAX)
        ended = place in ends
        if records:
            heard_s = time.monotonic()
            if _offset(records[-1]) >= bounds.end - 1:
                ended = True
                records = [record for record in records if _offset(record) < bounds.end]
            yield records
        elif not ended:
            consumer.silent(heard_s)
    consumer.assign({})


def _offset(message: Message) -> int:
    offset = message.offset()
    if offset is None:
        raise InputError("a record without an offset is from no log")
    return offset


def _headers(message: Message) -> list[tuple[str, bytes | None]]:
    return cast("list[tuple[str, bytes | None]]", message.headers() or [])  # its stub has what producers may give


def _run_length(pending: list[Message]) -> int:
    """How many of the pending records are the next run; 0 when it is not complete."""
    if sum(map(len, pending)) > BYTES_MAX:
        so_far = accumulate(map(len, pending))
        return min(RECORDS_MAX, next(n for n, size in enumerate(so_far, 1) if size > BYTES_MAX))
    return RECORDS_MAX if len(pending) >= RECORDS_MAX else 0


def _log_records(messages: list[Message]) -> LogRecords:
    stamps = [message.timestamp() for message in messages]
    headed = [(i, headers) for i, message in enumerate(messages) if (headers := _headers(message))]
    offsets = [_offset(message) for message in messages]
    traced = ((offsets[i], traceparent_of(headers)) for i, headers in headed)
    return LogRecords(
        values=[message.value() or b"" for message in messages],
        offsets=offsets,
        record_ms=[ms for _, ms in stamps],
        ticks=[i for i, headers in headed if is_tick(headers)],
        traceparents={offset: traceparent for offset, traceparent in traced if traceparent is not None},
        create_time=stamps[0][0] == TIMESTAMP_CREATE_TIME,
    )
