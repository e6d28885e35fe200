"""A worker that dies anywhere: the store is never ahead of the snapshot, and rolling it forward gives what would have been.

The worker here keeps a running text for each key: every record of the log appends to it, so whatever is lost, done twice
or done out of order shows. Its snapshot holds the offset alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from driftline.processors.outcomes.backing_store import BackingStore
from driftline.processors.outcomes.write_behind import WriteBehind
from driftline.schemas.errors import StoreUnavailable
from driftline.sinks.join_stores import redis as redis_store
from driftline.sinks.join_stores import rocksdb as rocks_store
from driftline.sinks.join_stores.rocks_database import RocksDatabase
from driftline.sinks.join_stores.write_journal import write_journal
from tests.outcomes.stores import BACKING, KEEP_MS, WIDTH, MakeBacking, backing_maker, keys_of, records_of, values_in

LOG = [place * place % 7 for place in range(40)]
"""Keys, one for each record of the log."""
BATCH, SNAPSHOT_EVERY = 3, 9


class Died(BaseException):
    """The worker is gone: nothing of ours catches this."""


def fold(before: bytes, offset: int) -> bytes:
    return hashlib.blake2b(before + b"%d" % offset, digest_size=WIDTH).digest()


def expected(end: int) -> dict[int, bytes]:
    texts: dict[int, bytes] = {}
    for offset, key in enumerate(LOG[:end]):
        texts[key] = fold(texts.get(key, bytes(WIDTH)), offset)
    return texts


def contents(store: WriteBehind) -> dict[int, bytes]:
    keys = sorted(set(LOG))
    found, records = store.get(keys_of(*keys))
    return {key: records[row].tobytes() for row, key in enumerate(keys) if found[row]}


class Worker:
    """Reads the log from the store's position up to that of the snapshot, then on, taking snapshots."""

    def __init__(self, backing: BackingStore, snapshots: list[int]) -> None:
        self.store, self.snapshots = WriteBehind(backing), snapshots

    def restore(self) -> int:
        position = self.store.open()
        there = 0 if position is None else int(position)
        snapshot = self.snapshots[-1] if self.snapshots else 0
        assert there <= snapshot, "the store is ahead of the snapshot"
        self.read(there, snapshot)
        assert contents(self.store) == expected(snapshot)
        return snapshot

    def read(self, start: int, end: int) -> None:
        for first in range(start, end, BATCH):
            offsets = range(first, min(first + BATCH, end))
            keys = np.unique(keys_of(*(LOG[offset] for offset in offsets)))
            _, records = self.store.get(keys)
            for offset in offsets:
                row = int(np.searchsorted(keys, LOG[offset]))
                records[row] = np.frombuffer(fold(records[row].tobytes(), offset), np.uint8)
            self.store.put(keys, records)

    def run(self, at: int) -> None:
        while at < len(LOG):
            end = min(at + SNAPSHOT_EVERY, len(LOG))
            self.read(at, end)
            at = end
            # over the end of a generation, while all records are still needed
            self.store.commit(b"%d" % at, merged_ms=KEEP_MS // 2 + at * KEEP_MS // len(LOG))
            self.snapshots.append(at)  # its manifest is acknowledged
            self.store.flush(b"%d" % at)


class Mortal:
    """Lets the worker die before its n-th call of the database, or after it."""

    def __init__(self, last: int, *, after: bool) -> None:
        self.left, self.after = last, after

    def __call__(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            self.left -= 1
            if self.left == 0 and not self.after:
                raise Died
            answer = call(*arguments, **named)
            if self.left == 0:
                raise Died
            return answer

        return counted


def points(life: Callable[[Mortal], None]) -> Iterator[tuple[int, bool]]:
    """Run one life for every point at which it can end, until one comes to the end of the log."""
    for after in (False, True):
        for last in range(1, 1_000):
            mortal = Mortal(last, after=after)
            try:
                life(mortal)
            except Died:
                yield last, after
            else:
                break


@pytest.mark.parametrize("kind", BACKING)
def test_a_kill_between_any_two_calls_of_the_store_changes_nothing(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    died = 0
    make: MakeBacking
    snapshots: list[int]

    def life(mortal: Mortal) -> None:
        nonlocal make, snapshots
        make, snapshots = backing_maker(kind, request, tmp_path), []
        backing = make()
        try:
            for name in ("open", "get", "write"):
                setattr(backing, name, mortal(getattr(backing, name)))
            worker = Worker(backing, snapshots)
            worker.run(worker.restore())
        finally:
            backing.close()

    for _ in points(life):
        died += 1
        _succeed(make(), snapshots)
    assert died > 20


def test_a_kill_between_any_two_steps_of_a_write_to_rocksdb_changes_nothing(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches hold two rows; the successor may die while it finishes the write."""
    monkeypatch.setattr(rocks_store, "_ROWS_A_BATCH", 2)
    write, journal = RocksDatabase.write, write_journal
    died = 0
    make: MakeBacking
    snapshots: list[int]

    def life(mortal: Mortal) -> None:
        nonlocal make, snapshots
        make, snapshots = backing_maker("rocksdb", request, tmp_path), []
        backing = make()
        monkeypatch.setattr(RocksDatabase, "write", mortal(write))
        monkeypatch.setattr(rocks_store, "write_journal", mortal(journal))
        try:
            worker = Worker(backing, snapshots)
            worker.run(worker.restore())
        finally:
            backing.close()

    for last, _ in points(life):
        died += 1
        second = make()
        monkeypatch.setattr(RocksDatabase, "write", Mortal(1 + last % 3, after=bool(last % 2))(write))
        with contextlib.suppress(Died):
            Worker(second, snapshots).restore()
        second.close()
        monkeypatch.setattr(RocksDatabase, "write", write)
        monkeypatch.setattr(rocks_store, "write_journal", journal)
        _succeed(make(), snapshots)
    assert died >= 30


def test_a_kill_between_any_two_steps_of_a_write_to_redis_changes_nothing(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call of the script travels alone, chunks hold two rows; the successor may die while it finishes the write."""
    monkeypatch.setattr(redis_store, "_CALLS_A_TRIP", 1)
    monkeypatch.setattr(redis_store, "_ROWS_A_CALL", 2)
    died = 0
    make: MakeBacking
    snapshots: list[int]

    def life(mortal: Mortal) -> None:
        nonlocal make, snapshots
        make, snapshots = backing_maker("redis", request, tmp_path), []
        backing = make()
        backing._run = mortal(backing._run)  # type: ignore[attr-defined]
        worker = Worker(backing, snapshots)
        worker.run(worker.restore())

    for last, _ in points(life):
        died += 1
        second = make()
        second._run = Mortal(1 + last % 4, after=bool(last % 3))(second._run)  # type: ignore[attr-defined]
        with contextlib.suppress(Died):
            Worker(second, snapshots).restore()
        _succeed(make(), snapshots)
    assert died > 70


def _succeed(backing: BackingStore, snapshots: list[int]) -> None:
    worker = Worker(backing, snapshots)
    worker.run(worker.restore())
    assert contents(worker.store) == expected(len(LOG))
    backing.close()


class Scripted:
    """A backing store in memory whose next writes fail, or wait until they are let through."""

    width = WIDTH

    def __init__(self) -> None:
        self.records: dict[int, NDArray[np.uint8]] = {}
        self.at: bytes | None = None
        self.fail = 0
        self.writing, self.let_through = threading.Event(), threading.Event()
        self.let_through.set()

    def open(self) -> bytes | None:
        return self.at

    def get(self, keys: NDArray[np.uint64]) -> tuple[NDArray[np.bool_], NDArray[np.uint8]]:
        found = np.array([int(key) in self.records for key in keys], np.bool_)
        records = np.zeros((len(keys), WIDTH), np.uint8)
        for row in np.flatnonzero(found):
            records[row] = self.records[int(keys[row])]
        return found, records

    def write(self, keys: NDArray[np.uint64], records: NDArray[np.uint8], position: bytes, merged_ms: int) -> None:
        self.writing.set()
        assert self.let_through.wait(10)
        if self.fail:
            self.fail -= 1
            raise StoreUnavailable("not now")
        self.records |= {int(key): record.copy() for key, record in zip(keys, records, strict=True)}
        self.at = position

    def clear(self) -> None:
        self.records, self.at = {}, None

    def close(self) -> None:
        pass


def test_a_flush_that_fails_is_taken_up_by_the_next() -> None:
    backing = Scripted()
    store = WriteBehind(backing)
    store.put(keys_of(1, 2), records_of(10, 20))
    store.commit(b"one", 1)
    backing.fail = 2
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            store.flush(b"one")
    store.put(keys_of(2), records_of(21))
    store.commit(b"two", 2)
    assert (values_in(store, 1, 2), store.waiting, backing.at) == ([10, 21], 3, None)
    store.flush(b"two")
    assert (values_in(backing, 1, 2), store.waiting, backing.at) == ([10, 21], 0, b"two")


def test_commits_of_the_same_position_leave_together() -> None:
    backing = Scripted()
    store = WriteBehind(backing)
    for value in (10, 11):
        store.put(keys_of(1), records_of(value))
        store.commit(b"one", 1)
    store.flush(b"one")
    assert (values_in(backing, 1), store.waiting) == ([11], 0)


def test_reads_stop_when_too_much_waits_for_a_snapshot() -> None:
    store = WriteBehind(Scripted(), waiting_max=2)
    store.put(keys_of(1, 2), records_of(10, 20))
    assert values_in(store, 1) == [10]
    store.put(keys_of(3), records_of(30))
    with pytest.raises(StoreUnavailable, match="more than 2 changed records wait for a snapshot"):
        store.get(keys_of(1))
    store.commit(b"one", 1)
    store.flush(b"one")
    assert values_in(store, 1, 3) == [10, 30]


def test_a_flush_on_another_thread_leaves_reads_and_changes_alone() -> None:
    backing = Scripted()
    store = WriteBehind(backing)
    store.put(keys_of(1, 2), records_of(10, 20))
    store.commit(b"one", 1)
    backing.let_through.clear()
    flushing = threading.Thread(target=store.flush, args=(b"one",))
    flushing.start()
    assert backing.writing.wait(10)
    store.put(keys_of(2), records_of(21))
    store.commit(b"two", 2)
    assert values_in(store, 1, 2) == [10, 21]
    backing.let_through.set()
    flushing.join(10)
    assert (values_in(store, 1, 2), values_in(backing, 1, 2), store.waiting) == ([10, 21], [10, 20], 1)
    store.flush(b"two")
    assert values_in(backing, 1, 2) == [10, 21]
