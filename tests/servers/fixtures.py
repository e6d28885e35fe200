"""Fixtures of real servers. What a developer's machine lacks is skipped with its reason; in CI that fails."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from confluent_kafka.admin import AdminClient

from tests.servers.kafka import QUIET, KafkaServer, create_topics, what_is_missing
from tests.servers.programs import needs
from tests.servers.shared_kafka import shared_kafka

if TYPE_CHECKING:
    from driftline.config.broker_settings import TopicSettings
    from tests.servers.redis_server import RedisServer

StartKafka = Callable[..., KafkaServer]
StartRedis = Callable[..., "RedisServer"]


@dataclass(frozen=True)
class Kafka:
    """The Kafka that all tests share: use topics of your own names, and do not stop it."""

    bootstrap_servers: str

    def create_topics(self, partitions: dict[str, int], settings: dict[str, str] | None = None) -> None:
        create_topics(self.bootstrap_servers, partitions, settings)

    def admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.bootstrap_servers, **QUIET})


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """One real Kafka for the whole run, shared by the workers of pytest-xdist."""
    _skip_without_kafka()
    own = tmp_path_factory.getbasetemp()
    # with pytest-xdist every worker has a folder of its own below that of the run
    root = own.parent if own.name.startswith("popen-gw") else own
    with shared_kafka(root / "kafka") as bootstrap_servers:
        yield Kafka(bootstrap_servers)


@pytest.fixture
def start_kafka(tmp_path: Path) -> Iterator[StartKafka]:
    """Start a Kafka of the test's own, to stop, kill or secure it: the arguments are those of KafkaServer."""
    _skip_without_kafka()
    with contextlib.ExitStack() as servers:
        count = iter(range(100))

        def start(**arguments: object) -> KafkaServer:
            server = KafkaServer(tmp_path / f"kafka-{next(count)}", **arguments)  # type: ignore[arg-type]
            return servers.enter_context(server)

        yield start


@pytest.fixture
def start_redis(tmp_path: Path) -> Iterator[StartRedis]:
    """Start a Redis of the test's own; the arguments are those of redis-server."""
    needs("redis-server")
    from tests.servers.redis_server import RedisServer

    with contextlib.ExitStack() as servers:
        count = iter(range(100))

        def start(*options: str) -> RedisServer:
            return servers.enter_context(RedisServer(tmp_path / f"redis-{next(count)}", *options))

        yield start


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One real Redis for all tests of a process: use key names of your own, and do it no harm."""
    needs("redis-server")
    from tests.servers.redis_server import RedisServer

    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def topic_names() -> TopicSettings:
    """Names of all topics that no other test has. Nothing is created."""
    from driftline.config.broker_settings import TopicSettings  # here: pytest loads this file whatever it tests

    prefix = f"test-{uuid.uuid4().hex[:12]}"
    return TopicSettings(**{use: f"{prefix}.{use}" for use in TopicSettings.model_fields})


def _skip_without_kafka() -> None:
    missing = what_is_missing()
    if missing is not None:
        pytest.skip(missing)
