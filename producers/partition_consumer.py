"""Reads partitions that it is told to, for itself alone: in no group, so nothing is committed and nobody is disturbed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, NamedTuple, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from driftline.config.broker_settings import BrokerSettings
from driftline.config.kafka_client import librdkafka_settings
from driftline.config.kafka_refusals import KafkaRefused, Obstacle, missing_right, unreachable
from driftline.schemas.errors import InputError

_ANSWER_S_MAX: Final = 10.0
_SILENCE_S_MAX: Final = 60.0
"""Longer than a broker takes to come back after a restart."""
_POLL_S: Final = 0.2

_OBSTACLES: Final[dict[int, Obstacle]] = {KafkaError._AUTHENTICATION: "login", KafkaError._SSL: "tls"}
"""What no waiting mends; librdkafka tries again and again."""

_FORBIDDEN: Final = {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED}
_NO_SUCH_TOPIC: Final = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.TOPIC_EXCEPTION,  # no topic can have this name
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
}


class Place(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


class Bounds(NamedTuple):
    """Of one partition: the first offset there is, and the first that no record has yet."""

    start: int
    end: int


class PartitionConsumer:
    """Only what is committed is read, should a producer use transactions.

    more: settings of librdkafka for one way of reading. All methods raise KafkaRefused when Kafka does not answer or does
    not let us in, and InputError for a topic that is not there. To be closed.
    """

    def __init__(self, broker: BrokerSettings, more: Mapping[str, Any] | None = None) -> None:
        self._broker = broker
        self._trouble: KafkaError | None = None
        settings: dict[str, Any] = {
            **librdkafka_settings(broker),
            "group.id": "driftline-of-its-own",  # librdkafka wants one; nothing is asked of the group
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 100,
            "error_cb": self._note,
            "log_level": 0,
            **(more or {}),
        }
        try:
            self._consumer = Consumer(settings)
        except KafkaException as error:
            raise KafkaRefused(f"the settings of the broker cannot be used: {error.args[0].str()}") from None

    def __enter__(self) -> PartitionConsumer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def partitions(self, topic: str) -> list[int]:
        """The numbers of the topic's partitions."""
        deadline = time.monotonic() + _ANSWER_S_MAX
        while True:
            try:
                found = self._consumer.list_topics(topic, timeout=1.0).topics[topic]
            except KafkaException as error:
                self._give_up(topic, error.args[0], deadline)
                continue
            if found.error is None:
                return sorted(found.partitions)
            self._give_up(topic, found.error, deadline)

    def bounds(self, place: Place) -> Bounds:
        """Where the partition begins and ends now."""
        deadline = time.monotonic() + _ANSWER_S_MAX
        while True:
            try:
                asked = self._consumer.get_watermark_offsets(TopicPartition(*place), timeout=1.0)
            except KafkaException as error:
                self._give_up(place.topic, error.args[0], deadline)
                continue
            answer = cast("tuple[int, int] | None", asked)  # its stub forgets the timeout
            if answer is not None:
                return Bounds(*answer)
            self._give_up(place.topic, None, deadline)

    def assign(self, positions: Mapping[Place, int]) -> None:
        """Read these partitions from these offsets on, and no others."""
        self._consumer.assign([TopicPartition(*place, offset) for place, offset in positions.items()])

    def take(self, most: int) -> tuple[list[Message], set[Place]]:
        """At most so many records that have come within a moment, and the partitions whose end was reached."""
        taken = self._consumer.consume(most, _POLL_S)
        records = [message for message in taken if message.error() is None]
        ended: set[Place] = set()
        if len(records) < len(taken):
            for message in taken:
                error = message.error()
                if error is not None and error.code() == KafkaError._PARTITION_EOF:
                    ended.add(Place(message.topic() or "", message.partition() or 0))
                elif error is not None:
                    self._judge(message.topic() or "", error)
        if not taken and self._trouble is not None:
            self._judge("", self._trouble)
        return records, ended

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()

    def silent(self, since_s: float) -> None:
        """Nothing came since this moment of the monotonic clock: raises KafkaRefused when that is too long."""
        if time.monotonic() - since_s > _SILENCE_S_MAX:
            raise self._unreachable()

    def _give_up(self, topic: str, error: KafkaError | None, deadline: float) -> None:
        """Raise unless asking again may help."""
        if error is not None:
            self._judge(topic, error)
        if time.monotonic() > deadline:
            raise self._unreachable()
        self._consumer.poll(0)  # serves _note
        if self._trouble is not None:
            self._judge(topic, self._trouble)

    def _judge(self, topic: str, error: KafkaError) -> None:
        """Raise for what no waiting mends."""
        if error.code() in _FORBIDDEN:
            raise missing_right(self._broker, "Read", [topic])
        if error.code() in _NO_SUCH_TOPIC:
            servers = self._broker.bootstrap_servers
            raise InputError(f"there is no topic {topic} on {servers}; check the name, or `driftline topics list`")
        if error.code() in _OBSTACLES:
            raise unreachable(self._broker, _OBSTACLES[error.code()], error.str())

    def _unreachable(self) -> KafkaRefused:
        trouble = self._trouble
        return unreachable(self._broker, "network", "" if trouble is None else trouble.str())

    def _note(self, error: KafkaError) -> None:
        # that all are down is what every other error comes to; the one before says why
        if self._trouble is None or error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._trouble = error
