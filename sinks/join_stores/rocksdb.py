"""Records on the worker's own disk, in RocksDB.

One database holds one store. A small write is one atomic batch. RocksDB keeps the interpreter's lock for as long as a batch
takes, which would hold up everything else of the worker; so a large write goes into a journal first and is then applied in
small batches, each of which notes that it is under way. Whoever opens the store finishes it. So what is found after a crash
is what some write left, and never a part of one. Nothing is synced to the disk: after a power failure the store may have
gone back to an earlier write, which is as good, or have lost the journal, which is noticed.

Memory does not grow with the number of records: blocks, indexes and filters share a cache of fixed size, and what is
written lies in two small buffers before it goes to files.
"""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from driftline.schemas.errors import StoreDoubtful, StoreUnavailable
from driftline.sinks.join_stores.generations import Generations
from driftline.sinks.join_stores.packed_rows import KEY_BYTES, Found, Keys, Records
from driftline.sinks.join_stores.rocks_database import RocksDatabase
from driftline.sinks.join_stores.write_journal import JournaledWrite, read_journal, write_journal

if TYPE_CHECKING:
    from rocksdict import Cache

GENERATIONS: Final = 2
"""Disk is cheap, look-ups are not: room for twice what is needed, and two look-ups of what is not found."""

_ROWS_A_BATCH: Final = 2_000
_POSITION: Final = b"position"
_UNDER_WAY: Final = b"under way"
_JOURNAL: Final = "write.journal"
_FORMAT: Final = b"\x01"
_WIDTH_BYTES: Final = 4
_GENERATION_BYTES: Final = 8

log = logging.getLogger("driftline.join_stores")


def store_folder(root: Path, instance: str, partition: int, model: str, fingerprint: str) -> Path:
    """The folder of one store: of one worker, partition, model, and shape of its records.

    >>> store_folder(Path("stores"), "worker-0", 3, "fraud/eu", "5f1c").as_posix()
    'stores/worker-0/3/fraud_eu-0f5dd90e/5f1c'
    """
    readable = re.sub(r"[^A-Za-z0-9._-]", "_", model)[:40]
    digest = hashlib.blake2b(model.encode(), digest_size=4).hexdigest()
    return root / instance / str(partition) / f"{readable}-{digest}" / fingerprint


def remove_other_shapes(folder: Path) -> None:
    """Remove what stores of the same model with records of another shape have left beside `folder`."""
    for other in folder.parent.glob("*"):
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)


