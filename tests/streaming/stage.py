"""Everything that a test of the worker stands on: topics of its own, a configuration, records put in and read out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from driftline.config.broker_settings import TopicSettings
from driftline.config.config import Config
from driftline.config.load import load_config
from driftline.schemas.control import CONTROL_HEADER, TICK, TICK_VALUE
from driftline.schemas.inputs import Input
from tests.servers.kafka import QUIET, create_topics
from tests.streaming.waiting import PATIENCE_S, wait_until
from tests.streaming.worker_process import Applied, WorkerProcess

SESSION_TIMEOUT_S: Final = 3.0

_ANSWER_S_MAX: Final = 20.0

MODELS: Final[dict[str, Any]] = {
    "windows": ["10m", "1h"],
    "segments": ["region", ["region", "device"]],
    "segments_max": 3,
    "false_alarms": "24/day",  # loud, so that short logs open alerts
    "events_per_week": 20_160,
    "detectors": ["shiryaev_roberts", "chi_square", "adwin", "page_hinkley"],
    "learn_from": 300,
    "dedup": 64,
    "idle_after": "never",
}
"""For logs whose record times are their own (tests.streaming.traffic): no tick of today may fall into them."""

CREATE_TIME: Final = {"message.timestamp.type": "CreateTime"}
LOG_APPEND_TIME: Final = {"message.timestamp.type": "LogAppendTime"}


@dataclass
class Stage:
    """One group, its topics and its workers."""

    bootstrap_servers: str
    topics: TopicSettings
    folder: Path
    partitions: int = 2
    models: Mapping[str, Any] = field(default_factory=lambda: MODELS)
    worker: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    workers: list[WorkerProcess] = field(default_factory=list)

    # -- topics and configuration ------------------------------------------------------------------------------------

    def create_topics(
        self, settings: Mapping[str, str] = CREATE_TIME, *, without: Iterable[str] = (), **partitions: int
    ) -> None:
        """All topics but those named; `partitions`: by name, where it is not the stage's."""
        for use, name in self.topics:
            if use not in without:
                compaction = {"cleanup.policy": "compact"} if use == "snapshots" else {}
                count = {name: partitions.get(use, self.partitions)}
                own = settings if use in ("predictions", "labels") else {}
                create_topics(self.bootstrap_servers, count, {"max.message.bytes": "2097152", **own, **compaction})

    @property
    def config_file(self) -> Path:
        """Written anew at each call. JSON is YAML."""
        settings = {
            "version": 1,
            "broker": {"bootstrap_servers": self.bootstrap_servers},
            "topics": dict(self.topics),
            "worker": {
                "group": self.topics.predictions,
                "session_timeout": f"{SESSION_TIMEOUT_S:.0f}s",
                "stalled_after": "30s",
                "snapshot_every": "500ms",
                "web": {"port": 0},
                **self.worker,
            },
            "defaults": dict(self.models),
            **self.more,
        }
        path = self.folder / "driftline.json"
        path.write_text(json.dumps(settings, indent=2), encoding="utf-8")
        return path

    @property
    def config(self) -> Config:
        """As a worker reads it."""
        return load_config(self.config_file)

    def topic(self, source: Input) -> str:
        """The name of an input's topic."""
        return str(getattr(self.topics, source))

    @cached_property
    def admin(self) -> AdminClient:
        """For whatever else a test does to its topics."""
        return AdminClient({"bootstrap.servers": self.bootstrap_servers, **QUIET})

    # -- workers -----------------------------------------------------------------------------------------------------

    def start_worker(self, **arguments: Any) -> WorkerProcess:
        """One more; the arguments are those of WorkerProcess."""
        log = self.folder / f"worker-{len(self.workers)}.log"
        worker = WorkerProcess(self.config_file, log, **arguments)
        self.workers.append(worker)
        return worker

    def running(self) -> list[WorkerProcess]:
        """Those that have not ended."""
        return [worker for worker in self.workers if worker.exit_code is None]

    def kill_workers(self) -> None:
        """All that still run."""
        for worker in self.running():
            worker.kill()

    # -- records -----------------------------------------------------------------------------------------------------

    def produce(
        self, source: Input, partition: int, values: Sequence[bytes | None], record_ms: Sequence[int] = ()
    ) -> None:
        """Records without a key; record_ms: one for each, where the topic keeps the producer's times."""
        for i, value in enumerate(values):
            at = {"timestamp": record_ms[i]} if record_ms else {}
            _produce(self._producer, self.topic(source), value, partition=partition, **at)
        self._flush()

    def tick(self, source: Input, partition: int, record_ms: int) -> None:
        """One tick of this record time."""
        where = {"partition": partition, "headers": [(CONTROL_HEADER, TICK)], "timestamp": record_ms}
        _produce(self._producer, self.topic(source), TICK_VALUE, **where)
        self._flush()

    @cached_property
    def _producer(self) -> Producer:
        """In order and without duplicates."""
        own = {
            "enable.idempotence": True,
            "linger.ms": 5,
            "message.timeout.ms": 300_000,
            "message.max.bytes": 2_097_152,
        }
        return Producer({"bootstrap.servers": self.bootstrap_servers, **own, **QUIET})

    def _flush(self) -> None:
        assert self._producer.flush(PATIENCE_S) == 0

    def read(self, topic: str) -> list[Message]:
        """Everything in a topic now, partition after partition."""
        return [message for partition in self.partitions_of(topic) for message in self.read_partition(topic, partition)]

    def read_partition(self, topic: str, partition: int) -> list[Message]:
        """Everything in one partition now, in order."""
        at = TopicPartition(topic, partition)
        with self._consumer() as consumer:
            start, end = consumer.get_watermark_offsets(at, timeout=_ANSWER_S_MAX)
            consumer.assign([TopicPartition(topic, partition, start)])
            found: list[Message] = []
            ended = start >= end
            while not ended:
                for message in consumer.consume(10_000, 0.05):
                    # the only error that comes here is the end of the partition, which counts transaction markers too
                    ended = ended or message.error() is not None or (message.offset() or 0) >= end - 1
                    if message.error() is None:
                        found.append(message)
        return [message for message in found if (message.offset() or 0) < end]

    def delete_records(self, source: Input, partition: int, before: int) -> None:
        """As retention does it: the log begins at this offset from now on."""
        for future in self.admin.delete_records([TopicPartition(self.topic(source), partition, before)]).values():
            future.result()

    def delete_topic(self, topic: str) -> None:
        """Until it is gone."""
        for future in self.admin.delete_topics([topic]).values():
            future.result()
        wait_until(lambda: topic not in self.admin.list_topics(timeout=10).topics, f"{topic} is deleted")

    def configure(self, topic: str, setting: str, value: object) -> None:
        """Change one setting of a topic."""
        change = ConfigEntry(setting, str(value), incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[change])
        for future in self.admin.incremental_alter_configs([resource]).values():
            future.result()

    def partitions_of(self, topic: str) -> list[int]:
        """Their numbers."""
        with self._consumer() as consumer:
            return sorted(consumer.list_topics(topic, timeout=_ANSWER_S_MAX).topics[topic].partitions)

    def starts(self) -> Applied:
        """The first offset of each input that the log still has."""
        return {at: bounds[0] for at, bounds in self._bounds().items()}

    def ends(self) -> Applied:
        """The first offset of each input that no record has yet."""
        return {at: bounds[1] for at, bounds in self._bounds().items()}

    def _bounds(self) -> dict[tuple[Input, int], tuple[int, int]]:
        with self._consumer() as consumer:
            return {
                (source, p): consumer.get_watermark_offsets(TopicPartition(self.topic(source), p))
                for source in Input
                for p in range(self.partitions)
            }

    @contextmanager
    def _consumer(self) -> Iterator[Consumer]:
        """In no group."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap_servers,
                "group.id": "of-its-own",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 20,
                **QUIET,
            }
        )
        try:
            yield consumer
        finally:
            consumer.close()

    # -- waiting -----------------------------------------------------------------------------------------------------

    def applied(self) -> Applied:
        """What the running workers together have applied; the furthest where two of them claim a partition."""
        furthest: Applied = {}
        for worker in self.running():
            for at, offset in worker.applied().items():
                furthest[at] = max(offset, furthest.get(at, 0))
        return furthest

    def wait_until_applied(self, goal: Applied | None = None, cap_s: float = PATIENCE_S) -> float:
        """Seconds until the running workers have applied all there is (or up to `goal`). Raises when they end instead."""
        goal = self.ends() if goal is None else goal

        def reached() -> bool:
            assert self.running(), f"no worker runs:\n{self.workers[-1].end_of_log()}"
            applied = self.applied()
            return all(applied.get(at, -1) >= offset for at, offset in goal.items())

        return self.wait_for(reached, f"applied up to {goal}", cap_s)

    def wait_for(self, reached: Callable[[], bool], what: str, cap_s: float = PATIENCE_S) -> float:
        """Seconds until `reached()`; the ends of the workers' logs are shown when that is not to be."""
        try:
            return wait_until(reached, what, cap_s)
        except AssertionError as error:
            logs = "\n".join(f"--- {worker.log.name}\n{worker.end_of_log()}" for worker in self.workers)
            raise AssertionError(f"{error}\napplied: {self.applied()}\n{logs}") from None


def _produce(producer: Producer, topic: str, value: bytes | None, **where: Any) -> None:
    while True:
        try:
            return producer.produce(topic, value, **where)
        except BufferError:
            producer.poll(0.1)
