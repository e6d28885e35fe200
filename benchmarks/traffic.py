"""Events of now at a constant rate: what services send while a worker is watched. Event time is the clock's."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from confluent_kafka import Producer
from events import BLOCK_EVENTS, FIRST_DAY_MS, MODEL, blocks

POOL_EVENTS: Final = 10_000
BEAT_S: Final = 0.005
FLUSH_S_MAX: Final = 30.0

_STREAMS_FROM: Final = 200  # of the generator; lower ones are those of other benchmarks
_LINE: Final = re.compile(
    rb'\{"prediction_id":"[^"]*","model":"%b","model_version":"v12","timestamp":"[^"]*",' % MODEL.encode()
)


class Record(NamedTuple):
    """What goes to Kafka."""

    partition: int
    key: str
    value: bytes


class Pool:
    """Generated events without id, model and time, round and round; `drift`: the feature that is shifted in all of them."""

    def __init__(self, number: int, drift: str | None, events: int = POOL_EVENTS) -> None:
        assert events <= BLOCK_EVENTS
        (block,) = blocks(1, _STREAMS_FROM + number, FIRST_DAY_MS, events, drift, 0)
        self._tails = [_LINE.sub(b"", line, count=1) for line in block.splitlines()]
        self._next = 0

    def event(self, prediction_id: str, model: str, at_ms: int) -> bytes:
        """The next one, with this id, model and event time."""
        tail = self._tails[self._next]
        self._next = (self._next + 1) % len(self._tails)
        return b'{"prediction_id":"%b","model":"%b","model_version":"v12","timestamp":%d,%b' % (
            prediction_id.encode(),
            model.encode(),
            at_ms,
            tail,
        )


class Traffic:
    """A thread that publishes `record(number, at_ms)` at a constant rate, until `stop`.

    It follows a schedule: what a hiccup held up is sent at once after it, so the rate holds.
    """

    def __init__(
        self, bootstrap_servers: str, topic: str, rate: float, record: Callable[[int, int], Record | None]
    ) -> None:
        self.sent = 0
        self.latest_s = 0.0
        """by how much a beat came late at most"""
        self._topic, self._rate, self._record = topic, rate, record
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "enable.idempotence": True,
                "compression.type": "lz4",
                "linger.ms": 5,
                "queue.buffering.max.messages": 1_000_000,
                "log_level": 3,  # a coordinator that is not ready yet is asked again
            }
        )
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Send no more; everything sent is acknowledged on return. Raises RuntimeError if that cannot be."""
        self._stopped.set()
        self._thread.join()
        if self._producer.flush(FLUSH_S_MAX):
            raise RuntimeError("not everything could be delivered")

    def _run(self) -> None:
        began = time.monotonic()
        while not self._stopped.is_set():
            elapsed_s = time.monotonic() - began
            due = int(elapsed_s * self._rate)
            self.latest_s = max(self.latest_s, elapsed_s - self.sent / self._rate - BEAT_S)
            at_ms = int(1000 * time.time())
            for number in range(self.sent, due):
                record = self._record(number, at_ms)
                if record is not None:
                    self._producer.produce(self._topic, record.value, key=record.key, partition=record.partition)
            self.sent = due
            self._producer.poll(0)
            self._stopped.wait(BEAT_S)
