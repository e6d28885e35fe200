"""The four data sets that estimates are compared on: two real classifiers, and two models whose truth is known.

Each has a reference with labels and an analysis part whose labels only judge (no constant was chosen by them, nor by the
default seeds). The synthetic ones move in their inputs from
half of the analysis part on, and never in what follows from them: this is what an estimate without labels can see.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from driftline.config.model_spec import Task

DATA = Path(__file__).resolve().parents[1] / "examples" / "data"


@dataclass(frozen=True)
class DataSet:
    """Frames with `prediction`, `score` (classifiers), `label` and the features; multiclass: `probability_<class>` too."""

    name: str
    task: Task
    reference: pd.DataFrame
    analysis: pd.DataFrame
    features: tuple[str, ...]
    metrics: tuple[str, ...]
    chunk_rows: tuple[int, ...]


BINARY_METRICS = ("accuracy", "precision", "recall", "f1", "roc_auc")


def california() -> DataSet:
    """Ordered by place: the model decays."""
    reference = pd.read_csv(DATA / "california_housing_reference.csv")
    analysis = pd.read_csv(DATA / "california_housing_analysis.csv")
    analysis = analysis.merge(pd.read_csv(DATA / "california_housing_analysis_gt.csv"), on="id")
    names = {"y_pred": "prediction", "y_pred_proba": "score", "clf_target": "label"}
    return _real(
        "california", reference.rename(columns=names), analysis.rename(columns=names), ("timestamp",), (168, 823)
    )


def employment() -> DataSet:
    """In row order: inputs drift, the concept in effect does not."""
    reference = pd.read_parquet(DATA / "employment_MA_reference.parquet")
    analysis = pd.read_parquet(DATA / "employment_MA_analysis.parquet")
    analysis = analysis.merge(pd.read_parquet(DATA / "employment_MA_analysis_target.parquet"), on="id")
    names = {"predicted_probability": "score", "employed": "label"}
    return _real(
        "employment", reference.rename(columns=names), analysis.rename(columns=names), ("year",), (1_000, 5_000)
    )


def _real(
    name: str, reference: pd.DataFrame, analysis: pd.DataFrame, others: tuple[str, ...], chunk_rows: tuple[int, ...]
) -> DataSet:
    known = {"id", "prediction", "score", "label", *others}
    features = tuple(column for column in reference if column not in known)
    return DataSet(name, "binary", reference, analysis, features, BINARY_METRICS, chunk_rows)


def shuffled(data: DataSet, seed: int) -> DataSet:
    """Reference and analysis pooled and dealt out anew: no drift at all."""
    pool = pd.concat([data.reference, data.analysis], ignore_index=True)
    pool = pool.iloc[np.random.default_rng(seed).permutation(len(pool))].reset_index(drop=True)
    cut = len(data.reference)
    return DataSet(
        f"{data.name}, shuffled", data.task, pool[:cut].copy(), pool[cut:].reset_index(drop=True), data.features,
        data.metrics, data.chunk_rows,
    )  # fmt: skip


def multiclass(seed: int, n: int = 20_000) -> DataSet:
    """Four classes by five features; the model is too sure of itself, and inputs move to where classes meet."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(5, 4))
    frames = []
    for moved in (False, True):
        x = rng.normal(size=(n, 5))
        if moved:
            x[n // 2 :] *= 0.6
        true = _softmax(x @ weights)
        said = _softmax(1.8 * (x @ weights) + 0.3)
        label = (rng.uniform(size=(n, 1)) > np.cumsum(true, axis=1)).sum(axis=1).clip(max=3)
        frame = pd.DataFrame(x, columns=[f"x{i}" for i in range(5)])
        for c in range(4):
            frame[f"probability_c{c}"] = said[:, c]
        frame["score"] = said.max(axis=1)
        frame["prediction"] = [f"c{c}" for c in said.argmax(axis=1)]
        frame["label"] = [f"c{c}" for c in label]
        frames.append(frame)
    features = tuple(f"x{i}" for i in range(5))
    return DataSet("multiclass", "multiclass", *frames, features, ("accuracy", "macro_f1"), (1_000,))


def regression(seed: int, n: int = 20_000) -> DataSet:
    """Errors depend on three of six features, on two of them jointly; inputs move to where they are large."""
    rng = np.random.default_rng(seed)
    frames = []
    for moved in (False, True):
        x = rng.uniform(size=(n, 6))
        if moved:
            x[n // 2 :, :2] = np.sqrt(x[n // 2 :, :2])
        prediction = 3 * x[:, 0] + x[:, 1] - 2 * x[:, 2] + x[:, 3]
        scale = 0.2 + x[:, 0] * x[:, 1] + 0.5 * (x[:, 2] > 0.8)
        frame = pd.DataFrame(x, columns=[f"x{i}" for i in range(6)])
        frame["prediction"] = prediction
        frame["label"] = prediction + scale * rng.normal(size=n)
        frames.append(frame)
    features = tuple(f"x{i}" for i in range(6))
    return DataSet("regression", "regression", *frames, features, ("mae", "rmse"), (1_000,))


def _softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
