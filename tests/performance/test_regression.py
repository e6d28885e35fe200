"""Regression metrics equal scikit-learn's and river's, through corrections, in any order, far from 0 too."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from river import metrics as river_metrics
from sklearn import metrics as sklearn_metrics

from driftline.processors.arrays import F64
from driftline.processors.performance.double_double import merged, without
from driftline.processors.performance.quantum import kept_weights
from driftline.processors.performance.regression import PAIRS, QUANTILES, RESIDUALS, WIDTH, add, metrics, sums_plain
from driftline.processors.performance.residual_bins import residual_bin
from driftline.processors.rounding import written
from tests.performance.outcomes import Outcome, columns, outcomes, summed, summed_with_corrections

NUMBERS = st.floats(-1e6, 1e6) | st.integers(-5, 5).map(float)
STREAMS = outcomes(NUMBERS, NUMBERS)
ROUGH_STREAMS = outcomes(NUMBERS | st.just(math.nan), NUMBERS | st.just(math.nan))


def one(sums: F64) -> dict[str, float]:
    return {name: float(value[0]) for name, value in metrics(sums[None]).items()}


def exact(sums: F64) -> F64:
    """The sums with each pair as one number, and its low part as 0."""
    sums = sums.copy()
    for high in PAIRS:
        sums[high], sums[high + 1] = sums[high] + sums[high + 1], 0.0
    return sums


def test_the_names_of_what_is_shown() -> None:
    assert {"mae", "rmse", "bias", "mape", "r2", *QUANTILES} <= set(one(np.zeros(WIDTH)))
    assert all(math.isnan(value) for value in one(np.zeros(WIDTH)).values())


@given(ROUGH_STREAMS)
def test_the_kernel_equals_its_plain_twin(stream: list[Outcome]) -> None:
    assert exact(summed(add, WIDTH, stream)) == pytest.approx(
        exact(sums_plain(*columns(stream))), rel=1e-14, abs=2.0**-20 * (len(stream) + 1)
    )


@given(STREAMS.filter(bool))
def test_metrics_are_those_of_scikit_learn(stream: list[Outcome]) -> None:
    predicted, _, label, weight = columns(stream)
    w, shown = kept_weights(weight), one(summed(add, WIDTH, stream))
    assert shown["mae"] == pytest.approx(sklearn_metrics.mean_absolute_error(label, predicted, sample_weight=w))
    rmse = sklearn_metrics.root_mean_squared_error(label, predicted, sample_weight=w)
    assert shown["rmse"] == pytest.approx(rmse)
    assert shown["bias"] == pytest.approx(np.average(predicted - label, weights=w), abs=1e-9)
    if (np.abs(label) > 1e-3).all() and np.abs(predicted / label).max() < 1e5:  # no ratio is cut, here or there
        mape = sklearn_metrics.mean_absolute_percentage_error(label, predicted, sample_weight=w)
        assert shown["mape"] == pytest.approx(mape, abs=2.0**-20 * len(w) / w.sum())
    if np.ptp(label) > 1e-3:
        r2 = sklearn_metrics.r2_score(label, predicted, sample_weight=w)
        assert shown["r2"] == pytest.approx(r2, rel=1e-6, abs=1e-6)
    if np.ptp(label) == 0.0:
        assert math.isnan(shown["r2"])


@given(STREAMS, STREAMS, st.integers(0, 99))
def test_corrections_leave_nothing_that_is_written(kept: list[Outcome], replaced: list[Outcome], seed: int) -> None:
    shown = one(summed_with_corrections(add, WIDTH, kept, replaced, seed))
    expected = one(summed(add, WIDTH, kept))
    # a sum keeps 106 bits of the largest it has been, and a root halves them
    largest = max((abs(each.prediction - each.label) * math.sqrt(each.weight) for each in replaced), default=0.0)
    for name, value in expected.items():
        if name != "r2":  # of labels that are all alike it is a quotient of what the rounding left
            assert shown[name] == pytest.approx(value, rel=1e-12, abs=1e-12 + largest * 2.0**-50, nan_ok=True)
    if kept and np.ptp([each.label for each in kept]) > 1e-3:
        assert shown["r2"] == pytest.approx(expected["r2"], rel=1e-6, abs=1e-6)


@given(STREAMS, STREAMS, st.integers(0, 99))
def test_after_corrections_the_rest_is_what_river_makes_of_it(
    kept: list[Outcome], replaced: list[Outcome], seed: int
) -> None:
    mae, rmse = river_metrics.MAE(), river_metrics.RMSE()
    for outcome in kept:
        w = float(kept_weights(np.array(outcome.weight)))
        mae.update(outcome.label, outcome.prediction, w)
        rmse.update(outcome.label, outcome.prediction, w)
    shown = one(summed_with_corrections(add, WIDTH, kept, replaced, seed))
    if kept:
        assert shown["mae"] == pytest.approx(mae.get(), rel=1e-9, abs=1e-9)
        assert shown["rmse"] == pytest.approx(rmse.get(), rel=1e-9, abs=1e-6)


@given(st.lists(STREAMS, min_size=1, max_size=4))
def test_rows_of_panes_merge_to_the_row_of_the_window_and_segments_come_off_again(panes: list[list[Outcome]]) -> None:
    rows = np.array([summed(add, WIDTH, pane) for pane in panes])
    window = merged(rows, PAIRS)
    assert window == pytest.approx(
        summed(add, WIDTH, [outcome for pane in panes for outcome in pane]), rel=1e-15, abs=1e-9
    )
    for row, rest in zip(rows, without(window, rows, PAIRS), strict=True):
        assert merged(np.stack([row, rest]), PAIRS) == pytest.approx(window, rel=1e-15, abs=1e-9)


def test_the_order_of_the_labels_never_shows_in_what_is_written(test_seed: int) -> None:
    rng = np.random.default_rng(test_seed)
    label = rng.normal(1e6, 3.0, 3_000)
    error, weight = rng.normal(0, 1, 3_000), rng.random(3_000)
    stream = [Outcome(y + e, math.nan, y, w) for y, e, w in zip(label, error, weight, strict=True)]
    there = {name: written(value) for name, value in one(summed(add, WIDTH, stream)).items()}
    back = {name: written(value) for name, value in one(summed(add, WIDTH, stream[::-1])).items()}
    assert there == back, f"seed {test_seed}"


def test_r2_holds_for_targets_that_lie_far_from_zero(test_seed: int) -> None:
    rng = np.random.default_rng(test_seed)
    label = 1.7e12 + rng.integers(0, 1_000, 300).astype(np.float64)
    predicted = label + rng.integers(-50, 50, 300)
    shown = one(summed(add, WIDTH, [Outcome(p, math.nan, y) for p, y in zip(predicted, label, strict=True)]))
    expected = sklearn_metrics.r2_score(label - 1.7e12, predicted - 1.7e12)
    assert shown["r2"] == pytest.approx(expected, rel=1e-9), f"seed {test_seed}"


def test_a_mistyped_label_that_is_corrected_leaves_nothing_that_shows() -> None:
    sums = summed(add, WIDTH, [Outcome(float(i), math.nan, i + 0.5) for i in range(100)])
    before = one(sums)
    for typo in (1e12, -1e300, 1e-300):
        add(sums, 3.0, math.nan, typo, 1.0, 1.0)
        add(sums, 3.0, math.nan, typo, 1.0, -1.0)
    assert one(sums) == pytest.approx(before, rel=1e-3)
    for i in range(100):
        add(sums, float(i), math.nan, i + 0.5, 1.0, -1.0)
    assert all(math.isnan(value) for value in one(sums).values())


def test_huge_errors_are_cut_and_break_nothing() -> None:
    shown = one(summed(add, WIDTH, [Outcome(1e308, math.nan, -1e308), Outcome(1.0, math.nan, 5e-324)]))
    assert all(math.isfinite(shown[name]) for name in ("mae", "rmse", "bias", "mape"))


@given(st.lists(st.floats(0.002, 4e6), min_size=1, max_size=40), st.sampled_from([-1.0, 1.0]))
def test_a_residual_quantile_is_within_a_factor_of_the_root_of_two(sizes: list[float], side: float) -> None:
    shown = one(summed(add, WIDTH, [Outcome(side * size, math.nan, 0.0) for size in sizes]))
    for name, q in QUANTILES.items():
        size = abs(float(np.quantile(side * np.array(sizes), q, method="inverted_cdf")))
        assert size / 1.4143 <= abs(shown[name]) <= size * 1.4143
        assert shown[name] * side > 0.0


@pytest.mark.compiled
def test_residual_quantiles_of_smooth_errors_are_close(test_seed: int) -> None:
    error = np.random.default_rng(test_seed).normal(2.0, 30.0, 50_000)
    shown = one(sums_plain(error, error, np.zeros(len(error)), np.ones(len(error))))
    for name, q in QUANTILES.items():
        assert shown[name] == pytest.approx(np.quantile(error, q), rel=0.05, abs=0.5), f"{name}, seed {test_seed}"


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_bins_of_residuals_ascend(first: float, second: float) -> None:
    low, high = sorted((first, second))
    assert 0 <= residual_bin(low) <= residual_bin(high) <= WIDTH - RESIDUALS - 1
    assert residual_bin(-low) == WIDTH - RESIDUALS - 1 - residual_bin(low)
