"""CSV: cells have no types, so each column is given one by its first rows.

A column is numbers if every cell of the first block that says something is a number, booleans if every one is true or
false, else texts. Codes such as 007 are texts. A cell that does not fit its column is handed on as text and will be
counted as an invalid value, never guessed at.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final, TypeAlias, cast

from driftline.producers.column_file import BLOCK_ROWS, ColumnBlock
from driftline.producers.progress import Progress, no_progress
from driftline.schemas.errors import InputError

SEPARATORS: Final = (",", ";", "\t", "|")

# words for "no value" in a column of numbers or booleans; in a column of texts they may be names (NA is a country)
_MISSING: Final = frozenset({"", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "<NA>"})
_INFINITE: Final = frozenset({"inf", "-inf", "+inf", "Inf", "-Inf", "Infinity", "-Infinity"})
_INTEGER: Final = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,17})")
_NUMBER: Final = re.compile(r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_BOOLEANS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}

# whole columns of plain numbers at once, which is most of what files hold
_ALL_INTEGERS: Final = re.compile(r"(?:-?(?:0|[1-9][0-9]{0,17})\n)*")
_ALL_FRACTIONS: Final = re.compile(r"(?:-?(?:0|[1-9][0-9]{0,99})\.[0-9]+(?:[eE][+-]?[0-9]{1,2})?\n)*")

_Reader: TypeAlias = Callable[[Sequence[str]], list[Any]]


class CsvFile:
    """A CSV file with a header line; the separator is the commonest of , ; tab | in it. `.gz` is unpacked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._open() as (_, rows):
            header = next(rows, None)
        if not header:
            raise InputError(f"{path}: has no header line; write the column names in the first line")
        twice = sorted({name for name in header if name and header.count(name) > 1})
        if twice:
            raise InputError(f"{path}: column {twice[0]!r} is there twice; give each column a name of its own")
        self._header = header
        # a column without a name is the row number that pandas writes
        self.names = tuple(name for name in header if name)

    def blocks(
        self, names: Sequence[str], texts: frozenset[str] = frozenset(), progress: Progress = no_progress
    ) -> Iterator[ColumnBlock]:
        """See ColumnFile.blocks. Raises InputError with the line of a row that has too few or too many cells."""
        places = {name: self._header.index(name) for name in names}
        readers: dict[str, _Reader] | None = None
        total = self.path.stat().st_size
        with self._open() as (raw, rows):
            checked = self._checked(rows)
            while block := list(islice(checked, BLOCK_ROWS)):
                cells = list(zip(*block, strict=True))
                if readers is None:
                    readers = {name: _texts if name in texts else _reader(cells[p]) for name, p in places.items()}
                progress(min(raw.tell(), total), total)
                yield {name: readers[name](cells[p]) for name, p in places.items()}

    @contextmanager
    def _open(self) -> Iterator[tuple[IO[bytes], Iterator[list[str]]]]:
        """The file, whose position is the progress, and its rows with the header."""
        with self.path.open("rb") as raw:
            file = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if self.path.suffix == ".gz" else raw
            text = io.TextIOWrapper(cast(Any, file), encoding="utf-8-sig", newline="")
            yield raw, self._rows(text)

    def _rows(self, text: io.TextIOWrapper) -> Iterator[list[str]]:
        """Rows, blank lines left out."""
        try:
            first = text.readline()
            reader = csv.reader(_again(first, text), delimiter=_separator(first), skipinitialspace=True)
            yield from (row for row in reader if row)
        except UnicodeDecodeError as error:
            raise InputError(f"{self.path}: is not UTF-8 ({error.reason}); save it as UTF-8") from error
        except csv.Error as error:
            raise InputError(f"{self.path}: is no CSV ({error}); quote cells that hold quotes or newlines") from error
        except (gzip.BadGzipFile, EOFError) as error:
            raise InputError(f"{self.path}: is no whole gzip file ({error}); pack it again or remove .gz") from error

    def _checked(self, rows: Iterator[list[str]]) -> Iterator[list[str]]:
        next(rows, None)
        width = len(self._header)
        for number, row in enumerate(rows, start=1):
            if len(row) != width:
                raise InputError(
                    f"{self.path}: row {number} has {len(row)} cells, the header has {width}; "
                    "quote cells that hold the separator, and write every cell of a row"
                )
            yield row


def _again(first: str, text: io.TextIOWrapper) -> Iterator[str]:
    yield first
    yield from text


def _separator(header: str) -> str:
    return max(SEPARATORS, key=header.count)


def _reader(cells: Sequence[str]) -> _Reader:
    """How the cells of a column are read, decided by its first block."""
    telling = [cell for cell in set(cells) if cell not in _MISSING and cell not in _INFINITE]
    if all(_NUMBER.fullmatch(cell) for cell in telling):
        return _numbers
    if all(cell in _BOOLEANS for cell in telling):
        return _booleans
    return _texts


def _texts(cells: Sequence[str]) -> list[str | None]:
    return [cell or None for cell in cells]


def _booleans(cells: Sequence[str]) -> list[bool | str | None]:
    return [_BOOLEANS.get(cell, None if cell in _MISSING else cell) for cell in cells]


def _numbers(cells: Sequence[str]) -> list[float | str | None]:
    """Whole numbers stay whole; a cell that is no number stays a text."""
    lines = "\n".join([*cells, ""])
    if lines.count("\n") == len(cells):  # else a cell holds a line break
        if _ALL_INTEGERS.fullmatch(lines):
            return list(map(int, cells))
        if _ALL_FRACTIONS.fullmatch(lines):
            return list(map(float, cells))
    return [_number(cell) for cell in cells]


def _number(cell: str) -> float | str | None:
    if _INTEGER.fullmatch(cell):
        return int(cell)
    if _NUMBER.fullmatch(cell):
        value = float(cell)
        return cell if math.isinf(value) else value
    return None if cell in _MISSING else cell
