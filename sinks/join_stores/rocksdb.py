"""Records on the worker's own disk, in RocksDB.

One database holds one store: the position in its default column family, and one column family for each generation of
records. A write is one atomic batch, so what is found after a crash is what some write left, and never a part of one.
Nothing is synced to the disk: after a power failure the store may have gone back to an earlier write, which is as good.

Memory does not grow with the number of records: blocks, indexes and filters share a cache of fixed size, and what is
written lies in two small buffers before it goes to files.
"""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

import numpy as np
from rocksdict import BlockBasedOptions, Cache, DBCompressionType, Options, Rdict, WriteBatch, WriteOptions

from driftline.schemas.errors import JoinStoreError, StoreDoubtful, StoreUnavailable
from driftline.sinks.join_stores.generations import Generations
from driftline.sinks.join_stores.packed_rows import KEY_BYTES, Found, Keys, Records

GENERATIONS: Final = 2
"""Disk is cheap, look-ups are not: room for twice what is needed, and two look-ups of what is not found."""

_FORMAT: Final = b"\x01"
_POSITION: Final = b"position"
_GENERATION_BYTES: Final = 8
_DEFAULT: Final = "default"
_WRITE_BUFFER_BYTES: Final = 16 << 20
_BUFFER_FILTER_SHARE: Final = 0.1
"""Of a write buffer, for a filter of its keys: what is not in it is then found out at a fifth of the cost."""
_WAL_BYTES_MAX: Final = 128 << 20
_FILES_BEFORE_COMPACTION: Final = 8
"""Twice the default: less is rewritten, and filters keep look-ups in more files cheap."""
_OPEN_FILES_MAX: Final = 256
_BLOOM_BITS: Final = 10
"""1 % of the look-ups of what is not there read a block; RocksDB's own advice."""

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


def block_cache(megabytes: int) -> Cache:
    """Memory for blocks, indexes and filters, to be shared by the stores of a worker."""
    return Cache(megabytes << 20)


