"""Records on the worker's disk: what a crash, a full disk and damaged files leave, and how old records go."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from driftline.schemas.errors import StoreDoubtful, StoreUnavailable
from driftline.sinks.join_stores import rocksdb
from driftline.sinks.join_stores.rocks_database import RocksDatabase, block_cache
from driftline.sinks.join_stores.rocksdb import GENERATIONS, RocksStore, remove_other_shapes, store_folder
from tests.outcomes.stores import KEEP_MS, WIDTH, keys_of, records_of, values_in
from tests.project.repository import ROOT


def store_in(folder: Path, width: int = WIDTH) -> RocksStore:
    return RocksStore(folder, width, KEEP_MS, block_cache(8))


@contextmanager
def no_file_may_grow() -> Iterator[None]:
    """As on a full disk: every write that would make a file longer fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("rows_a_batch", [1, 2_000])
def test_R31_a_full_disk_is_unavailable_and_the_store_goes_on_when_there_is_room(
    tmp_path: Path, rows_a_batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rocksdb, "_ROWS_A_BATCH", rows_a_batch)
    store = store_in(tmp_path)
    assert store.open() is None
    store.write(keys_of(1), records_of(10), b"one", 0)
    kept = []  # whoever keeps an error keeps what its frames hold: the folder must not stay locked by that
    with no_file_may_grow():
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match=r"RocksDB in|write\.journal cannot be written") as refused:
                store.write(keys_of(1, 2), records_of(11, 20), b"two", 0)
            kept.append(refused)
    store.write(keys_of(1, 2), records_of(11, 20), b"two", 0)
    assert values_in(store, 1, 2) == [11, 20]
    store.close()
    assert store.open() == b"two"
    store.close()


def test_files_that_vanish_under_a_failing_store_are_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    store = store_in(tmp_path / "db")
    assert store.open() is None
    store.write(keys_of(1), records_of(10), b"one", 0)
    with no_file_may_grow(), pytest.raises(StoreUnavailable):
        store.write(keys_of(1), records_of(11), b"two", 0)
    shutil.rmtree(tmp_path / "db")
    for _ in range(2):
        with pytest.raises(StoreDoubtful):
            store.get(keys_of(1))
    assert store.open() is None
    assert values_in(store, 1) == [None]
    store.close()


def test_a_store_that_could_not_be_opened_is_not_taken_for_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, note = store_in(tmp_path), RocksDatabase.note
    store.open()
    store.write(keys_of(1), records_of(10), b"one", 0)
    store.close()

    def fails(database: RocksDatabase, name: bytes) -> None:
        database.close()
        raise StoreUnavailable("the disk does not answer")

    monkeypatch.setattr(RocksDatabase, "note", fails)
    for act in (store.open, lambda: store.get(keys_of(1))):
        with pytest.raises(StoreUnavailable):
            act()
    monkeypatch.setattr(RocksDatabase, "note", note)
    assert store.open() == b"one"
    assert values_in(store, 1) == [10]
    store.close()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StoreUnavailable, match="cannot be made"):
        store_in(tmp_path / "file" / "store").open()


def test_a_folder_that_another_has_open_is_told(tmp_path: Path) -> None:
    first, second = store_in(tmp_path), store_in(tmp_path)
    first.open()
    with pytest.raises(StoreUnavailable, match="is open in another process"):
        second.open()
    first.close()
    assert second.open() is None
    second.close()


KILLED = """
import os, sys
from pathlib import Path
from tests.outcomes.test_rocksdb_store import store_in, keys_of, records_of
store = store_in(Path(sys.argv[1]))
store.open()
for number in range(200):
    store.write(keys_of(number, 10_000), records_of(number, number), b"%d" % number, 0)
os.kill(os.getpid(), 9)
"""


def test_a_killed_worker_leaves_its_last_write(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT)
    store = store_in(tmp_path)
    assert store.open() == b"199"
    assert values_in(store, *range(200), 10_000) == [*range(200), 199]
    store.close()


@pytest.mark.parametrize("cut", [1, 5, 40, 300])
def test_R32_a_log_that_is_cut_short_gives_an_earlier_write(tmp_path: Path, cut: int) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT)
    (log,) = tmp_path.glob("*.log")
    with log.open("r+b") as file:
        file.truncate(log.stat().st_size - cut)
    store = store_in(tmp_path)
    last = int(store.open() or b"-1")
    assert 150 < last < 199
    assert values_in(store, *range(200), 10_000) == [*range(last + 1), *[None] * (199 - last), last]
    store.close()


