"""A simulated worker process: fetches, applies, writes snapshots, joins and leaves the group, by the real protocol."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from driftline.processors.recovery.ownership import Held, Keeping
from driftline.processors.recovery.records import SnapshotRecord
from driftline.processors.recovery.writer import SnapshotPlan, SnapshotWriter
from driftline.schemas.inputs import Input
from tests.recovery.broker import Producer, Sent
from tests.recovery.group import View
from tests.recovery.stepping import Step, Task

if TYPE_CHECKING:
    from tests.recovery.world import World


@dataclass
class Holding:
    """What a worker has in memory of one partition."""

    state: Any  # a LogPartition, or the toy one
    writer: SnapshotWriter
    generation: int
    position: dict[Input, int]
    cursor: dict[Input, int]
    decoded: list[Any] = field(default_factory=list)
    outputs: list[Sent] = field(default_factory=list)

    def go_on(self, generation: int) -> None:
        """In the next generation; what was decoded and not applied comes again."""
        self.generation = generation
        self.decoded.clear()
        self.state.rewind()
        self.position, self.cursor = dict(self.state.next), dict(self.state.next)

    def held(self) -> Held:
        return Held(self.generation, self.state.next, self.writer.burnt)


class Worker:
    """One process. It may be stopped and woken at any step, or die."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.rng: random.Random = world.rng
        self.generation = -1
        self.holdings: dict[int, Holding] = {}
        self.producer = Producer(world.logs, world.rng, world.appended, lambda: world.faults.slow_output)
        self.alive, self.asleep, self.stopping, self.doomed = True, False, False, False
        self.main = Task(self._main())
        self.persisting: dict[int, Task] = {}

    # -- for the scheduler ---------------------------------------------------------------------------------------------

    def tasks(self) -> list[Task]:
        if not self.alive or self.asleep:
            return []
        return [task for task in (self.main, *self.persisting.values()) if task.ready]

    def tempt_fate(self) -> None:
        """Where it matters, a worker dies or falls asleep more often than elsewhere."""
        if self.rng.random() < self.world.faults.fate:
            self.doomed = self.rng.random() < 0.5
            self.asleep = not self.doomed

    def kill(self) -> None:
        self.alive = False
        for task in (self.main, *self.persisting.values()):
            task.cancel()
        self.producer.die()

    # -- the life of a worker ------------------------------------------------------------------------------------------

    async def _main(self) -> None:
        while not self.stopping:
            assigned = await self._join()
            await self._restore(assigned)
            while not self.stopping and not self._notices_rebalance():
                await Step()
                self._work()
            await self._revoke()
        self.world.group.remove(self.name)
        self.alive = False

    async def _join(self) -> list[int]:
        """The partitions that are ours in the next generation."""
        group = self.world.group
        group.join(self.name)
        await Step(until=lambda: self.name in group.told or self.name not in group.members)
        told = group.told.get(self.name)
        self.generation = told.generation if told else -1
        return told.partitions if told else []

    def _notices_rebalance(self) -> bool:
        """A heartbeat that says so; they do not come at every step."""
        return self._view() is not View.STABLE and self.rng.random() < self.world.faults.notice

    def _view(self) -> View:
        return self.world.group.view(self.name, self.generation)

    def _work(self) -> None:
        for partition, holding in self.holdings.items():
            if self.rng.random() < 0.5:
                self._fetch(partition, holding)
            if holding.decoded and self.rng.random() < 0.6:
                self._apply(partition, holding)
            if (
                partition not in self.persisting
                and not holding.writer.burnt
                and self.rng.random() < self.world.faults.persist
            ):
                self._begin_persist(partition, holding)
        for partition in [p for p, task in self.persisting.items() if task.done]:
            del self.persisting[partition]

    # -- records in ----------------------------------------------------------------------------------------------------

    def _fetch(self, partition: int, holding: Holding) -> None:
        """A run of records from where we are; now and then from elsewhere, as stale buffers give."""
        input = self.rng.choice(list(Input))
        log, asked = self.world.logs.inputs[partition, input], holding.position[input]
        if self.rng.random() < self.world.faults.stale_fetch:
            asked = max(0, asked + self.rng.randrange(-12, 8))
        start = log.index_of(asked)
        records = log.part(start, start + self.rng.randrange(1, 9))
        if not len(records):
            return
        # What lies before the first record of a fetch from our own place is no record that was lost: there is none.
        run = holding.state.decode(input, records, allow_gap=asked <= holding.cursor[input])
        if run.gap:
            while holding.decoded:
                self._apply(partition, holding)
            holding.position[input] = holding.state.next[input]
        else:
            holding.cursor[input] = max(holding.cursor[input], records.offsets[-1] + 1)
            holding.position[input] = records.offsets[-1] + 1
            holding.decoded.append(run)

    def _apply(self, partition: int, holding: Holding) -> None:
        for said in self.world.kind.apply(holding.state, holding.decoded.pop(0)):
            holding.outputs.append(self.producer.send(said, partition))

    # -- snapshots out -------------------------------------------------------------------------------------------------

    def _begin_persist(self, partition: int, holding: Holding) -> None:
        self.persisting[partition] = Task(self._persist(holding))

    async def _persist(self, holding: Holding) -> None:
        done = await self.world.variant.persist(holding.state, holding.writer, SimulatedPorts(self, holding))
        self.world.count("snapshot, committed" if done.committed else "snapshot, commit refused or unknown")
        self.world.count("tombstone", done.tombstones)

    async def _revoke(self) -> None:
        """One more snapshot of everything, in bounded time: what takes longer is cancelled."""
        for partition, holding in self.holdings.items():
            while holding.decoded and (self.stopping or self.rng.random() < 0.7):
                self._apply(partition, holding)
            await self._finish_persist(partition)
            if not holding.writer.burnt:
                self._begin_persist(partition, holding)
                await self._finish_persist(partition)

    async def _finish_persist(self, partition: int) -> None:
        task = self.persisting.get(partition)
        while task is not None and not task.done:
            if self.rng.random() < self.world.faults.persist_timeout:
                task.cancel()
            await Step()
        self.persisting.pop(partition, None)

    # -- taking a partition over ---------------------------------------------------------------------------------------

    async def _restore(self, assigned: list[int]) -> None:
        group, generation = self.world.group, self.generation
        restored: dict[int, Holding] = {}
        for partition in assigned:
            await Step()
            self.asleep |= self.rng.random() < self.world.faults.slow_restore
            await Step()
            committed = dict(group.committed.get(partition, {}))
            own = self.holdings.get(partition)
            decision = self.world.variant.keeping(own.held() if own else None, generation, committed)
            self.world.count(decision)
            if own is not None and decision is Keeping.KEPT:
                own.go_on(generation)
                restored[partition] = own
            else:
                restored[partition] = await self._read_back(partition, committed)
        self.holdings = restored

    async def _read_back(self, partition: int, committed: Mapping[Input, int]) -> Holding:
        found = await self.world.variant.read_back(partition, SimulatedSnapshots(self.world, partition), committed)
        for reason, n in found.counts.items():
            self.world.count(reason, n)
        stored = self.world.variant.best(found, committed)
        state = self.world.kind.fresh(partition) if stored is None else self.world.restore(stored)
        self.world.restored(partition, state, committed)
        epoch = self.world.variant.epoch(partition, f"{self.rng.getrandbits(64):016x}")
        writer = self.world.variant.writer(partition, epoch, found.foreign_keys, piece_bytes=self.world.piece_bytes)
        return Holding(state, writer, self.generation, dict(state.next), dict(state.next))


