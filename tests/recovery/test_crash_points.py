"""R2 and R32: a worker dies after every single effect of writing a snapshot, and the last record may be torn anywhere."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

import pytest

from driftline.processors.recovery.persist import persist
from driftline.processors.recovery.records import SnapshotRecord
from driftline.processors.recovery.restore import choose
from driftline.processors.recovery.writer import SnapshotPlan, SnapshotWriter
from driftline.schemas.inputs import Input
from driftline.schemas.log_records import LogRecords
from tests.recovery.cuts import compacted
from tests.recovery.kinds import ZERO, Toy
from tests.recovery.stepping import finish
from tests.recovery.toy_partition import Said, ToyPartition

RECORDS = 12
SNAPSHOTS = 4
PIECE_BYTES = 48


class Died(BaseException):
    """The process is gone."""


class Broker:
    """Ports whose every effect is a point: `effects` names those that took place, and after `last` of them all is over."""

    def __init__(self, last: int | None = None) -> None:
        self.last = last
        self.effects: list[str] = []
        self.snapshots: list[SnapshotRecord] = []
        self.outputs: list[Said] = []
        self.pending: list[Said] = []
        self.committed: Mapping[Input, int] = dict(ZERO)

    def _effect(self, name: str) -> None:
        if len(self.effects) == self.last:
            raise Died
        self.effects.append(name)

    async def compute(self, work: Callable[[], SnapshotPlan]) -> SnapshotPlan:
        self._effect("cut")
        plan = work()
        self._effect("plan")
        return plan

    async def outputs_acknowledged(self, partition: int) -> None:
        while self.pending:
            self._effect("output")
            self.outputs.append(self.pending.pop(0))

    async def append(self, partition: int, records: Sequence[SnapshotRecord]) -> None:
        for record in records:
            self._effect("tombstone" if record.value is None else "manifest" if record.value[:3] == b"DLM" else "chunk")
            self.snapshots.append(record)

    async def commit(self, partition: int, next_offsets: Mapping[Input, int]) -> bool:
        self._effect("commit")
        self.committed = next_offsets
        return True


_RNG = random.Random(5)
INPUTS = {input: Toy().records(_RNG, input, RECORDS * (SNAPSHOTS + 1)) for input in Input}


def apply(state: ToyPartition, upto: int | None) -> list[Said]:
    """Both logs as far as their record at position `upto`."""
    said: list[Said] = []
    for input, log in INPUTS.items():
        records = LogRecords(log.values[:upto], log.offsets[:upto], log.record_ms[:upto])
        said += state.apply(state.decode(input, records, allow_gap=True))
    return said


def live(broker: Broker) -> None:
    """One owner, another after it, with a snapshot after every few records. Raises Died."""
    state = ToyPartition(0, dict(ZERO))
    writer = SnapshotWriter(0, "first", piece_bytes=PIECE_BYTES)
    for snapshot in range(SNAPSHOTS):
        if snapshot == 1:
            foreign = {record.key for record in broker.snapshots}
            writer = SnapshotWriter(0, "second", foreign, piece_bytes=PIECE_BYTES)
        broker.pending += apply(state, RECORDS * (snapshot + 1))
        finish(persist(state, writer, broker))


def complete() -> Broker:
    broker = Broker()
    live(broker)
    return broker


EFFECTS = complete().effects


def died_after(effects: int) -> Broker:
    broker = Broker(last=effects)
    with pytest.raises(Died):
        live(broker)
    return broker


def go_on(broker: Broker, records: list[SnapshotRecord]) -> tuple[ToyPartition, set[Said]]:
    """What the next owner makes of it: restored, and read to the end of both logs."""
    found = choose(0, records, broker.committed)
    state = ToyPartition.restore(found[0]) if found else ToyPartition(0, dict(ZERO))
    assert all(state.next[each] >= broker.committed[each] for each in Input)
    return state, {*broker.outputs, *apply(state, None)}


def expected() -> tuple[bytes, set[Said]]:
    state = ToyPartition(0, dict(ZERO))
    said = apply(state, None)
    return state.state(), set(said)


def test_all_effects_are_there() -> None:
    assert set(EFFECTS) == {"cut", "plan", "output", "chunk", "manifest", "commit", "tombstone"}
    assert EFFECTS.count("manifest") == SNAPSHOTS
    assert EFFECTS.count("tombstone") > 20


@pytest.mark.parametrize("view", [list, compacted], ids=["uncompacted", "compacted"])
def test_R2_a_death_after_any_effect_loses_nothing(
    view: Callable[[list[SnapshotRecord]], list[SnapshotRecord]],
) -> None:
    for effects in range(len(EFFECTS)):
        broker = died_after(effects)
        state, outputs = go_on(broker, view(broker.snapshots))
        assert (state.state(), outputs) == expected(), f"died after effect {effects}, {EFFECTS[:effects][-3:]}"


def test_R32_a_last_record_torn_at_any_byte_loses_nothing() -> None:
    torn = 0
    for effects in range(len(EFFECTS)):
        if EFFECTS[effects - 1] not in {"chunk", "manifest"} or not effects:
            continue
        broker = died_after(effects)
        key, value = broker.snapshots[-1]
        assert value is not None
        for missing in range(1, len(value) + 1):
            records = [*broker.snapshots[:-1], SnapshotRecord(key, value[:-missing])]
            for view in (records, compacted(records)):
                found = choose(0, view, broker.committed)
                reached = found[0].next_offsets if found else ZERO
                assert all(reached[each] >= broker.committed[each] for each in Input)
                torn += 1
    assert torn > 5_000


def test_a_death_costs_no_more_than_one_snapshot() -> None:
    """From the moment a manifest is there, its cut is what the next owner goes on from."""
    for effects in range(len(EFFECTS)):
        broker = died_after(effects)
        manifests = EFFECTS[:effects].count("manifest")
        found = choose(0, compacted(broker.snapshots))
        last = INPUTS[Input.PREDICTIONS].offsets[RECORDS * manifests - 1] + 1 if manifests else None
        assert (found[0].next_offsets[Input.PREDICTIONS] if found else None) == last
