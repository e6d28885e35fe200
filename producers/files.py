"""Predictions and labels from files, whatever the format: blocks of JSON lines for the one decoder there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from driftline.config.model_spec import ColumnMapping, LabelColumns
from driftline.producers.column_events import label_lines, prediction_lines
from driftline.producers.column_file import ColumnFile
from driftline.producers.column_plan import plan_labels, plan_predictions
from driftline.producers.csv_file import CsvFile
from driftline.producers.json_lines import read_json_lines_blocks
from driftline.producers.progress import Progress, no_progress
from driftline.schemas.errors import InputError

_JSON_LINES: Final = (".jsonl", ".ndjson", ".json")
_CSV: Final = (".csv", ".tsv", ".txt")
_PARQUET: Final = (".parquet", ".pq")


def read_events(
    path: str | Path,
    mapping: ColumnMapping,
    model: str,
    *,
    identified: bool = True,
    label: str | None = None,
    progress: Progress = no_progress,
) -> Iterator[bytes]:
    """Blocks of whole JSON lines, each a prediction; memory does not grow with the file.

    mapping, model: for CSV and Parquet, whose rows say neither; JSON lines are handed on untouched. identified=False:
    rows need no id and no time, as in a training set. label: a column that is no feature but the true label; rows as of
    a training set hand it on under `label`. Raises InputError when the file or a column is not there.
    """
    path = _existing(path)
    file = _column_file(path)
    if file is None:
        return read_json_lines_blocks(path, progress=progress)
    plan = plan_predictions(mapping, file.names, path, identified=identified, label=label)
    return prediction_lines(file, plan, mapping, model, progress)


def read_labels(
    path: str | Path,
    columns: LabelColumns,
    mapping: ColumnMapping,
    model: str,
    *,
    known_ms: Callable[[], Mapping[str, int]] | None = None,
    progress: Progress = no_progress,
) -> Iterator[bytes]:
    """The same for labels; `mapping` says how their times are to be read.

    known_ms: asked when a CSV or Parquet file has no times; it gives the time of each prediction by its id, and a label is
    then taken to have become known at once. Without it such a file is refused.
    """
    path = _existing(path)
    file = _column_file(path)
    if file is None:
        return read_json_lines_blocks(path, progress=progress)
    plan = plan_labels(columns, file.names, path, timed=known_ms is None)
    known = known_ms() if known_ms is not None and plan.timestamp is None else {}
    return label_lines(file, plan, mapping, model, known, progress)


def has_times(path: str | Path, mapping: ColumnMapping) -> bool:
    """Whether the rows of a file say when they were made; JSON lines always do."""
    file = _column_file(_existing(path))
    return file is None or mapping.timestamp is not None or "timestamp" in file.names


def names_its_models(path: str | Path) -> bool:
    """Whether the events of a file say which model they are of, as JSON lines do; the rows of other formats do not."""
    return _column_file(_existing(path)) is None


def _column_file(path: Path) -> ColumnFile | None:
    """The file as columns, None for JSON lines. Raises InputError for a name that says no format."""
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if suffix.lower() in _JSON_LINES:
        return None
    if suffix.lower() in _CSV:
        return CsvFile(path)
    if suffix.lower() in _PARQUET:
        from driftline.producers.parquet_file import ParquetFile  # pyarrow takes a while to load

        return ParquetFile(path)
    known = ", ".join((*_JSON_LINES, *_CSV, *_PARQUET))
    raise InputError(f"{path}: its name does not say its format; name it with one of {known} (.gz after the first six)")


def _existing(path: str | Path) -> Path:
    path = Path(path)
    if path.is_file():
        return path
    what = "is a folder; give one file in it" if path.is_dir() else "does not exist; check the path"
    raise InputError(f"{path}: {what}")
