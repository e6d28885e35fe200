"""Binary metrics equal scikit-learn's and river's, through corrections, in any order, with weights and without scores."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from river import metrics as river_metrics
from sklearn import metrics as sklearn_metrics

from driftline.processors.arrays import F64
from driftline.processors.performance.binary import (
    NEGATIVE,
    POSITIVE,
    WIDTH,
    add,
    corrected,
    metrics,
    reweighted,
    sums_plain,
)
from driftline.processors.performance.common import COMMON_WIDTH
from driftline.processors.performance.quantum import kept_weights
from driftline.processors.performance.score_bins import EDGES, bin_of, bins_of, roc_auc_error_bound
from tests.performance.outcomes import Outcome, classes, columns, outcomes, summed, summed_with_corrections

ANY_CLASS = classes(2) | st.just(math.nan)
STREAMS = outcomes(classes(2), classes(2))
ROUGH_STREAMS = outcomes(ANY_CLASS, ANY_CLASS)


def one(sums: F64) -> dict[str, float]:
    return {name: float(value[0]) for name, value in metrics(sums[None]).items()}


@given(ROUGH_STREAMS)
def test_the_kernel_equals_its_plain_twin(stream: list[Outcome]) -> None:
    expected = sums_plain(*columns(stream))
    # a loss that lies within rounding of the middle between two quanta may go either way
    assert summed(add, WIDTH, stream) == pytest.approx(expected, abs=2.0**-20 * (len(stream) + 1), rel=0)


@given(ROUGH_STREAMS, ROUGH_STREAMS, st.integers(0, 2**32))
def test_corrections_leave_no_trace_whatever_the_order(kept: list[Outcome], replaced: list[Outcome], seed: int) -> None:
    assert np.array_equal(summed_with_corrections(add, WIDTH, kept, replaced, seed), summed(add, WIDTH, kept))


@given(ROUGH_STREAMS, ROUGH_STREAMS)
def test_rows_of_panes_add_up_to_the_row_of_the_window(first: list[Outcome], second: list[Outcome]) -> None:
    together = summed(add, WIDTH, first) + summed(add, WIDTH, second)
    assert np.array_equal(together, summed(add, WIDTH, first + second))


@given(STREAMS.filter(bool))
def test_metrics_of_classes_are_those_of_scikit_learn(stream: list[Outcome]) -> None:
    predicted, _, label, weight = columns(stream)
    w, shown = kept_weights(weight), one(summed(add, WIDTH, stream))
    undefined = {"zero_division": np.nan, "sample_weight": w}
    assert shown["accuracy"] == pytest.approx(sklearn_metrics.accuracy_score(label, predicted, sample_weight=w))
    assert shown["precision"] == pytest.approx(
        sklearn_metrics.precision_score(label, predicted, **undefined), nan_ok=True
    )
    assert shown["recall"] == pytest.approx(sklearn_metrics.recall_score(label, predicted, **undefined), nan_ok=True)
    assert shown["f1"] == pytest.approx(sklearn_metrics.f1_score(label, predicted, **undefined), nan_ok=True)
    assert shown["positive_rate"] == pytest.approx(np.average(label, weights=w))
    assert shown["predicted_positive_rate"] == pytest.approx(np.average(predicted, weights=w))


@given(STREAMS.filter(bool))
def test_losses_are_those_of_scikit_learn_over_labels_with_a_score(stream: list[Outcome]) -> None:
    shown = one(summed(add, WIDTH, stream))
    _, score, label, weight = columns([o for o in stream if not math.isnan(o.score)])
    w = kept_weights(weight)
    if not len(score):
        assert all(math.isnan(shown[name]) for name in ("log_loss", "brier", "calibration_error", "roc_auc", "pr_auc"))
        return
    rounding = 2.0**-20 * len(score) / w.sum()
    expected = sklearn_metrics.log_loss(label, score, sample_weight=w, labels=[0.0, 1.0])
    assert shown["log_loss"] == pytest.approx(expected, abs=rounding)
    assert shown["brier"] == pytest.approx(
        sklearn_metrics.brier_score_loss(label, score, sample_weight=w, labels=[0.0, 1.0]), abs=rounding
    )
    group = np.minimum((score * 10).astype(int), 9)
    gaps = [abs((w * (label - score))[group == g].sum()) for g in range(10)]
    assert shown["calibration_error"] == pytest.approx(sum(gaps) / w.sum(), abs=10 * rounding)


@given(STREAMS, STREAMS, st.integers(0, 2**32))
def test_a_stream_with_corrections_is_what_river_makes_of_it(
    kept: list[Outcome], replaced: list[Outcome], seed: int
) -> None:
    oracle = {
        "accuracy": river_metrics.Accuracy(),
        "precision": river_metrics.Precision(),
        "recall": river_metrics.Recall(),
        "f1": river_metrics.F1(),
    }
    for outcome in kept + replaced:
        for metric in oracle.values():
            metric.update(
                outcome.label == 1.0, outcome.prediction == 1.0, w=float(kept_weights(np.array(outcome.weight)))
            )
    for outcome in replaced:
        for metric in oracle.values():
            metric.revert(
                outcome.label == 1.0, outcome.prediction == 1.0, w=float(kept_weights(np.array(outcome.weight)))
            )
    shown = one(summed_with_corrections(add, WIDTH, kept, replaced, seed))
    for name, metric in oracle.items():
        if not math.isnan(shown[name]):  # river says 0 where a metric is not defined
            assert shown[name] == pytest.approx(metric.get(), abs=1e-9)


@given(STREAMS)
def test_binned_areas_are_within_their_bounds(stream: list[Outcome]) -> None:
    sums, shown = summed(add, WIDTH, stream), one(summed(add, WIDTH, stream))
    _, score, label, weight = columns([o for o in stream if not math.isnan(o.score)])
    w = kept_weights(weight)
    if len(np.unique(label)) < 2:
        assert math.isnan(shown["roc_auc"])
        return
    exact = sklearn_metrics.roc_auc_score(label, score, sample_weight=w)
    bound = roc_auc_error_bound(sums[None, POSITIVE:WIDTH], sums[None, NEGATIVE:POSITIVE])[0]
    assert abs(shown["roc_auc"] - exact) <= bound + 1e-9


@given(STREAMS)
def test_the_binned_precision_lies_between_the_best_and_the_worst_order_within_the_bins(stream: list[Outcome]) -> None:
    scored = [o._replace(weight=1.0) for o in stream if not math.isnan(o.score)]
    shown = one(summed(add, WIDTH, scored))["pr_auc"]
    _, score, label, _ = columns(scored)
    if not label.any():
        assert math.isnan(shown)
        return
    rank_if_best, rank_if_worst = (np.argsort(np.lexsort((last, bins_of(score)))) for last in (label, -label))
    best = sklearn_metrics.average_precision_score(label, rank_if_best)
    worst = sklearn_metrics.average_precision_score(label, rank_if_worst)
    assert worst - 0.02 <= shown <= best + 0.02


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("shape", "spread", "center"),
    [
        ("well separated", 2.5, 0.0),
        ("ordinary", 1.2, 0.0),
        ("hardly better than chance", 0.3, 0.0),
        ("rare events", 1.0, -4.0),
        ("very rare events, hard to tell", 0.7, -5.5),
        ("common events", 1.2, 3.0),
    ],
)
def test_binned_areas_are_close_for_calibrated_scores_of_common_shapes(
    shape: str, spread: float, center: float, test_seed: int
) -> None:
    rng = np.random.default_rng(test_seed)
    score = 1.0 / (1.0 + np.exp(-(center + spread * rng.standard_normal(60_000))))
    label = (rng.random(len(score)) < score).astype(np.float64)
    shown = one(sums_plain(label, score, label, np.ones(len(score))))
    exact = sklearn_metrics.roc_auc_score(label, score)
    assert exact - 0.007 <= shown["roc_auc"] <= exact + 0.001, f"{shape}, seed {test_seed}"
    precision = sklearn_metrics.average_precision_score(label, score)
    assert shown["pr_auc"] == pytest.approx(precision, abs=0.01), f"{shape}, seed {test_seed}"


def test_scores_of_few_values_have_exact_areas(test_seed: int) -> None:
    rng = np.random.default_rng(test_seed)
    score = rng.choice([0.0, 0.02, 0.15, 0.3, 0.55, 0.8, 0.97], 500)
    label = (rng.random(500) < score).astype(np.float64)
    shown = one(sums_plain(label, score, label, np.ones(500)))
    assert shown["roc_auc"] == pytest.approx(sklearn_metrics.roc_auc_score(label, score)), f"seed {test_seed}"


@given(st.floats(-0.5, 1.5) | st.sampled_from(EDGES.tolist()) | st.just(math.nan))
def test_a_score_is_in_the_bin_that_numpy_finds(score: float) -> None:
    assert bin_of(score) == bins_of(np.array([score]))[0]


def test_tenths_of_the_score_are_unions_of_bins() -> None:
    assert len(EDGES) == 47 and (np.diff(EDGES) > 0).all()
    assert {g / 10 for g in range(1, 10)} <= set(EDGES.tolist())


@pytest.mark.compiled
def test_standard_errors_are_what_repeated_samples_show(test_seed: int) -> None:
    rng = np.random.default_rng(test_seed)
    shown: dict[str, list[float]] = {}
    for _ in range(600):
        score = rng.beta(1.0, 2.0, 400)
        label = (rng.random(400) < score).astype(np.float64)
        weight = rng.choice([0.5, 1.0, 3.0], 400)
        row = one(sums_plain((score > 0.4).astype(np.float64), score, label, weight))
        for name, value in row.items():
            shown.setdefault(name, []).append(value)
    for name in (n.removesuffix("_se") for n in shown if n.endswith("_se")):
        sd, said = np.std(shown[name]), np.mean(shown[f"{name}_se"])
        assert said == pytest.approx(sd, rel=0.25), f"{name}, seed {test_seed}"


def test_a_perfect_score_on_few_labels_still_has_an_error() -> None:
    sums = summed(add, WIDTH, [Outcome(1.0, 0.9, 1.0), Outcome(0.0, 0.1, 0.0)])
    shown = one(sums)
    assert shown["accuracy"] == 1.0 and shown["accuracy_se"] > 0.2


def test_without_labels_nothing_is_defined() -> None:
    assert all(math.isnan(value) for value in one(np.zeros(WIDTH)).values())
    assert all(np.isnan(v).all() for v in corrected(reweighted(np.zeros((3, WIDTH)), np.ones((3, 4)))).values())


def test_a_score_that_is_no_probability_leaves_the_classes_counted() -> None:
    sums = summed(add, WIDTH, [Outcome(1.0, 3.7, 1.0), Outcome(0.0, -2.0, 0.0)])
    shown = one(sums)
    assert shown["accuracy"] == 1.0 and math.isnan(shown["log_loss"])


def test_a_row_is_small() -> None:
    assert (COMMON_WIDTH + WIDTH) * 8 <= 1_200
