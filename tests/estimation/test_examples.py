"""Estimates on the two real classifiers of the examples: one whose concept holds, one whose concept does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from driftline.processors.arrays import F64
from driftline.processors.estimation.estimator import sums_of
from driftline.processors.estimation.realised import binary_metrics
from driftline.processors.estimation.reconciliation import Trust, reconciled
from driftline.processors.reference.profile import decode_reference
from tests.estimation.references import estimator, performance_of

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def _california() -> pd.DataFrame:
    analysis = pd.read_csv(EXAMPLES / "data" / "california_housing_analysis.csv")
    analysis = analysis.merge(pd.read_csv(EXAMPLES / "data" / "california_housing_analysis_gt.csv"), on="id")
    return analysis.rename(columns={"y_pred": "prediction", "y_pred_proba": "score", "clf_target": "label"})


def _employment() -> pd.DataFrame:
    columns = ["id", "prediction", "predicted_probability"]
    analysis = pd.read_parquet(EXAMPLES / "data" / "employment_MA_analysis.parquet", columns=columns)
    analysis = analysis.merge(pd.read_parquet(EXAMPLES / "data" / "employment_MA_analysis_target.parquet"), on="id")
    return analysis.rename(columns={"predicted_probability": "score", "employed": "label"})


def _reconciled(name: str, rows: pd.DataFrame, chunk_rows: int) -> tuple[Trust, dict[str, F64]]:
    """Accuracy of chunks in order: what estimates were worth, and the estimates."""
    estimate = estimator(decode_reference((EXAMPLES / name / "reference.json").read_bytes()))
    said, score, label = (rows[column].to_numpy(np.float64) for column in ("prediction", "score", "label"))
    chunk = np.arange(len(rows)) // chunk_rows
    sums = sums_of(estimate, chunk, said, score)
    estimates = estimate.metrics(sums)
    trust: dict[str, Trust] = {}
    for c in range(len(sums)):
        real = binary_metrics(said[chunk == c] == 1, score[chunk == c], label[chunk == c] == 1)
        trust = reconciled(trust, {name: float(values[c]) for name, values in estimates.items()}, real)
    return trust["accuracy"], estimates


@pytest.mark.compiled
def test_estimates_hold_where_the_concept_does() -> None:
    trust, _ = _reconciled("employment", _employment(), 5_000)
    assert trust.windows == 42
    assert abs(trust.bias) < 0.001
    assert trust.mean_absolute_error < 0.0055
    assert 0.7 < trust.error_ratio < 1.5, "little more than chance: rows of a household lie side by side"


def test_reconciliation_tells_where_the_concept_does_not_hold() -> None:
    """A score means something else in every region, and the rows are ordered by place."""
    rows = _california()
    reference = performance_of(decode_reference((EXAMPLES / "california" / "reference.json").read_bytes()))
    assert reference.metrics["accuracy"] == pytest.approx(0.670, abs=5e-4)
    assert float((rows["prediction"] == rows["label"]).mean()) == pytest.approx(0.589, abs=5e-4)
    trust, estimates = _reconciled("california", rows, 823)
    assert np.average(estimates["accuracy"], weights=[823] * 10 + [2]) == pytest.approx(0.648, abs=5e-4)
    assert trust.mean_absolute_error > 0.1
    assert trust.error_ratio > 4, "far more than chance"
