"""The compacted topic that keeps the state of every partition, written and read through Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

_FETCH_BYTES: Final = 8 << 20
_UNACKNOWLEDGED_MAX: Final = 256


class KafkaSnapshots:
    """`kafka`: how the broker is reached, in aiokafka's words."""

    def __init__(self, producer: AIOKafkaProducer, kafka: Mapping[str, Any], topic: str) -> None:
        self._producer, self._kafka, self._topic = producer, kafka, topic

    async def write(self, partition: int, records: Sequence[tuple[bytes, bytes | None]]) -> None:
        """Write keys with their values (None: a tombstone) and wait until all are acknowledged; raises KafkaError."""
        for start in range(0, len(records), _UNACKNOWLEDGED_MAX):
            sent = [
                await self._producer.send(self._topic, value, key=key, partition=partition)
                for key, value in records[start : start + _UNACKNOWLEDGED_MAX]
            ]
            await asyncio.gather(*sent)

    async def read(self, partition: int) -> AsyncIterator[Sequence[tuple[bytes, bytes | None]]]:
        """Keys and values of all records from the oldest to the last that is there when the read begins, in runs."""
        at = TopicPartition(self._topic, partition)
        consumer = AIOKafkaConsumer(
            **self._kafka,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_partition_fetch_bytes=_FETCH_BYTES,
            fetch_max_wait_ms=20,  # questions about offsets queue behind a fetch that waits on the same connection
        )
        await consumer.start()
        try:
            consumer.assign([at])
            await consumer.seek_to_beginning(at)
            end = (await consumer.end_offsets([at]))[at]
            while await consumer.position(at) < end:
                fetched = await consumer.getmany(at, timeout_ms=300)
                yield [(record.key or b"", record.value) for record in fetched.get(at, ())]
        finally:
            await consumer.stop()
