"""The partitions of this worker: where their state comes from, and how it is saved.

Faust calls in this order around a rebalance: `save` for what is revoked (reading has stopped, still a member), then
`rebalanced`, which it awaits before reading starts again. In between nothing is applied. See docs/recovery.md.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from aiokafka.errors import KafkaError
from faust.types import TP

from driftline.processors.log_partition import LogPartition
from driftline.processors.recovery.cut import Cut, StoredCut
from driftline.processors.recovery.ownership import Held, Keeping, keeping
from driftline.processors.recovery.persist import Persisted, persist
from driftline.processors.recovery.records import SnapshotRecord
from driftline.processors.recovery.restore import ReadBack, read_back
from driftline.processors.recovery.writer import SnapshotPlan, SnapshotWriter
from driftline.processors.streaming.engine import Engine
from driftline.processors.streaming.gaps import GapWatch
from driftline.processors.streaming.ports import OutputLog, SnapshotLog
from driftline.schemas.errors import DamagedSnapshot
from driftline.schemas.inputs import Input

_BROKER_TIMEOUT_S: Final = 20.0
_COMMIT_TIMEOUT_S: Final = 8.0
_EPOCH_BYTES: Final = 16

log = logging.getLogger("driftline.ownership")


class NotCopartitioned(RuntimeError):
    """The group gave this worker one input of a partition and not the other."""


class LogEndsBeforeState(RuntimeError):
    """The state has seen records that the log no longer has: the topic was made anew, or lost its tail."""


def refuse_lost_tails(offsets: Mapping[TP, int], ends: Mapping[TP, int]) -> None:
    """`offsets`: where the state is; `ends`: asked for after that. Raises LogEndsBeforeState."""
    for tp, offset in offsets.items():
        if ends.get(tp, offset) < offset:
            raise LogEndsBeforeState(
                f"the state has seen {tp.topic}/{tp.partition} up to offset {offset}, and the topic ends at {ends[tp]}: "
                "its records were lost, or it was made anew. Delete the snapshots topic (or choose another group and "
                "snapshots topic) to begin afresh with what is there"
            )


class Broker(Protocol):
    """What is asked of the group's consumer."""

    async def committed_offsets(self, tps: Iterable[TP], timeout_s: float) -> dict[TP, int]: ...

    async def beginning_offsets(self, tps: Iterable[TP], timeout_s: float) -> dict[TP, int]: ...

    async def end_offsets(self, tps: Iterable[TP], timeout_s: float) -> dict[TP, int]: ...

    async def commit_offsets(self, offsets: Mapping[TP, int], generation: int, timeout_s: float) -> bool: ...


@dataclass
class Owned:
    """One partition. `saved`: its offsets in the last snapshot; `heard_at`: when each input last brought records, by the
    monotonic clock.
    """

    partition: LogPartition
    writer: SnapshotWriter
    generation: int
    saved: dict[Input, int] = field(default_factory=dict)
    gaps: GapWatch = field(default_factory=GapWatch)
    heard_at: dict[Input, float] = field(default_factory=lambda: dict.fromkeys(Input, time.monotonic()))