class RocksStore:
    """A `BackingStore` in a folder of its own.

    width: bytes of a record. keep_ms: how long a record is needed after it was written, in merged time. cache: shared by the
    stores of a worker.
    """

    def __init__(self, folder: Path, width: int, keep_ms: int, cache: Cache) -> None:
        self._folder, self._width, self._cache = folder, width, cache
        self._generations = Generations(keep_ms, GENERATIONS)
        self._db: Rdict | None = None
        self._families: dict[int, Rdict] = {}
        self._position: bytes | None = None
        self._newest: int | None = None
        self._damaged = False
        self._in_order = WriteOptions()
        self._in_order.memtable_insert_hint_per_batch = True

    @property
    def width(self) -> int:
        return self._width

    def open(self) -> bytes | None:
        try:
            if self._damaged:
                raise StoreDoubtful("the database is damaged")
            self._reopened()
        except StoreDoubtful as error:
            log.warning("the join store in %s is emptied: %s", self._folder, error)
            self.clear()
        return self._position

    def get(self, keys: Keys) -> tuple[Found, Records]:
        self._opened()
        order = np.argsort(keys)
        names = _names(keys[order])
        values: list[bytes] = [b""] * len(names)
        wanted: Sequence[int] = range(len(names))
        with self._named_errors():
            for generation in sorted(self._families, reverse=True):
                if not wanted:
                    break
                got = self._families[generation][[names[place] for place in wanted]] or []
                for place, value in zip(wanted, got, strict=True):
                    values[place] = value or b""
                wanted = [place for place, value in zip(wanted, got, strict=True) if value is None]
        found, records = np.empty(len(keys), np.bool_), np.empty((len(keys), self._width), np.uint8)
        found[order], records[order] = self._records(values)
        return found, records

    def write(self, keys: Keys, records: Records, position: bytes, merged_ms: int) -> None:
        db = self._opened()
        newest = self._generations.of(merged_ms)
        newest = newest if self._newest is None else max(newest, self._newest)
        order, width = np.argsort(keys), self._width
        names, values = _names(keys[order]), records[order].tobytes()
        with self._named_errors():
            if newest not in self._families:
                self._families[newest] = db.create_column_family(_name(newest), self._options())
            batch = WriteBatch(raw_mode=True)
            batch.set_default_column_family(db.get_column_family_handle(_name(newest)))
            for number, name in enumerate(names):
                batch[name] = values[number * width : (number + 1) * width]
            where = db.get_column_family_handle(_DEFAULT)
            batch.put(_POSITION, _stored(width, newest, position), where)
            db.write(batch, self._in_order)
            self._position, self._newest = position, newest
            self._drop_old(db)

    def clear(self) -> None:
        self.close()
        try:
            if self._folder.exists():
                shutil.rmtree(self._folder)
        except OSError as error:
            raise StoreUnavailable(f"{self._folder} cannot be emptied: {error.strerror}") from error
        self._damaged = False
        self._reopened()

    def close(self) -> None:
        db, self._db, self._families = self._db, None, {}
        if db is not None:
            with self._named_errors():
                db.close()

    def _opened(self) -> Rdict:
        """The database; after an error it is opened again, because RocksDB refuses all writes after one that failed."""
        if self._damaged:
            raise StoreDoubtful("the database is damaged")
        return self._db or self._reopened()

    def _reopened(self) -> Rdict:
        self.close()
        path, options = str(self._folder), self._options()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnavailable(f"{self._folder} cannot be made: {error.strerror}") from error
        with self._named_errors():
            there = (self._folder / "CURRENT").exists()
            families = Rdict.list_cf(path, options) if there else [_DEFAULT]
            db = Rdict(path, options, {name: self._options() for name in families if name != _DEFAULT})
            self._db = db
            self._position, self._newest = _read(db.get(_POSITION), self._width)
            self._families = {_number(name): db.get_column_family(name) for name in families if name != _DEFAULT}
            self._drop_old(db)
        return db

    def _drop_old(self, db: Rdict) -> None:
        kept = () if self._newest is None else self._generations.kept(self._newest)
        for generation in [number for number in self._families if number not in kept]:
            del self._families[generation]
            db.drop_column_family(_name(generation))

    def _records(self, values: Sequence[bytes]) -> tuple[Found, Records]:
        """found (bool[n]), records (uint8[n, width]) of values, which are empty where nothing was found."""
        lengths = np.fromiter(map(len, values), np.int64, len(values))
        found = lengths > 0
        if (lengths[found] != self._width).any():
            self._damaged = True
            raise StoreDoubtful(f"records of another length than {self._width} bytes")
        records = np.zeros((len(values), self._width), np.uint8)
        records[found] = np.frombuffer(b"".join(values), np.uint8).reshape(-1, self._width)
        return found, records

    def _options(self) -> Options:
        table = BlockBasedOptions()
        table.set_bloom_filter(_BLOOM_BITS, False)
        table.set_block_cache(self._cache)
        table.set_cache_index_and_filter_blocks(True)
        table.set_pin_l0_filter_and_index_blocks_in_cache(True)
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_block_based_table_factory(table)
        options.set_compression_type(DBCompressionType.lz4())
        options.set_write_buffer_size(_WRITE_BUFFER_BYTES)
        options.set_memtable_whole_key_filtering(True)
        options.set_memtable_prefix_bloom_ratio(_BUFFER_FILTER_SHARE)
        options.set_max_total_wal_size(_WAL_BYTES_MAX)
        options.set_level_zero_file_num_compaction_trigger(_FILES_BEFORE_COMPACTION)
        options.set_max_open_files(_OPEN_FILES_MAX)
        options.set_max_background_jobs(2)
        options.set_keep_log_file_num(2)
        return options

    def _named_errors(self) -> _NamedErrors:
        return _NamedErrors(self)

    def failed(self, error: BaseException) -> JoinStoreError:
        """What an error of RocksDB means; the database is opened again before it is used again."""
        text = str(error)
        if text.startswith("Corruption") or "Corruption:" in text:
            self._damaged = True
            return StoreDoubtful(f"RocksDB in {self._folder}: {text}")
        self._db, self._families = None, {}
        if "lock" in text.lower():
            return StoreUnavailable(f"{self._folder} is open in another process; give each worker a name of its own")
        return StoreUnavailable(f"RocksDB in {self._folder}: {text}")


class _NamedErrors:
    """Names what RocksDB raises. That is `Exception` itself, so only its exact type tells it from errors of ours."""

    def __init__(self, store: RocksStore) -> None:
        self._store = store

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and kind is Exception:
            raise self._store.failed(error) from error


def _names(keys: Keys) -> list[bytes]:
    """Keys (uint64[n], ascending) as RocksDB has them: ascending there too, so that neighbours are found together."""
    raw = keys.astype(">u8").tobytes()
    return [raw[at : at + KEY_BYTES] for at in range(0, len(raw), KEY_BYTES)]


def _name(generation: int) -> str:
    return f"generation {generation}"


def _number(name: str) -> int:
    return int(name.removeprefix("generation "))


def _stored(width: int, newest: int, position: bytes) -> bytes:
    shape = _FORMAT + width.to_bytes(4, "little")
    return shape + newest.to_bytes(_GENERATION_BYTES, "little", signed=True) + position


def _read(stored: bytes | None, width: int) -> tuple[bytes | None, int | None]:
    """Position and newest generation; raises StoreDoubtful when the records have another form."""
    if stored is None:
        return None, None
    shape = _FORMAT + width.to_bytes(4, "little")
    if not stored.startswith(shape):
        raise StoreDoubtful("it was written by another release, or for other records")
    rest = stored[len(shape) :]
    return rest[_GENERATION_BYTES:], int.from_bytes(rest[:_GENERATION_BYTES], "little", signed=True)
