"""The same join as a batch: all records in pandas tables, joined at once, as somebody would do it in a warehouse.

It knows nothing of state, batches or order of arrival beyond record time. What is told of a window at due time D follows
from all records with merged time < D, so it is computed from those, from the beginning, for every window.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import orjson
import pandas as pd

from driftline.config.model_spec import ModelSpec
from driftline.schemas.signals import PerformanceWindow
from tests.outcomes.labelled_logs import Log, Logs

COLUMNS = (
    "prediction_id", "timestamp", "prediction", "model_version", "context", "label", "weight",
)  # fmt: skip
EARLIEST_MS = 946_684_800_000
AGES = (64, 32, 16, 8, 4, 2, 1)


class Tables(NamedTuple):
    """Predictions and labels that were read, by merged time `at`."""

    predictions: pd.DataFrame
    labels: pd.DataFrame


def tables(logs: Logs) -> Tables:
    return Tables(_table(logs.predictions), _table(logs.labels))


def _table(log: Log) -> pd.DataFrame:
    table = pd.DataFrame([{"weight": 1.0, **orjson.loads(record)} for record in log.records], columns=COLUMNS)
    table["at"] = np.maximum.accumulate(np.array(log.record_ms, np.int64))
    table["offset"] = np.arange(len(table))
    return table


def end_of(tables: Tables) -> int:
    """Merged time at the end of both logs."""
    return int(max(table["at"].max() for table in tables if len(table)))


class BatchJoin:
    """Joined predictions as of a due time: one row each with its label, NaN where it has none."""

    def __init__(self, tables: Tables, spec: ModelSpec, due_ms: int) -> None:
        self._spec = spec
        self._after = spec.lateness_ms + spec.labels.horizon_ms
        read = tables.predictions[tables.predictions["at"] < due_ms]
        plausible = read["timestamp"].between(EARLIEST_MS, read["at"] + spec.future_tolerance_ms)
        read = read[plausible & (read["at"] < self._final(read["timestamp"]))]
        self.predictions = (
            read.drop_duplicates("prediction_id").reset_index(drop=True).drop(columns=["label", "weight"])
        )
        labels = tables.labels[tables.labels["at"] < due_ms]
        self._labels = {ident: history.to_dict("records") for ident, history in labels.groupby("prediction_id")}
        found = [self._label_of(row) for row in self.predictions.to_dict("records")]
        self.joined = self.predictions.join(pd.DataFrame(found, columns=["label", "weight", "known", "corrected"]))

    def _final(self, time_ms: Any) -> Any:
        pane = self._spec.windows_ms[0]
        return (time_ms // pane + 1) * pane + self._after

    def _label_of(self, prediction: dict[str, Any]) -> tuple[Any, float, float, int]:
        """The last label in time, unless it was taken back; how often one replaced a different one."""
        history = self._labels.get(prediction["prediction_id"], [])
        early = [label for label in history if label["at"] < prediction["at"]][-1:]
        early = [label for label in early if prediction["at"] < self._final(label["at"])]
        in_time = [label for label in history if prediction["at"] <= label["at"] < self._final(prediction["timestamp"])]
        current, corrected = None, 0
        for label in early + in_time:
            if pd.isna(label["label"]):
                current = None
                continue
            new = (class_of(label["label"]), label["weight"])
            if current is not None and new != current[:2]:
                corrected += 1
            if current is None or new != current[:2]:
                current = (*new, label["timestamp"])
        return (None, math.nan, math.nan, corrected) if current is None else (*current, corrected)

    def window(self, window: PerformanceWindow) -> pd.DataFrame:
        """The joined predictions of the window's time and group."""
        joined = self.joined
        inside = (joined["timestamp"] >= window.start_ms) & (joined["timestamp"] < window.end_ms)
        if window.version:
            inside &= joined["model_version"] == window.version
        if window.segment:
            inside &= joined["context"].map(lambda context: f"region={context['region']}") == window.segment
        return joined[inside]


def class_of(value: object) -> str:
    """The label's class: 0, 1, or none that is known."""
    text = {True: "1", False: "0"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    return text.removesuffix(".0")


def due_of(window: PerformanceWindow, spec: ModelSpec, end_ms: int) -> int:
    """When it was told of: as its revision says, or at the end of the files."""
    ages = [0, *(spec.labels.horizon_ms // part for part in AGES)]
    due_ms = window.end_ms + spec.lateness_ms + ages[window.revision]
    return due_ms if due_ms <= end_ms else end_ms + 1