class Ownership:
    """`fresh(partition, next_offsets)` and `restored(stored)` make the state of a partition.

    `saved(partition, done, took_s, held_s)` is told of each snapshot: seconds from the cut to the commit, and those of the
    cut, in which nothing is read or applied.
    """

    def __init__(
        self,
        topics: Mapping[Input, str],
        engine: Engine,
        outputs: OutputLog,
        snapshots: SnapshotLog,
        fresh: Callable[[int, Mapping[Input, int]], LogPartition],
        restored: Callable[[StoredCut], LogPartition],
        saved: Callable[[int, Persisted, float, float], None],
        alive: Callable[[], None],
    ) -> None:
        self.topics, self.owned = topics, dict[int, Owned]()
        self.ready: int | None = None
        self.gone: set[int] = set()
        """partitions that the last rebalance took away"""
        self._engine, self._outputs, self._snapshots = engine, outputs, snapshots
        self._fresh, self._restored, self._saved, self._alive = fresh, restored, saved, alive
        self._saving = asyncio.Lock()

    def offsets(self) -> dict[TP, int]:
        """Where each input is read on from."""
        return {
            TP(self.topics[source], p): offset
            for p, owned in self.owned.items()
            for source, offset in owned.partition.next.items()
        }

    # -- coming ------------------------------------------------------------------------------------------------------

    async def rebalanced(
        self, assigned: Iterable[TP], generation: int, broker: Broker, current: Callable[[], int]
    ) -> None:
        """Take over the partitions of this generation; `current()` tells whether it is still the group's.

        Raises NotCopartitioned, LogEndsBeforeState, KafkaError or TimeoutError.
        """
        await self._engine.drained()
        tps = [tp for tp in assigned if tp.topic in self.topics.values()]
        partitions = self._whole_partitions(tps)
        committed, starts = await self._committed_and_starts(tps, broker) if tps else ({}, {})
        owned: dict[int, Owned] = {}
        for p in partitions:
            mine = {source: committed.get(TP(topic, p), 0) for source, topic in self.topics.items()}
            begins = {source: starts[TP(topic, p)] for source, topic in self.topics.items()}
            verdict = keeping(self._held(p), generation, mine)
            owned[p] = self.owned[p] if verdict is Keeping.KEPT else await self._read_back(p, generation, begins, mine)
            owned[p].partition.rewind()  # what was decoded and not applied comes again
            owned[p].generation, owned[p].gaps = generation, GapWatch()
            log.info("partition %d: %s, reading on at %s", p, verdict, dict(owned[p].partition.next))
            if current() != generation:
                return  # the next rebalance is under way, and comes here again
        self.gone = self.owned.keys() - owned.keys()
        self.owned, self.ready = owned, generation
        await self._check_ends(broker)

    async def _committed_and_starts(
        self, tps: Iterable[TP], broker: Broker
    ) -> tuple[Mapping[TP, int], Mapping[TP, int]]:
        """Asked for at once: a question about offsets may wait behind a fetch."""
        return await asyncio.gather(
            broker.committed_offsets(tps, _BROKER_TIMEOUT_S), broker.beginning_offsets(tps, _BROKER_TIMEOUT_S)
        )

    def _whole_partitions(self, tps: Sequence[TP]) -> list[int]:
        partitions = sorted({tp.partition for tp in tps})
        if len(tps) != len(partitions) * len(self.topics):
            raise NotCopartitioned(
                f"this worker was given {sorted(f'{tp.topic}/{tp.partition}' for tp in tps)}: both inputs need the same "
                "number of partitions, and all workers of a group the same topics; see `driftline topics create`"
            )
        return partitions

    def _held(self, p: int) -> Held | None:
        held = self.owned.get(p)
        return None if held is None else Held(held.generation, held.partition.seen, held.writer.burnt)

    async def _read_back(
        self, p: int, generation: int, begins: Mapping[Input, int], committed: Mapping[Input, int]
    ) -> Owned:
        began = time.monotonic()
        found = await read_back(p, _OnePartition(self._snapshots, p, self._alive), committed)
        for skipped in found.skipped:
            log.warning("partition %d: %s (%s)", p, skipped.what, skipped.reason)
        partition = self._usable(p, found)
        if partition is None:
            partition = self._fresh(p, begins)
        writer = SnapshotWriter(p, os.urandom(_EPOCH_BYTES).hex(), found.foreign_keys)
        log.info("partition %d: read back in %.0f ms", p, 1e3 * (time.monotonic() - began))
        for source, begin in begins.items():
            if partition.next[source] < begin <= partition.seen[source]:
                log.warning(
                    "partition %d: %s from offset %d on are needed to join labels, and retention took those before %d: "
                    "predictions whose label was still to come are lost; keep records for longer than labels.horizon",
                    *(p, source, partition.next[source], begin),
                )
        return Owned(partition, writer, generation, saved=partition.seen)

    def _usable(self, p: int, found: ReadBack) -> LogPartition | None:
        for stored in found.cuts:
            try:
                return self._restored(stored)
            except DamagedSnapshot as error:
                log.error("partition %d: the snapshot at %s cannot be used: %s", p, dict(stored.next_offsets), error)
        return None

    async def _check_ends(self, broker: Broker) -> None:
        """A state past the end of its log would wait for ever, or take other records for those it has seen."""
        offsets = {
            TP(self.topics[source], p): offset
            for p, owned in self.owned.items()
            for source, offset in owned.partition.seen.items()
        }
        if offsets:
            refuse_lost_tails(offsets, await broker.end_offsets(offsets, _BROKER_TIMEOUT_S))

    # -- staying -----------------------------------------------------------------------------------------------------

    async def save(self, broker: Broker, partitions: Iterable[int] | None = None) -> None:
        """Snapshot and commit what has moved since the last time. Raises KafkaError: then the process has to end."""
        async with self._saving:
            for p in sorted(self.owned if partitions is None else partitions):
                owned = self.owned.get(p)
                if owned is not None and not owned.writer.burnt and _has_moved(owned):
                    await self._save(owned, broker)

    async def _save(self, owned: Owned, broker: Broker) -> None:
        await self._engine.drained()  # and now, before anything else can run, the cut is taken
        began, state = time.monotonic(), _Timed(owned.partition)
        moved_to = owned.partition.seen
        done = await persist(
            state, owned.writer, _Ports(self._outputs, self._snapshots, broker, self.topics, owned.generation)
        )
        owned.saved = moved_to
        self._saved(state.partition, done, time.monotonic() - began, state.held_s)


