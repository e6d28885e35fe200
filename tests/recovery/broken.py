"""Protocols with one rule broken each. The simulation has to notice every one, or it proves nothing about the sound one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from driftline.processors.recovery.chunks import data_of
from driftline.processors.recovery.cut import Cut, PartName, StoredCut, StoredPart
from driftline.processors.recovery.manifest import ListedPart, read_listing
from driftline.processors.recovery.ownership import Held, Keeping, keeping
from driftline.processors.recovery.persist import Persisted, Ports, State
from driftline.processors.recovery.records import ChunkKey, SnapshotRecord, encode_key
from driftline.processors.recovery.restore import ReadBack, Restore, SnapshotLog, read_back
from driftline.processors.recovery.writer import SnapshotPlan, SnapshotWriter
from driftline.schemas.inputs import Input
from tests.recovery.variants import SOUND, Variant


async def _persist_in_order(order: str, state: State, writer: SnapshotWriter, ports: Ports) -> Persisted:
    """All steps in a given order: o(utputs), c(hunks), m(anifest), C(ommit), t(ombstones)."""
    cut = state.cut(full=writer.begin())
    plan = await ports.compute(lambda: writer.plan(cut))
    for step in order:
        if step == "o":
            await ports.outputs_acknowledged(cut.partition)
        elif step == "c":
            await ports.append(cut.partition, plan.chunks)
        elif step == "m":
            await ports.append(cut.partition, [plan.manifest])
        elif step == "C":
            await ports.commit(cut.partition, cut.next_offsets)
        elif step == "t":
            await ports.append(cut.partition, plan.tombstones)
    writer.acknowledged(plan)
    writer.tombstoned(plan)
    return Persisted(plan.sequence, len(plan.chunks), plan.nbytes, True, len(plan.tombstones))


def in_order(order: str) -> Variant:
    async def persist(state: State, writer: SnapshotWriter, ports: Ports) -> Persisted:
        return await _persist_in_order(order, state, writer, ports)

    return replace(SOUND, persist=persist)


class OneSlot(SnapshotWriter):
    """Every version of a part goes to the same place."""

    def _free_slot(self, name: PartName, before: ListedPart | None) -> int:
        return 0


class ListedSlot(SnapshotWriter):
    """Takes the slot that the last manifest lists."""

    def _free_slot(self, name: PartName, before: ListedPart | None) -> int:
        return 0 if before is None or before.sequence % 3 else before.slot


class EagerTombstones(SnapshotWriter):
    """Earlier epochs go before this one has a manifest (see `in_order`)."""

    def _tombstones(self, sequence: int) -> list[SnapshotRecord]:
        foreign, self._foreign = self._foreign, []
        return [SnapshotRecord(key, None) for key in foreign]


class NeverBurnt(SnapshotWriter):
    """Goes on in the same epoch after a snapshot that was not acknowledged."""

    def begin(self) -> bool:
        self._stage = type(self._stage).IDLE
        return super().begin()

    def plan(self, cut: Cut) -> SnapshotPlan:
        plan = super().plan(cut)
        self.sequence = plan.sequence
        return plan

    @property
    def burnt(self) -> bool:
        return False


def shared_epoch(partition: int, random_hex: str) -> str:
    return "0" * 16


def ignores_interruption(held: Held | None, generation: int, committed: Mapping[Input, int]) -> Keeping:
    return keeping(replace(held, generation=generation) if held else None, generation, committed)


def keeps_what_is_behind(held: Held | None, generation: int, committed: Mapping[Input, int]) -> Keeping:
    return keeping(held, generation, {})


def at_committed(found: ReadBack, committed: Mapping[Input, int]) -> StoredCut | None:
    """The state of the best cut, but read on from the committed offsets."""
    best = found.cuts[0] if found.cuts else None
    return replace(best, next_offsets={**best.next_offsets, **committed}) if best else None


def second_best(found: ReadBack, committed: Mapping[Input, int]) -> StoredCut | None:
    return found.cuts[-1] if found.cuts else None


async def unchecked(partition: int, log: SnapshotLog, committed: Mapping[Input, int]) -> ReadBack:
    """Takes whatever lies under the keys of the best manifest."""
    found = await read_back(partition, log, committed)
    restore, newest = Restore(partition, committed), {}
    async for run in log.read():
        for record in run:
            restore.scan(record)
            newest[record.key] = record.value
    for _, _, head in sorted(restore._manifests, reverse=True)[:1]:
        parts: dict[PartName, StoredPart] = {}
        for part in read_listing(head):
            keys = [
                encode_key(ChunkKey(partition, head.epoch, *part.name, piece, part.slot))
                for piece in range(len(part.crcs))
            ]
            parts[part.name] = StoredPart(part.fingerprint, data_of([newest.get(key) or b"" for key in keys]))
        found.cuts[:] = [StoredCut(partition, head.next_offsets, head.models, parts)]
    return found


BROKEN: dict[str, Variant] = {
    "the offsets are committed before the manifest": in_order("ocCm"),
    "the offsets are committed before the chunks": in_order("oCcmt"),
    "the outputs are not awaited": in_order("cmCt"),
    "the outputs are awaited after the commit": in_order("cmCot"),
    "older epochs go without an accepted commit": in_order("ocmCt"),
    "older epochs go before there is a manifest": replace(in_order("otcmC"), writer=EagerTombstones),
    "all versions of a part share one slot": replace(SOUND, writer=OneSlot),
    "a part goes to the slot that the last manifest lists": replace(SOUND, writer=ListedSlot),
    "an epoch goes on after a snapshot that was not acknowledged": replace(SOUND, writer=NeverBurnt),
    "all owners share one epoch": replace(SOUND, epoch=shared_epoch),
    "an epoch goes on after somebody else may have owned the partition": replace(SOUND, keeping=ignores_interruption),
    "a worker reads on from the committed offsets": replace(SOUND, best=at_committed),
    "not the best cut is restored": replace(SOUND, best=second_best),
    "checksums of chunks are not looked at": replace(SOUND, read_back=unchecked),
}
