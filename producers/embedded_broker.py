"""A Kafka broker inside this process: librdkafka's mock cluster, which speaks the real protocol on a port of 127.0.0.1.

For a demo and for tests with one worker. It keeps about 5 MB of each partition in memory, knows no compaction and no
rights, and ends with the process: not a place for data.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Final

from confluent_kafka import Producer

PARTITIONS: Final = 4
"""Of every topic; the mock cluster says so."""

_ANSWER_S_MAX: Final = 20.0


class EmbeddedBroker:
    """Serves from construction until `close`.

    Topics come to be when they are first asked for: `use` asks, so that consumers find them.
    """

    def __init__(self) -> None:
        # the cluster lives inside a client of its own, and is reached by any other client at its address
        settings = {"test.mock.num.brokers": 1, "bootstrap.servers": "mock", "log_level": 0}
        self._host: Producer | None = Producer(settings)
        broker = next(iter(self._host.list_topics(timeout=_ANSWER_S_MAX).brokers.values()))
        self.bootstrap_servers: Final = f"{broker.host}:{broker.port}"

    def use(self, topics: Iterable[str]) -> None:
        """Make topics that are not there yet."""
        if self._host is None:
            raise RuntimeError("the broker is closed")
        for topic in topics:
            self._host.list_topics(topic, timeout=_ANSWER_S_MAX)

    def close(self) -> None:
        """End the broker; what it kept is gone."""
        self._host = None

    def __enter__(self) -> EmbeddedBroker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
