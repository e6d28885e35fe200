"""The bars on false alarms and delays, in small: a change that would miss them by far is seen before the benchmark runs."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

pytestmark = pytest.mark.compiled
FOLDER = Path(__file__).parents[2] / "benchmarks" / "statistics"
MODULES = ("changes", "monitors", "false_alarms", "detection_delays")


@pytest.fixture(scope="module")
def benchmark() -> Iterator[dict[str, ModuleType]]:
    sys.path.insert(0, str(FOLDER))
    yield {name: importlib.import_module(name) for name in MODULES}
    sys.path.remove(str(FOLDER))
    for name in MODULES:
        del sys.modules[name]


def test_ten_million_values_without_drift_raise_no_more_alarms_than_stated(benchmark: dict[str, ModuleType]) -> None:
    false_alarms = benchmark["false_alarms"]
    judged = [case for case in false_alarms.cases(1) if case.judged]
    assert len(judged) == 3
    for case in judged:
        row = false_alarms.measure(case, seed=7)
        assert row.values == 10_000_000
        assert 0.5 < row.ratio < 1.2
        assert row.met == (row.ratio <= 1.0)
        low, high = row.interval
        assert low < row.ratio < high
    assert "bets on values only" in false_alarms.table([row])[1]


def test_median_delays_are_within_their_bars(benchmark: dict[str, ModuleType]) -> None:
    detection_delays = benchmark["detection_delays"]
    judged = [case for case in detection_delays.cases() if case.bar is not None]
    assert len(judged) == 8
    rows = [detection_delays.measure(case, runs=60, seed=7) for case in judged]
    for row in rows:
        assert len(row.online) + row.early == 60
        assert np.median(row.online) < 1.2 * row.case.bar, row.case.name
    assert len(detection_delays.table(rows)) == 1 + len(rows) + 1


def test_categories_without_change_give_levels_that_are_equally_likely(benchmark: dict[str, ModuleType]) -> None:
    shares = (0.45, 0.1, 0.1, 0.05, 0.3)
    levels = benchmark["changes"].categories(shares, shares)(np.random.default_rng(3), 2_560_000)
    counts = np.bincount(levels, minlength=256)
    assert len(counts) == 256
    assert np.sum((counts - 10_000) ** 2 / 10_000) < 350  # chi-square with 255 degrees of freedom: p = 1e-4


def test_the_same_seed_gives_the_same_figures(benchmark: dict[str, ModuleType]) -> None:
    detection_delays = benchmark["detection_delays"]
    case = detection_delays.cases()[3]
    assert detection_delays.measure(case, 20, seed=3).raw() == detection_delays.measure(case, 20, seed=3).raw()