@dataclass
class SimulatedPorts:
    """The ports of `persist`, for one partition of one worker."""

    worker: Worker
    holding: Holding

    async def compute(self, work: Callable[[], SnapshotPlan]) -> SnapshotPlan:
        await Step()
        plan = work()
        await Step()
        return plan

    async def outputs_acknowledged(self, partition: int) -> None:
        last = self.holding.outputs[-1:]  # they arrive in order
        await Step(until=lambda: all(sent.arrived for sent in last))
        self.holding.outputs = [sent for sent in self.holding.outputs if not sent.arrived]

    async def append(self, partition: int, records: Sequence[SnapshotRecord]) -> None:
        last: list[Sent] = []
        for record in records:
            last = [self.worker.producer.send(record, partition)]
            if self.worker.rng.random() < 0.1:
                await Step()
        await Step(until=lambda: all(sent.arrived for sent in last))
        self.worker.tempt_fate()
        await Step()

    async def commit(self, partition: int, next_offsets: Mapping[Input, int]) -> bool:
        await Step()
        world, times_out = self.worker.world, self.worker.rng.random() < self.worker.world.faults.commit_timeout
        if times_out and world.rng.random() < 0.5:
            return False
        taken = world.group.commit(self.worker.name, self.worker.generation, partition, next_offsets)
        if taken:
            world.committed(partition)
        self.worker.tempt_fate()
        await Step()
        return taken and not times_out


@dataclass
class SimulatedSnapshots:
    """The snapshots topic as a reader sees it, who may be overtaken by compaction and by writers while it reads."""

    world: World
    partition: int

    async def read(self) -> AsyncIterator[Sequence[SnapshotRecord]]:
        records = list(self.world.logs.snapshots[self.partition])
        while records:
            await Step()
            n = self.world.rng.randrange(1, len(records) + 1) if self.world.rng.random() < 0.5 else len(records)
            yield records[:n]
            del records[:n]
        await Step()
