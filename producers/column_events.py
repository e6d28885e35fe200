"""Rows of columns to the JSON of events, so that a file goes through the same decoder and checks as a topic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import count
from typing import Any

import orjson

from driftline.config.model_spec import ColumnMapping
from driftline.producers.column_file import ColumnBlock, ColumnFile
from driftline.producers.column_plan import LabelPlan, PredictionPlan
from driftline.producers.progress import Progress, no_progress
from driftline.producers.timestamps import Timestamps, column_of


def prediction_lines(
    file: ColumnFile, plan: PredictionPlan, mapping: ColumnMapping, model: str, progress: Progress = no_progress
) -> Iterator[bytes]:
    """Blocks of JSON lines, one prediction a row. Rows without an id are numbered; rows without a time are of 1970."""
    times = _timestamps(file, plan.timestamp, mapping)
    numbers = count()
    for block in file.blocks(plan.columns, plan.texts, progress):
        n = len(block[plan.prediction])
        ids = block[plan.prediction_id] if plan.prediction_id else [f"row-{next(numbers)}" for _ in range(n)]
        timestamps = times.read(block[plan.timestamp]) if times and plan.timestamp else [0] * n
        rows = [
            {"prediction_id": i, "model": model, "timestamp": t, "prediction": p}
            for i, t, p in zip(ids, timestamps, block[plan.prediction], strict=True)
        ]
        _add_present(rows, "model_version", plan.model_version, block)
        _add_present(rows, "score", plan.score, block)
        _add_present(rows, "label", plan.label, block)
        _add_mappings(rows, plan, block)
        yield _lines(rows)


def label_lines(
    file: ColumnFile,
    plan: LabelPlan,
    mapping: ColumnMapping,
    model: str,
    known_ms: Mapping[str, int],
    progress: Progress = no_progress,
) -> Iterator[bytes]:
    """Blocks of JSON lines, one label a row; times are read as those of predictions.

    known_ms: for a file without times, when each prediction was made. A label without a prediction gets the latest.
    """
    times = _timestamps(file, plan.timestamp, mapping)
    latest_ms = max(known_ms.values(), default=0)
    for block in file.blocks(plan.columns, plan.texts, progress):
        ids = block[plan.prediction_id]
        if times is not None and plan.timestamp is not None:
            when = times.read(block[plan.timestamp])
        else:
            when = [known_ms.get(i, latest_ms) for i in ids]
        columns = (ids, when, block[plan.label])
        rows = [
            {"prediction_id": i, "model": model, "timestamp": t, "label": label}
            for i, t, label in zip(*columns, strict=True)
        ]
        _add_present(rows, "source", plan.source, block)
        _add_present(rows, "weight", plan.weight, block)
        yield _lines(rows)


def _timestamps(file: ColumnFile, column: str | None, mapping: ColumnMapping) -> Timestamps | None:
    return None if column is None else Timestamps(mapping, column_of(file.blocks([column]), column))


def _add_present(rows: list[dict[str, Any]], key: str, column: str | None, block: ColumnBlock) -> None:
    """Set `key` where the column has a value: the schema has no null there."""
    if column is None:
        return
    for row, value in zip(rows, block[column], strict=True):
        if value is not None and value == value:
            row[key] = value


def _add_mappings(rows: list[dict[str, Any]], plan: PredictionPlan, block: ColumnBlock) -> None:
    if plan.features:
        for row, values in zip(rows, zip(*(block[name] for name in plan.features), strict=True), strict=True):
            row["features"] = dict(zip(plan.features, values, strict=True))
    for key, columns in (
        ("probabilities", plan.probabilities),
        ("context", plan.context),
        ("measurements", plan.measurements),
    ):
        if columns:
            for row, values in zip(rows, zip(*(block[c] for c in columns.values()), strict=True), strict=True):
                row[key] = {k: v for k, v in zip(columns, values, strict=True) if v is not None and v == v}


def _lines(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(orjson.dumps(row, default=_plain, option=orjson.OPT_APPEND_NEWLINE) for row in rows)


def _plain(value: Any) -> Any:
    """What JSON has no form for: decimals become numbers, anything else its text."""
    return float(value) if isinstance(value, Decimal) else str(value)
