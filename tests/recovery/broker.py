"""The logs of the simulated world, and the way of records into them: appended one by one, some time after they were sent."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from driftline.processors.recovery.records import SnapshotRecord
from driftline.schemas.inputs import Input
from driftline.schemas.log_records import LogRecords
from tests.recovery.toy_partition import Said


@dataclass
class InputLog:
    """One input of one partition. `visible`: how many of its records have been published so far."""

    records: LogRecords
    visible: int = 0

    @property
    def end(self) -> int:
        """First offset that will never be used."""
        return self.records.offsets[-1] + 1 if len(self.records) else 0

    def index_of(self, offset: int) -> int:
        """Position of the first published record at or past this offset."""
        offsets = self.records.offsets
        return next((i for i in range(self.visible) if offsets[i] >= offset), self.visible)

    def part(self, start: int, stop: int) -> LogRecords:
        """Published records by position."""
        r, where = self.records, slice(start, min(stop, self.visible))
        ticks = [at - start for at in r.ticks if start <= at < min(stop, self.visible)]
        return LogRecords(r.values[where], r.offsets[where], r.record_ms[where], ticks, create_time=r.create_time)


@dataclass
class Sent:
    """A record on its way: what appends it, and whether it has arrived."""

    record: SnapshotRecord | Said
    partition: int
    arrived: bool = False
    torn_bytes: int = 0
    """So many are missing at its end when it arrives; a broker tears nothing, but what is written must not rely on it."""


@dataclass
class Logs:
    """What the broker holds."""

    inputs: dict[tuple[int, Input], InputLog]
    snapshots: dict[int, list[SnapshotRecord]]
    outputs: dict[int, list[Said]]

    def append(self, sent: Sent) -> None:
        if isinstance(sent.record, Said):
            self.outputs[sent.partition].append(sent.record)
            return
        key, value = sent.record
        if value is not None and sent.torn_bytes:
            value = value[: -sent.torn_bytes]
        self.snapshots[sent.partition].append(SnapshotRecord(key, value))

    def compact(self, rng: random.Random, partition: int) -> None:
        """Of a random stretch from the beginning, keep the newest record of each key; old tombstones may go."""
        log = self.snapshots[partition]
        stretch = rng.randrange(len(log) + 1)
        newest = {record.key: at for at, record in enumerate(log)}
        tombstones_too = rng.random() < 0.5
        self.snapshots[partition] = [
            record
            for at, record in enumerate(log)
            if at >= stretch or (newest[record.key] == at and not (tombstones_too and record.value is None))
        ]


@dataclass
class Producer:
    """The records that one process has sent and that have not arrived: a queue for each log, in order."""

    logs: Logs
    rng: random.Random
    on_append: Callable[[int], None]
    slow_output: Callable[[], float]
    queues: dict[tuple[type, int], deque[Sent]] = field(default_factory=dict)

    def send(self, record: SnapshotRecord | Said, partition: int) -> Sent:
        sent = Sent(record, partition)
        self.queues.setdefault((type(record), partition), deque()).append(sent)
        return sent

    @property
    def busy(self) -> bool:
        return any(self.queues.values())

    def deliver(self) -> None:
        """One record arrives, now and then twice, as a retry does."""
        queue = self.rng.choice([queue for queue in self.queues.values() if queue] or [None])
        if queue is None:
            return
        sent = queue[0]
        if isinstance(sent.record, Said) and self.rng.random() < self.slow_output():
            return
        self.logs.append(sent)
        if self.rng.random() < 0.02:
            self.logs.append(sent)
        queue.popleft()
        sent.arrived = True
        if isinstance(sent.record, SnapshotRecord):
            self.on_append(sent.partition)

    def die(self) -> None:
        """The process is gone: of what it had sent, some arrives late, some torn, the rest never."""
        for queue in self.queues.values():
            survivors = self.rng.randrange(len(queue) + 1)
            while len(queue) > survivors:
                queue.pop()
            if queue and self.rng.random() < 0.3:
                queue[-1].torn_bytes = self.rng.randrange(1, 40)
