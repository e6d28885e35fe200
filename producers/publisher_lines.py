"""Lines of a file or a pipe to a topic, as they are: for `driftline publish`, which may wait where a service may not."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import BufferedReader
from typing import Any, Final, Protocol

import msgspec
from confluent_kafka import KafkaError, KafkaException, Producer

from driftline.config.broker_settings import BrokerSettings
from driftline.config.kafka_client import librdkafka_settings
from driftline.producers.json_lines import whole_lines
from driftline.schemas.errors import InputError
from driftline.schemas.limits import ID_CHARACTERS_MAX, RECORD_BYTES_MAX

ANSWER_S: Final = 5.0
TOPIC_MADE_S: Final = 3.0  # how long a broker takes that makes topics by itself
DELIVERY_S: Final = 60.0
"""How long a record may wait for its broker before it counts as refused."""

_FULL_WAIT_S: Final = 0.1
_AHEAD_S: Final = 0.005  # shorter pauses are not worth their waking
_PIPE_BYTES: Final = 1 << 16


class _Keyed(msgspec.Struct):
    """All that is read of an event: its model. Whether the rest is right, the worker says."""

    model: str


@dataclass(slots=True)
class Published:
    """records: handed to Kafka. delivered: acknowledged. refused: not taken, by Kafka's name for why. without_model: sent
    without a key, as no model could be read in them; the worker rejects them with a reason."""

    records: int = 0
    delivered: int = 0
    without_model: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    wall_s: float = 0.0


class _Report(Protocol):
    """What is asked of a delivered message."""

    def error(self) -> KafkaError | None: ...


class LinePublisher:
    """One connection that sends lines to one topic; the key is the event's model, as everywhere.

    Raises ConfigError for settings that cannot be used, InputError when no broker answers or the topic is not there.
    """

    def __init__(self, broker: BrokerSettings, topic: str) -> None:
        self.published = Published()
        self._topic = topic
        self._servers = broker.bootstrap_servers
        self._trouble = ""
        self._decode = msgspec.json.Decoder(_Keyed).decode
        try:
            self._producer = Producer({**librdkafka_settings(broker), **self._settings()})
        except KafkaException as error:
            raise InputError(f"the settings of the broker cannot be used: {error.args[0].str()}") from None
        self._refuse_absent_topic()

    def publish(self, blocks: Iterable[bytes], per_second: float | None = None) -> Published:
        """Send every line of the blocks, at most so many a second, and wait until the last is delivered or refused."""
        started = time.monotonic()
        try:
            for block in blocks:
                for line in block.split(b"\n"):
                    if line and not line.isspace():
                        self._send(line)
                        if per_second is not None:
                            self._wait_until(started + self.published.records / per_second)
                self._producer.poll(0)
        finally:
            # also when somebody interrupts: what was read is sent
            self._producer.flush(DELIVERY_S + ANSWER_S)
            self.published.wall_s = time.monotonic() - started
        return self.published

    def _send(self, line: bytes) -> None:
        key = self._key(line)
        self.published.records += 1
        self.published.without_model += key is None
        while True:
            try:
                self._producer.produce(self._topic, line, key, on_delivery=self._reported)
                return
            except BufferError:
                self._producer.poll(_FULL_WAIT_S)
            except KafkaException as error:
                self.published.refused[error.args[0].name()] += 1
                return

    def _key(self, line: bytes) -> bytes | None:
        try:
            model = self._decode(line).model
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return model.encode() if 0 < len(model) <= ID_CHARACTERS_MAX else None

    def _wait_until(self, at_s: float) -> None:
        while (ahead_s := at_s - time.monotonic()) > _AHEAD_S:
            self._producer.poll(ahead_s)

    def _reported(self, error: KafkaError | None, message: _Report) -> None:
        if error is None:
            self.published.delivered += 1
        else:
            self.published.refused[error.name()] += 1

    def _settings(self) -> dict[str, Any]:
        return {
            "client.id": "driftline-publish",
            "partitioner": "murmur2_random",
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 20,
            "compression.type": "lz4",
            "message.max.bytes": RECORD_BYTES_MAX + 12,
            "message.timeout.ms": int(DELIVERY_S * 1000),
            "error_cb": self._note,
            "log_level": 0,
        }

    def _note(self, error: KafkaError) -> None:
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._trouble = error.str()

    def _refuse_absent_topic(self) -> None:
        """A broker that makes topics by itself is given the time for it."""
        until_s = time.monotonic() + TOPIC_MADE_S
        while (error := self._topic_error()) is not None:
            if error.code() in _NOT_YET and time.monotonic() < until_s:
                self._producer.poll(_FULL_WAIT_S)
                continue
            if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                remedy = "give this login the right to write it (ACL operations Describe and Write)"
                raise InputError(f"topic {self._topic!r}: Kafka does not let us see it; {remedy}")
            remedy = "create it with: driftline topics create"
            raise InputError(f"topic {self._topic!r}: {error.str()}; {remedy}")

    def _topic_error(self) -> KafkaError | None:
        try:
            topic = self._producer.list_topics(self._topic, timeout=ANSWER_S).topics[self._topic]
        except KafkaException as failed:
            self._producer.poll(0)
            why = self._trouble or failed.args[0].str()
            remedy = "start Kafka, or write its address under broker.bootstrap_servers"
            raise InputError(f"{self._servers}: no broker answers ({why}); {remedy}") from None
        error: KafkaError | None = topic.error
        return error


_NOT_YET: Final = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.LEADER_NOT_AVAILABLE}


def pipe_blocks(pipe: BufferedReader) -> Iterator[bytes]:
    """Blocks of whole lines as soon as they come, of a pipe whose other end may be writing for days."""
    return whole_lines(iter(lambda: pipe.read1(_PIPE_BYTES), b""))
