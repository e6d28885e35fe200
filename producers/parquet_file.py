"""Parquet: columns have types; a block of rows is read at a time, and only the columns that are asked for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from driftline.producers.column_file import BLOCK_ROWS, ColumnBlock
from driftline.producers.progress import Progress, no_progress
from driftline.schemas.errors import InputError

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError as error:
    raise InputError("reading Parquet needs pyarrow; write: pip install 'driftline[monitor]'") from error


class ParquetFile:
    """A Parquet file. Categories (dictionary columns) are read as what they stand for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with pq.ParquetFile(path) as file:
                self._rows = file.metadata.num_rows
                self.names = tuple(name for name in file.schema_arrow.names if not _is_index(name))
        except pa.ArrowInvalid as error:
            raise InputError(f"{path}: is no Parquet file ({error}); write it again, or name it what it is") from error

    def blocks(
        self, names: Sequence[str], texts: frozenset[str] = frozenset(), progress: Progress = no_progress
    ) -> Iterator[ColumnBlock]:
        """See ColumnFile.blocks."""
        total = self.path.stat().st_size
        done = 0
        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(BLOCK_ROWS, columns=list(names)):
                done += batch.num_rows
                progress(total * done // max(self._rows, 1), total)
                yield {name: _values(batch.column(name), as_texts=name in texts) for name in names}


def _is_index(name: str) -> bool:
    """Written by pandas for an index without a name."""
    return name.startswith("__index_level_")


def _values(column: Any, as_texts: bool) -> list[Any]:
    if pa.types.is_timestamp(column.type) and column.type.unit in ("us", "ns"):
        # events are told apart to the millisecond; a nanosecond time would need pandas to be shown
        column = column.cast(pa.timestamp("ms", column.type.tz), safe=False)
    values = _objects(column)
    if as_texts:
        return [_text(v) for v in values]
    if pa.types.is_floating(column.type):
        return [_finite(v) for v in values] if math.inf in values or -math.inf in values else values
    if pa.types.is_decimal(column.type):
        return [float(v) if isinstance(v, Decimal) else v for v in values]
    return values


def _objects(column: Any) -> list[Any]:
    """`column.to_pylist()`, ten times as fast for numbers and categories."""
    objects: list[Any]
    if pa.types.is_dictionary(column.type):
        words = [*column.dictionary.to_pylist(), None]
        return [words[i] for i in column.indices.fill_null(-1).to_numpy(zero_copy_only=False).tolist()]
    if pa.types.is_floating(column.type) or (pa.types.is_integer(column.type) and not column.null_count):
        objects = column.to_numpy(zero_copy_only=False).tolist()  # a missing float becomes NaN, which is written null
    else:
        objects = column.to_pylist()
    return objects


def _finite(value: float | None) -> float | str | None:
    """An infinity as text: it will be counted as invalid, whereas JSON would make it a missing value."""
    return str(value) if value is not None and math.isinf(value) else value


def _text(value: Any) -> str | None:
    """An id or a name: 17 and 17.0 (how pandas stores whole numbers with gaps) are both "17"."""
    if value is None or value == "" or value != value:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