@pytest.mark.parametrize("damage", ["lost", "torn", "of another write"])
def test_a_write_that_was_cut_off_and_whose_journal_is_lost_leaves_nothing(
    tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rocksdb, "_ROWS_A_BATCH", 1)
    store, journal = store_in(tmp_path), tmp_path / "write.journal"
    store.open()
    store.write(keys_of(1, 2), records_of(10, 20), b"one", 0)
    before, write, left = journal.read_bytes(), RocksDatabase.write, iter(range(1))

    def fails_at_the_second(*arguments: Any) -> None:
        if next(left, None) is None:
            raise StoreUnavailable("the worker is gone")
        write(*arguments)

    monkeypatch.setattr(RocksDatabase, "write", fails_at_the_second)
    with pytest.raises(StoreUnavailable):
        store.write(keys_of(1, 2, 3), records_of(11, 21, 31), b"two", 0)
    monkeypatch.setattr(RocksDatabase, "write", write)
    if damage == "lost":
        journal.unlink()
    else:
        journal.write_bytes(before if damage == "of another write" else journal.read_bytes()[:-1])
    successor = store_in(tmp_path)
    assert successor.open() is None
    assert values_in(successor, 1, 2, 3) == [None, None, None]
    successor.close()


@pytest.mark.parametrize("pattern", ["*.sst", "MANIFEST-*", "CURRENT", "OPTIONS-*"])
def test_damaged_files_give_an_empty_store_or_an_error_and_never_a_wrong_record(tmp_path: Path, pattern: str) -> None:
    store = store_in(tmp_path)
    store.open()
    rng = np.random.default_rng(1)
    keys = np.arange(20_000, dtype=np.uint64)
    for position in (b"one", b"two"):
        store.write(keys, rng.integers(0, 255, (len(keys), WIDTH), np.uint8), position, 0)
    _, right = store.get(keys)
    store.close()
    files = list(tmp_path.glob(pattern))
    assert files
    for file in files:
        content = bytearray(file.read_bytes())
        for at in range(len(content) // 3, len(content), max(1, len(content) // 50)):
            content[at] ^= 0x55
        file.write_bytes(content)

    there = store.open()
    try:
        found, records = store.get(keys)
        assert (records[found] == right[found]).all()
        assert found.all() if there is not None else not found.any()
    except StoreDoubtful:
        with pytest.raises(StoreDoubtful):
            store.get(keys)
        assert store.open() is None
    store.write(keys_of(1), records_of(10), b"new", 0)
    assert values_in(store, 1) == [10]
    store.close()


def test_records_of_another_width_are_not_read(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.open()
    store.write(keys_of(1), records_of(10), b"one", 0)
    store.close()
    wider = store_in(tmp_path, WIDTH + 8)
    assert wider.open() is None
    assert not wider.get(keys_of(1))[0].any()
    wider.close()


def test_old_generations_leave_by_the_time_of_the_logs(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.open()
    stretch = -(-KEEP_MS // (GENERATIONS - 1))
    for number in range(8):
        store.write(keys_of(number), records_of(number), b"%d" % number, number * stretch)
        kept = range(max(0, number - GENERATIONS + 1), number + 1)
        assert values_in(store, *range(number + 1)) == [None] * kept.start + list(kept)
        if number % 3 == 0:
            store.close()
            assert store.open() == b"%d" % number
    store.write(keys_of(99), records_of(99), b"later", 10**9 * stretch)
    assert values_in(store, *range(8), 99) == [None] * 8 + [99]
    store.close()


def test_each_store_has_a_folder_of_its_own(tmp_path: Path) -> None:
    folders = [
        store_folder(tmp_path, instance, partition, model, shape)
        for instance in ("worker-0", "worker-1")
        for partition in (0, 1)
        for model in ("a/b", "a_b", "..", "ä" * 100)
        for shape in ("11", "22")
    ]
    assert len(set(folders)) == 32
    assert all(folder.resolve().is_relative_to(tmp_path / folder.parts[-4]) for folder in folders)


def test_stores_of_other_shapes_are_removed_and_those_of_other_models_are_not(tmp_path: Path) -> None:
    old, new, other = (
        store_folder(tmp_path, "w", 0, model, shape) for model, shape in (("a", "1"), ("a", "2"), ("b", "1"))
    )
    for folder in (old, new, other):
        folder.mkdir(parents=True)
        (folder / "CURRENT").write_text("", encoding="utf-8")
    remove_other_shapes(new)
    assert [folder.exists() for folder in (old, new, other)] == [False, True, True]
