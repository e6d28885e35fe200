"""Counts that all tasks share: delays in cells, and their quantiles."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.processors.performance.common import (
    COMMON_WIDTH,
    DELAY,
    DELAY_CELLS,
    DELAY_EDGES_MS,
    LABELLED,
    UNUSABLE,
    add_label,
    delay_cell,
    delay_quantile,
)

DELAYS = st.integers(-(10**6), 10**12) | st.integers(0, 5_000) | st.sampled_from([int(e) for e in DELAY_EDGES_MS])


@given(DELAYS)
def test_a_delay_lies_between_the_edges_of_its_cell(delay_ms: int) -> None:
    cell = delay_cell(delay_ms)
    assert cell == int(np.clip(np.searchsorted(DELAY_EDGES_MS, delay_ms, side="right") - 1, 0, DELAY_CELLS - 1))


@given(st.lists(st.tuples(DELAYS, st.sampled_from([0.0, 1.0, math.nan])), max_size=30))
def test_a_label_that_is_taken_away_leaves_nothing(labels: list[tuple[int, float]]) -> None:
    row = np.zeros(COMMON_WIDTH)
    for delay_ms, label in labels:
        add_label(row, delay_ms, 1.0, label, 1.0)
    assert row[LABELLED] == row[DELAY:].sum() == len(labels)
    assert row[UNUSABLE] == sum(math.isnan(label) for _, label in labels)
    for delay_ms, label in reversed(labels):
        add_label(row, delay_ms, 1.0, label, -1.0)
    assert not row.any()


@given(st.lists(st.integers(1_000, 4 * 10**9), min_size=1, max_size=50), st.sampled_from([0.5, 0.9, 0.99]))
def test_a_quantile_is_within_a_factor_of_two_of_the_exact_one(delays: list[int], q: float) -> None:
    cells = np.zeros((2, DELAY_CELLS))
    for delay_ms in delays:
        cells[0, delay_cell(delay_ms)] += 1.0
    shown = delay_quantile(cells, q)
    exact = float(np.quantile(delays, q, method="inverted_cdf"))
    assert exact / 2.0 <= shown[0] <= exact * 2.0
    assert math.isnan(shown[1])


@pytest.mark.compiled
def test_quantiles_of_a_smooth_delay_are_close(test_seed: int) -> None:
    delays = np.random.default_rng(test_seed).exponential(3_600_000.0, 20_000)
    cells = np.zeros((1, DELAY_CELLS))
    for delay_ms in delays:
        cells[0, delay_cell(int(delay_ms))] += 1.0
    for q in (0.1, 0.5, 0.9):
        assert delay_quantile(cells, q)[0] == pytest.approx(np.quantile(delays, q), rel=0.12), f"seed {test_seed}"
