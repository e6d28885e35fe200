"""Everything that a worker writes to Kafka, behind one producer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
)

from driftline.schemas.control import CONTROL_HEADER, TICK, TICK_VALUE
from driftline.schemas.outputs import Output, OutputTopic
from driftline.sinks.kafka_outputs import KafkaOutputs
from driftline.sinks.kafka_producer import kafka_producer
from driftline.sinks.kafka_snapshots import KafkaSnapshots

_NOT_ALLOWED: Final = (TopicAuthorizationFailedError, ClusterAuthorizationFailedError)

log = logging.getLogger("driftline.kafka")


class KafkaSide:
    """Outputs, snapshots and ticks. To be made and used on a running event loop.

    kafka: how the broker is reached, in aiokafka's words. topics: the name of each output's topic.
    compression: see `kafka_producer`; waiting_max, acknowledged: see `KafkaOutputs`.
    """

    def __init__(
        self,
        kafka: Mapping[str, Any],
        client_id: str,
        topics: Mapping[OutputTopic, str],
        snapshots_topic: str,
        waiting_max: int,
        compression: str,
        acknowledged: Callable[[Output, int], None],
    ) -> None:
        self._producer = kafka_producer(kafka, client_id, compression)
        self.outputs = KafkaOutputs(self._producer, topics, waiting_max, acknowledged)
        self.snapshots = KafkaSnapshots(self._producer, kafka, snapshots_topic)

    async def start(self) -> None:
        """Connect."""
        await self._producer.start()

    async def stop(self) -> None:
        """Write what the producer still holds, and disconnect."""
        await self.outputs.stop()
        try:
            await self._producer.stop()
        except KafkaError as error:
            log.warning("the producer was closed with outputs unwritten: %r", error)

    async def tick(self, topic: str, partition: int) -> None:
        """Write one tick to an input. Raises PermissionError where that is not allowed, KafkaError otherwise."""
        headers = [(CONTROL_HEADER, TICK)]
        try:
            await self._producer.send_and_wait(topic, TICK_VALUE, partition=partition, headers=headers)
        except _NOT_ALLOWED as error:
            raise PermissionError(f"no right to write to {topic}, which ticks need: grant WRITE on it") from error
