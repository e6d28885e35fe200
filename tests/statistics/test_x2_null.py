"""The benchmark of the chi-square test without drift: its sampler is right, and in small it keeps the bar."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from driftline.processors.codes import CELLS, N_CELLS

pytestmark = pytest.mark.compiled
SCRIPT = Path(__file__).parents[2] / "benchmarks" / "statistics" / "x2_null.py"


@pytest.fixture(scope="module")
def x2_null() -> ModuleType:
    spec = importlib.util.spec_from_file_location("x2_null", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["x2_null"] = module
    spec.loader.exec_module(module)
    return module


def test_halving_draws_a_multinomial_sample_over_equal_cells(x2_null: ModuleType) -> None:
    state, n = np.array([3], np.uint64), 1000
    draws = np.zeros((4_000, N_CELLS), np.int64)
    for row in draws:
        x2_null._even_counts(n, state, row)
    values = draws[:, :CELLS]
    assert (values.sum(axis=1) == n).all()
    assert values.mean(axis=0) == pytest.approx(n / CELLS, abs=0.3)
    assert values.var(axis=0).mean() == pytest.approx(n / CELLS * (1 - 1 / CELLS), rel=0.02)
    between = np.asarray(np.corrcoef(values.T))[~np.eye(CELLS, dtype=bool)]
    assert between.mean() == pytest.approx(-1 / (CELLS - 1), abs=1e-3)


def test_without_drift_the_test_alarms_about_as_often_as_its_p_value_says(x2_null: ModuleType) -> None:
    rows = x2_null.run(draws=400_000, seconds=30.0, seed=1, sizes=(250,))
    assert [row.shape for row in rows] == ["even cells", "quantile cells", "flag at limit"]
    for row in rows:
        low, high = row.interval(0)
        assert low <= row.ratio(0) <= high
        assert low < 1.0
    assert rows[0].windows == 400_000
    assert 0.6 < rows[0].ratio(0) < 1.6
