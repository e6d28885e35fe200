"""Writing a snapshot through its ports, and reading one back while the topic changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import pytest

from driftline.processors.recovery.cut import Cut
from driftline.processors.recovery.persist import persist
from driftline.processors.recovery.records import SnapshotRecord
from driftline.processors.recovery.restore import READS_MAX, RestoreReason, read_back
from driftline.processors.recovery.writer import SnapshotPlan, SnapshotWriter
from driftline.schemas.inputs import Input
from tests.recovery.cuts import compacted, cut, data_of, offsets, write, writer
from tests.recovery.stepping import finish
from tests.recovery.toy_partition import ToyPartition


class Broker:
    """Ports that work, but for what a test sets."""

    def __init__(self, *, takes_commits: bool = True, hangs_at: int | None = None) -> None:
        self.takes_commits, self.hangs_at = takes_commits, hangs_at
        self.records: list[SnapshotRecord] = []

    async def compute(self, work: Callable[[], SnapshotPlan]) -> SnapshotPlan:
        return work()

    async def outputs_acknowledged(self, partition: int) -> None:
        if self.hangs_at == 0:
            await asyncio.Event().wait()

    async def append(self, partition: int, records: Sequence[SnapshotRecord]) -> None:
        for record in records:
            self.records.append(record)
            if len(self.records) == self.hangs_at:
                await asyncio.Event().wait()

    async def commit(self, partition: int, next_offsets: Mapping[Input, int]) -> bool:
        return self.takes_commits


def state() -> ToyPartition:
    return ToyPartition(3, dict.fromkeys(Input, 0))


def test_earlier_epochs_stay_as_long_as_the_broker_takes_no_commit() -> None:
    broker, w = Broker(takes_commits=False), SnapshotWriter(3, "new", [b"old"])
    for _ in range(4):
        done = finish(persist(state(), w, broker))
        assert (done.committed, done.tombstones) == (False, 0)
    broker.takes_commits = True
    assert finish(persist(state(), w, broker)).tombstones == 1
    assert broker.records[-1] == SnapshotRecord(b"old", None)
    assert finish(persist(state(), w, broker)).tombstones == 0


def test_a_cut_without_a_change_is_a_manifest_alone() -> None:
    class Unchanged(ToyPartition):
        def cut(self, full: bool) -> Cut:
            return cut(1, {"a": b"1" if full else None})

    broker, w = Broker(), writer()
    unchanged = Unchanged(3, dict.fromkeys(Input, 0))
    finish(persist(unchanged, w, broker))
    done = finish(persist(unchanged, w, broker))
    assert (done.sequence, done.chunks) == (2, 0)
    assert len(broker.records) == 3


def test_what_was_written_is_told() -> None:
    broker = Broker()
    done = finish(persist(state(), writer(piece_bytes=1_000), broker))
    assert (done.sequence, done.chunks, done.committed) == (1, 1, True)
    assert done.nbytes == sum(len(record.key) + len(record.value or b"") for record in broker.records)


@pytest.mark.parametrize("hangs_at", [0, 1, 2], ids=["outputs", "chunk", "manifest"])
def test_a_snapshot_that_is_cut_off_burns_the_epoch(hangs_at: int) -> None:
    w = writer()

    async def cut_off() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(persist(state(), w, Broker(hangs_at=hangs_at)), 0.02)

    asyncio.run(cut_off())
    assert w.burnt


class ChangingLog:
    """Another list of records at each reading; the last one stays."""

    def __init__(self, *versions: list[SnapshotRecord]) -> None:
        self.versions = versions
        self.readings = 0

    async def read(self) -> AsyncIterator[Sequence[SnapshotRecord]]:
        records = self.versions[min(self.readings, len(self.versions) - 1)]
        self.readings += 1
        yield records[:2]
        yield records[2:]


def test_a_partition_is_read_afresh_when_its_chunks_vanish_between_the_passes() -> None:
    before: list[SnapshotRecord] = []
    w = writer()
    write(before, w, cut(1, {"a": b"1"}))
    after = list(before)
    for at in (2, 3, 4):
        write(after, w, cut(at, {"a": b"%d" % at}))
    log = ChangingLog(before, compacted(after))
    found = finish(read_back(3, log))
    assert offsets(found.cuts) == [4, 3]
    assert data_of(found.cuts[0]) == {"a": b"4"}
    assert log.readings == 4
    assert found.foreign_keys == {record.key for record in compacted(after)}


def test_reading_ends_even_if_chunks_vanish_every_time() -> None:
    records: list[SnapshotRecord] = []
    write(records, writer(), cut(1, {"a": b"1"}))
    gone = records[1:]
    log = ChangingLog(*[records, gone] * READS_MAX)
    found = finish(read_back(3, log))
    assert found.cuts == []
    assert found.counts == {RestoreReason.MISSING_CHUNK: 1}
    assert log.readings == 2 * READS_MAX


def test_an_empty_partition_is_read_once() -> None:
    log = ChangingLog([])
    found = finish(read_back(3, log))
    assert (found.cuts, found.foreign_keys, found.skipped, log.readings) == ([], frozenset(), [], 1)