class RocksStore:
    """A `BackingStore` in a folder of its own.

    width: bytes of a record. keep_ms: how long a record is needed after it was written, in merged time. cache: shared by the
    stores of a worker.
    """

    def __init__(self, folder: Path, width: int, keep_ms: int, cache: Cache) -> None:
        self._folder, self._width, self._cache = folder, width, cache
        self._generations = Generations(keep_ms, GENERATIONS)
        self._database: RocksDatabase | None = None
        self._position: bytes | None = None
        self._newest: int | None = None
        self._attempted: bytes | None = None  # the position of a write of which it is not known whether it was made
        self._damaged = False

    @property
    def width(self) -> int:
        return self._width

    def open(self) -> bytes | None:
        try:
            if self._damaged:
                raise StoreDoubtful("it was found damaged")
            self._reopen()
        except StoreDoubtful as error:
            log.warning("the join store in %s is emptied: %s", self._folder, error)
            self.clear()
        return self._position

    def get(self, keys: Keys) -> tuple[Found, Records]:
        database = self._opened()
        order = np.argsort(keys)
        names = _names(keys[order])
        values: list[bytes] = [b""] * len(names)
        wanted: Sequence[int] = range(len(names))
        with self._given_up_after_errors():
            for generation in database.generations:
                if not wanted:
                    break
                got = database.get(generation, [names[place] for place in wanted])
                for place, value in zip(wanted, got, strict=True):
                    values[place] = value or b""
                wanted = [place for place, value in zip(wanted, got, strict=True) if value is None]
            in_order = self._records(values)
        found, records = np.empty(len(keys), np.bool_), np.empty((len(keys), self._width), np.uint8)
        found[order], records[order] = in_order
        return found, records

    def write(self, keys: Keys, records: Records, position: bytes, merged_ms: int) -> None:
        database, width = self._opened(), self._width
        newest = self._generations.of(merged_ms)
        newest = newest if self._newest is None else max(newest, self._newest)
        order = np.argsort(keys)
        write = JournaledWrite(_stored(width, newest, position), keys[order], records[order])
        self._attempted = position
        with self._given_up_after_errors():
            if len(keys) > _ROWS_A_BATCH:
                write_journal(self._folder / _JOURNAL, write)
            self._apply(database, write)
            self._drop_old(database)

    def clear(self) -> None:
        self.close()
        try:
            if self._folder.exists():
                shutil.rmtree(self._folder)
        except OSError as error:
            raise StoreUnavailable(f"{self._folder} cannot be emptied: {error.strerror}") from error
        self._damaged = False
        self._reopen()

    def close(self) -> None:
        if self._database is not None:
            self._database.close()
        self._database = None

    @contextmanager
    def _given_up_after_errors(self) -> Iterator[None]:
        """The database is opened again before it is used again, and a damaged one is not used again at all."""
        try:
            yield
        except (StoreUnavailable, StoreDoubtful) as error:
            self._damaged = isinstance(error, StoreDoubtful)
            self.close()
            raise

    def _opened(self) -> RocksDatabase:
        """The database, where it was left. Raises StoreDoubtful when it has gone back, or was found damaged."""
        if self._damaged:
            raise StoreDoubtful("the database was found damaged")
        if self._database is not None:
            return self._database
        left_at = (self._position, self._attempted)
        with self._given_up_after_errors():
            database = self._reopen()
            if self._position not in left_at:
                raise StoreDoubtful("the database has gone back to an earlier write")
            return database

    def _reopen(self) -> RocksDatabase:
        self.close()
        with self._given_up_after_errors():
            database = RocksDatabase(self._folder, self._cache)
            self._database = database
            self._position, self._newest = _read(database.note(_POSITION), self._width)
            under_way = database.note(_UNDER_WAY)
            if under_way is not None:
                journal = read_journal(self._folder / _JOURNAL, self._width)
                if journal is None or journal.name != under_way:
                    raise StoreDoubtful("a write was cut off, and its journal is lost")
                self._apply(database, journal)
            self._drop_old(database)
            return database

    def _apply(self, database: RocksDatabase, write: JournaledWrite) -> None:
        """In one batch, if it is small; else in several, and only the last of them makes it count."""
        position, newest = _read(write.name, self._width)
        assert newest is not None, "the name of a write says its generation"
        names, values, width = _names(write.keys), write.records.tobytes(), self._width
        rows = [(name, values[at * width : (at + 1) * width]) for at, name in enumerate(names)]
        last = max(0, len(rows) - 1) // _ROWS_A_BATCH * _ROWS_A_BATCH  # where the last batch begins
        for start in range(0, last, _ROWS_A_BATCH):
            database.write(newest, rows[start : start + _ROWS_A_BATCH], {_UNDER_WAY: write.name})
        database.write(newest, rows[last:], {_POSITION: write.name, _UNDER_WAY: None})
        self._position, self._newest = position, newest

    def _drop_old(self, database: RocksDatabase) -> None:
        kept = () if self._newest is None else self._generations.kept(self._newest)
        for generation in database.generations:
            if generation not in kept:
                database.drop(generation)

    def _records(self, values: Sequence[bytes]) -> tuple[Found, Records]:
        """found (bool[n]), records (uint8[n, width]) of values, which are empty where nothing was found."""
        lengths = np.fromiter(map(len, values), np.int64, len(values))
        found = lengths > 0
        if (lengths[found] != self._width).any():
            raise StoreDoubtful(f"records of another length than {self._width} bytes")
        records = np.zeros((len(values), self._width), np.uint8)
        records[found] = np.frombuffer(b"".join(values), np.uint8).reshape(-1, self._width)
        return found, records


def _names(keys: Keys) -> list[bytes]:
    """Keys (uint64[n], ascending) as RocksDB has them: ascending there too, so that neighbours are found together."""
    raw = keys.astype(">u8").tobytes()
    return [raw[at : at + KEY_BYTES] for at in range(0, len(raw), KEY_BYTES)]


def _stored(width: int, newest: int, position: bytes) -> bytes:
    shape = _FORMAT + width.to_bytes(_WIDTH_BYTES, "little")
    return shape + newest.to_bytes(_GENERATION_BYTES, "little", signed=True) + position


def _read(stored: bytes | None, width: int) -> tuple[bytes | None, int | None]:
    """Position and newest generation; raises StoreDoubtful when the records have another form."""
    if stored is None:
        return None, None
    shape = _FORMAT + width.to_bytes(_WIDTH_BYTES, "little")
    if not stored.startswith(shape):
        raise StoreDoubtful("it was written by another release, or for other records")
    rest = stored[len(shape) :]
    return rest[_GENERATION_BYTES:], int.from_bytes(rest[:_GENERATION_BYTES], "little", signed=True)
