"""RocksDB as a join store uses it: a few notes, and generations of records, each in a column family of its own.

Everything of rocksdict that keeps the files open is held here and nowhere else, not even by a local name: an error keeps the
frames that it passed through, and with them what they hold, and the folder would stay locked for as long.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

from rocksdict import BlockBasedOptions, Cache, DBCompressionType, Options, Rdict, WriteBatch, WriteOptions

from driftline.schemas.errors import JoinStoreError, StoreDoubtful, StoreUnavailable

_DEFAULT: Final = "default"
_GENERATION: Final = "generation "
_WRITE_BUFFER_BYTES: Final = 16 << 20
_WRITE_BUFFERS_MAX: Final = 3
"""One that is filled while two are being written to files; when all are full, writes wait."""
_BUFFER_FILTER_SHARE: Final = 0.1
"""Of a write buffer, for a filter of its keys: what is not in it is then found out at a fifth of the cost."""
_WAL_BYTES_MAX: Final = 128 << 20
_FILES_BEFORE_COMPACTION: Final = 8
"""Twice the default: less is rewritten, and filters keep look-ups in more files cheap."""
_OPEN_FILES_MAX: Final = 256
_BLOOM_BITS: Final = 10
"""1 % of the look-ups of what is not there read a block; RocksDB's own advice."""


class RocksDatabase:
    """The database in `folder`, open until `close`. Methods raise StoreUnavailable and StoreDoubtful."""

    def __init__(self, folder: Path, cache: Cache) -> None:
        self._folder, self._cache = folder, cache
        self._families: dict[str, Rdict] = {}
        self._batch: WriteBatch | None = None
        self._in_order = WriteOptions()
        self._in_order.memtable_insert_hint_per_batch = True
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnavailable(f"{folder} cannot be made: {error.strerror}") from error
        with _NamedErrors(self):
            names = Rdict.list_cf(str(folder), self._options()) if (folder / "CURRENT").exists() else [_DEFAULT]
            others = {name: self._options() for name in names if name != _DEFAULT}
            self._families[_DEFAULT] = Rdict(str(folder), self._options(), others)
            for name in others:
                self._families[name] = self._families[_DEFAULT].get_column_family(name)

    @property
    def generations(self) -> list[int]:
        """Those that there are, the newest first. Raises StoreUnavailable when the database is closed."""
        if not self._families:
            raise StoreUnavailable(f"RocksDB in {self._folder} is closed")
        return sorted(
            (int(name.removeprefix(_GENERATION)) for name in self._families if name != _DEFAULT), reverse=True
        )

    def note(self, name: bytes) -> bytes | None:
        """What the last write noted under this name."""
        with _NamedErrors(self):
            stored: bytes | None = self._families[_DEFAULT].get(name)
            return stored

    def get(self, generation: int, keys: Sequence[bytes]) -> list[bytes | None]:
        """The value under each key; None where there is none."""
        with _NamedErrors(self):
            return self._families[_name(generation)][list(keys)] or []

    def write(self, generation: int, rows: Iterable[tuple[bytes, bytes]], notes: Mapping[bytes, bytes | None]) -> None:
        """Store rows (key, value) in a generation, and notes (None: take it away), at once.

        Keys are best in ascending order. Nothing else of this process runs meanwhile, about 2 ms for each 1,000 rows.
        """
        name = _name(generation)
        with _NamedErrors(self):
            if name not in self._families:
                self._families[name] = self._families[_DEFAULT].create_column_family(name, self._options())
            self._batch = WriteBatch(raw_mode=True)
            self._batch.set_default_column_family(self._families[_DEFAULT].get_column_family_handle(name))
            for key, value in rows:
                self._batch[key] = value
            self._batch.set_default_column_family(self._families[_DEFAULT].get_column_family_handle(_DEFAULT))
            for name_of, note in notes.items():
                if note is None:
                    del self._batch[name_of]
                else:
                    self._batch[name_of] = note
            self._families[_DEFAULT].write(self._batch, self._in_order)
            self._batch = None

    def drop(self, generation: int) -> None:
        """Forget a whole generation."""
        with _NamedErrors(self):
            del self._families[_name(generation)]
            self._families[_DEFAULT].drop_column_family(_name(generation))

    def close(self) -> None:
        """Let go of the folder, also after an error. What was written is in its log, if not in its tables."""
        self._batch = None
        while self._families:
            with _NoErrors():
                self._families.popitem()[1].close()

    def named(self, error: BaseException) -> JoinStoreError:
        """What an error of RocksDB means."""
        text = str(error)
        if "Corruption" in text:
            return StoreDoubtful(f"RocksDB in {self._folder}: {text}")
        if "lock" in text.lower():
            return StoreUnavailable(f"{self._folder} is open in another process; give each worker a name of its own")
        return StoreUnavailable(f"RocksDB in {self._folder}: {text}")

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
        options.set_max_write_buffer_number(_WRITE_BUFFERS_MAX)
        options.set_memtable_whole_key_filtering(True)
        options.set_memtable_prefix_bloom_ratio(_BUFFER_FILTER_SHARE)
        options.set_max_total_wal_size(_WAL_BYTES_MAX)
        options.set_level_zero_file_num_compaction_trigger(_FILES_BEFORE_COMPACTION)
        options.set_max_open_files(_OPEN_FILES_MAX)
        options.set_max_background_jobs(2)
        options.set_keep_log_file_num(2)
        return options


def block_cache(megabytes: int) -> Cache:
    """Memory for blocks, indexes and filters, to be shared by the stores of a worker."""
    return Cache(megabytes << 20)


def _name(generation: int) -> str:
    return f"{_GENERATION}{generation}"


class _NamedErrors:
    """Names what RocksDB raises, and closes the database: after a write that failed it refuses all others until then.

    What it raises is `Exception` itself, so only the exact type tells it from errors of ours.
    """

    def __init__(self, database: RocksDatabase) -> None:
        self._database = database

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and kind is Exception:
            self._database.close()
            raise self._database.named(error) from error


class _NoErrors:
    """Passes over what RocksDB raises while it is closed: it may be closed because it is broken."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        return kind is Exception
