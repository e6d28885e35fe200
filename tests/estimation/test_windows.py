"""Estimates in the windows of a replay: those of the rows that lie in them, whatever the task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from driftline.cli.reference import Reading, build_from_file
from driftline.config.load import load_config
from driftline.processors.estimation.dle import leaf_plain
from driftline.processors.estimation.estimator import Estimator, estimator_of, sums_of
from driftline.processors.reference.layout import layout_of
from driftline.processors.reference.profile import Reference, encode_reference
from tests.cli.replays import lines, replay
from tests.estimation.references import performance_of

HOUR_MS = 3_600_000
START_MS = 1_700_000_000_000 // (24 * HOUR_MS) * 24 * HOUR_MS
ROWS = 1_200

CONFIG = """
version: 1
models:
  m: {{task: {task}, reference: r.json, windows: [1d], idle_after: never, labels: {{horizon: 1h}}}}
"""


def _rows(task: str, seed: int) -> pd.DataFrame:
    """One an hour: score, prediction, label, a feature with holes and one of names."""
    rng = np.random.default_rng(seed)
    score, x = rng.uniform(size=(2, ROWS)).round(3)
    frame = pd.DataFrame({"prediction_id": [f"{seed}-{i}" for i in range(ROWS)]})
    frame["timestamp"] = START_MS + np.arange(ROWS) * HOUR_MS
    frame["x"], frame["kind"] = np.where(rng.uniform(size=ROWS) < 0.1, np.nan, x), rng.choice(["a", "b"], ROWS)
    right = rng.uniform(size=ROWS) < score
    if task == "regression":
        frame["prediction"] = (10 * x).round(2)
        wide = np.where(frame["kind"] == "a", 1.0, 4.0) * np.where(frame["x"].isna(), 3.0, 1.0)
        frame["label"] = (frame["prediction"] + wide * rng.normal(size=ROWS)).round(3)
        return frame
    names = np.array(["0", "1"]) if task == "binary" else np.array(["cat", "cow", "dog"])
    said = rng.integers(0, len(names), ROWS)
    frame["score"] = score
    frame["prediction"] = names[said]
    frame["label"] = np.where(right, names[said], names[(said + 1) % len(names)])
    return frame


def _binary(frame: pd.DataFrame, reference: Reference) -> tuple[Sequence[float], Sequence[float]]:
    return (frame["prediction"] == "1").astype(float).tolist(), frame["score"].tolist()


def _multiclass(frame: pd.DataFrame, reference: Reference) -> tuple[Sequence[float], Sequence[float]]:
    return frame["prediction"].map({"cat": 0.0, "cow": 1.0, "dog": 2.0}).tolist(), frame["score"].tolist()


def _regression(frame: pd.DataFrame, reference: Reference) -> tuple[Sequence[float], Sequence[float]]:
    nodes = performance_of(reference).errors
    leaves = []
    for row in frame.itertuples():
        values: dict[tuple[str, str], Any] = {
            ("prediction", "prediction"): row.prediction,
            ("feature", "kind"): row.kind,
        }
        if row.x == row.x:
            values["feature", "x"] = row.x
        leaves.append(float(leaf_plain(nodes, values)))
    return frame["prediction"].tolist(), leaves


Inputs = Callable[[pd.DataFrame, Reference], tuple[Sequence[float], Sequence[float]]]
TASKS: dict[str, tuple[Inputs, set[str]]] = {
    "binary": (_binary, {"accuracy", "precision", "recall", "f1", "roc_auc"}),
    "multiclass": (_multiclass, {"accuracy", "macro_f1"}),
    "regression": (_regression, {"mae", "rmse"}),
}


def _estimator(reference: Reference, folder: Path) -> Estimator:
    spec = load_config(folder / "c.yaml", environ={}).models["m"]
    return estimator_of(reference.performance, layout_of(reference, spec), ["cat", "cow", "dog"])


@pytest.mark.compiled
@pytest.mark.parametrize("task", TASKS)
def test_the_estimate_of_a_window_is_that_of_its_rows(task: str, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(CONFIG.format(task=task))
    config = load_config(tmp_path / "c.yaml", environ={})
    _rows(task, 1).to_csv(tmp_path / "reference.csv", index=False)
    reference = build_from_file(tmp_path / "reference.csv", config.models["m"], Reading())
    (tmp_path / "r.json").write_bytes(encode_reference(reference))
    frame = _rows(task, 2)
    frame.drop(columns="label").to_csv(tmp_path / "predictions.csv", index=False)
    frame[["prediction_id", "label"]].to_csv(tmp_path / "labels.csv", index=False)
    done = replay(
        tmp_path / "predictions.csv",
        tmp_path / "out",
        "--config",
        tmp_path / "c.yaml",
        "--labels",
        tmp_path / "labels.csv",
    )
    assert done.exit_code == 0, done.output
    windows = lines(tmp_path / "out" / "performance.jsonl")
    final = [window for window in windows if window.get("final")]
    assert len(final) == ROWS // 24 - 1
    inputs, names = TASKS[task]
    estimator = _estimator(reference, tmp_path)
    for window in final:
        inside = frame[(frame["timestamp"] >= window["start_ms"]) & (frame["timestamp"] < window["end_ms"])]
        said, by = inputs(inside, reference)
        sums = sums_of(estimator, np.zeros(len(said), np.int64), np.array(said), np.array(by))
        expected = {name: float(values[0]) for name, values in estimator.metrics(sums).items()}
        assert names <= set(expected)
        assert window["estimated"] == pytest.approx(expected, rel=1e-9)
