"""What CSV and Parquet files have in common: named columns, read in blocks of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

from driftline.producers.progress import Progress, no_progress

BLOCK_ROWS: Final = 8_192

ColumnBlock: TypeAlias = dict[str, list[Any]]
"""Column name -> one value a row: text, number, boolean, date, datetime, or None for a missing value."""


class ColumnFile(Protocol):
    """A file of named columns."""

    path: Path
    names: tuple[str, ...]

    def blocks(
        self, names: Sequence[str], texts: frozenset[str] = frozenset(), progress: Progress = no_progress
    ) -> Iterator[ColumnBlock]:
        """Blocks of at most BLOCK_ROWS rows with the named columns; `texts` (ids, names) stay as they are written."""
        ...
