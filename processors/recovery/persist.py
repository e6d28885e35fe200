"""Writing one snapshot. The order is the rule:

0. cut        the state at one pair of offsets, at once
1. outputs    everything that was said up to the cut is acknowledged: a state never comes back whose outputs were lost
2. chunks     the changed parts are acknowledged
3. manifest   only now does the cut exist
4. commit     only now may the group's offsets move: they never pass an acknowledged manifest
5. tombstones only now may older epochs go, and only if the broker took the commit: it takes none from a worker that has
   lost the partition, so nobody takes away the snapshots of a later owner

A death between any two steps, or within one, costs a longer replay and nothing else. A failed send raises: what has
arrived is not known, the epoch is burnt (see `writer`), and the worker ends. A refused commit is harmless: the next
owner restores from the manifest, not from the committed offsets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from driftline.processors.recovery.cut import Cut
from driftline.processors.recovery.records import SnapshotRecord
from driftline.processors.recovery.writer import SnapshotPlan, SnapshotWriter
from driftline.schemas.inputs import Input


class State(Protocol):
    """What is cut: a LogPartition."""

    @property
    def partition(self) -> int: ...

    def cut(self, full: bool) -> Cut: ...


class Ports(Protocol):
    """What the shell does for `persist`."""

    async def compute(self, work: Callable[[], SnapshotPlan]) -> SnapshotPlan:
        """The result of `work`, which takes milliseconds to a second; it may run on another thread."""
        ...

    async def outputs_acknowledged(self, partition: int) -> None:
        """Until the broker has acknowledged every output of the partition that was said before this call. Raises if one
        cannot be delivered."""
        ...

    async def append(self, partition: int, records: Sequence[SnapshotRecord]) -> None:
        """Until the broker has acknowledged all of these, in order, on the snapshots topic. Raises if one cannot be
        delivered; then any of them may still arrive."""
        ...

    async def commit(self, partition: int, next_offsets: Mapping[Input, int]) -> bool:
        """Commit the input offsets as the member of the group that owns the partition. True only if the broker took
        them; False when it refused, did not answer in time, or the partition is not ours any more."""
        ...


@dataclass(frozen=True, slots=True)
class Persisted:
    """What was done. `committed` False is harmless."""

    sequence: int
    chunks: int
    nbytes: int
    committed: bool
    tombstones: int


async def persist(state: State, writer: SnapshotWriter, ports: Ports) -> Persisted:
    """Write a snapshot of `state` as it is now, and commit its offsets. One at a time for each partition.

    Raises BurntEpoch when the one before did not get as far as its manifest. Cancelled or failed before its own manifest
    is acknowledged, it leaves a burnt writer behind.
    """
    cut = state.cut(full=writer.begin())
    plan = await ports.compute(lambda: writer.plan(cut))
    await ports.outputs_acknowledged(cut.partition)
    if plan.chunks:
        await ports.append(cut.partition, plan.chunks)
    await ports.append(cut.partition, [plan.manifest])
    writer.acknowledged(plan)
    committed = await ports.commit(cut.partition, cut.next_offsets)
    tombstones = plan.tombstones if committed else []
    if tombstones:
        await ports.append(cut.partition, tombstones)
        writer.tombstoned(plan)
    return Persisted(plan.sequence, len(plan.chunks), plan.nbytes, committed, len(tombstones))