def _has_moved(owned: Owned) -> bool:
    """Since the last snapshot. A partition that still catches up has no state that could be cut."""
    return not owned.partition.catching_up and owned.saved != owned.partition.seen


class _Timed:
    """A state, and how long its cut held up everything else."""

    def __init__(self, state: LogPartition) -> None:
        self._state, self.held_s = state, 0.0

    @property
    def partition(self) -> int:
        return self._state.partition

    def cut(self, full: bool) -> Cut:
        began = time.monotonic()
        cut = self._state.cut(full)
        self.held_s = time.monotonic() - began
        return cut


class _OnePartition:
    """One partition of the snapshots topic, as `read_back` wants it."""

    def __init__(self, snapshots: SnapshotLog, partition: int, alive: Callable[[], None]) -> None:
        self._snapshots, self._partition, self._alive = snapshots, partition, alive

    async def read(self) -> AsyncIterator[Sequence[SnapshotRecord]]:
        async for run in self._snapshots.read(self._partition):
            self._alive()  # a long way back is no stall
            yield [SnapshotRecord(key, value) for key, value in run]


class _Ports:
    """What `persist` asks of the shell."""

    def __init__(
        self, outputs: OutputLog, snapshots: SnapshotLog, broker: Broker, topics: Mapping[Input, str], generation: int
    ) -> None:
        self._outputs, self._snapshots, self._broker, self._topics = outputs, snapshots, broker, topics
        self._generation = generation

    async def compute(self, work: Callable[[], SnapshotPlan]) -> SnapshotPlan:
        return await asyncio.get_running_loop().run_in_executor(None, work)

    async def outputs_acknowledged(self, partition: int) -> None:
        await self._outputs.acknowledged()

    async def append(self, partition: int, records: Sequence[SnapshotRecord]) -> None:
        await self._snapshots.write(partition, records)

    async def commit(self, partition: int, next_offsets: Mapping[Input, int]) -> bool:
        offsets = {TP(self._topics[source], partition): offset for source, offset in next_offsets.items()}
        try:
            return await self._broker.commit_offsets(offsets, self._generation, _COMMIT_TIMEOUT_S)
        except (KafkaError, TimeoutError) as error:  # around a rebalance: costs a longer replay, nothing else
            log.info("partition %d: offsets were not committed: %r", partition, error)
            return False
