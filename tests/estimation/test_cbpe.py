"""CBPE of binary models: against sums over all labels that could come, and against labels drawn from known probabilities."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.processors.arrays import F64
from driftline.processors.estimation import cbpe
from driftline.processors.estimation.realised import binary_metrics
from driftline.processors.reference.performance import CalibrationCurve
from tests.estimation.references import estimates, estimator, labelled_reference, window_sums

CURVE = CalibrationCurve(edges=[0.2, 0.45, 0.7], rows=[64, 32, 128, 16], events=[4, 8, 80, 15])
SHARES = [4 / 64, 8 / 32, 80 / 128, 15 / 16]

SCORE = st.sampled_from([0.0, 0.2, 0.2000001, 0.45, 0.5, 0.7, 0.71, 5.0, -3.0]) | st.floats(0, 1)
ROWS = st.lists(st.tuples(st.sampled_from([0.0, 1.0]), SCORE), min_size=1, max_size=40)


def _sums(rows: list[tuple[float, float]]) -> F64:
    sums = np.zeros(cbpe.WIDTH)
    for prediction, score in rows:
        cbpe.add(sums, prediction, score, *cbpe.tables_of(CURVE))
    return sums


def _metrics(rows: list[tuple[float, float]]) -> dict[str, float]:
    return {name: float(v[0]) for name, v in cbpe.metrics(_sums(rows)[None, :], 10**9).items()}


@given(ROWS)
def test_the_kernel_equals_its_plain_twin(rows: list[tuple[float, float]]) -> None:
    expected = np.zeros(cbpe.WIDTH)
    for prediction, score in rows:
        cbpe.add_plain(expected, prediction, score, CURVE)
    assert _sums(rows) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("rows", [[(1.0, 0.9), (0.0, 0.1), (1.0, 0.5), (0.0, 0.5), (0.0, 0.3), (1.0, 0.3)]])
def test_estimates_are_expectations_over_all_labels_that_could_come(rows: list[tuple[float, float]]) -> None:
    """Every one of the 2**n ways in which labels can fall, by its probability."""
    p = np.array([SHARES[int(np.searchsorted(CURVE.edges, s))] for _, s in rows])
    said = np.array([prediction == 1.0 for prediction, _ in rows])
    accuracy = variance = precision = pairs = ordered = 0.0
    for labels in product([False, True], repeat=len(rows)):
        label = np.array(labels)
        chance = float(np.prod(np.where(label, p, 1 - p)))
        accuracy += chance * float(np.mean(said == label))
        variance += chance * float(np.mean(said == label)) ** 2
        precision += chance * float(np.mean(label[said]))
        both = np.outer(label, ~label)
        pairs += chance * both.sum()
        ordered += chance * (both * ((p[:, None] > p) + 0.5 * (p[:, None] == p))).sum()
    found = _metrics(rows)
    assert found["accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert found["accuracy_se"] == pytest.approx(math.sqrt(variance - accuracy**2), abs=1e-4)
    assert found["precision"] == pytest.approx(precision, abs=1e-6)
    assert found["roc_auc"] == pytest.approx(ordered / pairs, abs=1e-5)


@given(ROWS)
def test_metrics_follow_from_the_expected_confusion_matrix(rows: list[tuple[float, float]]) -> None:
    p = [SHARES[int(np.searchsorted(CURVE.edges, s))] for _, s in rows]
    tp = sum(q for q, (y, _) in zip(p, rows, strict=True) if y)
    fn = sum(q for q, (y, _) in zip(p, rows, strict=True) if not y)
    fp = sum(1 - q for q, (y, _) in zip(p, rows, strict=True) if y)
    found = _metrics(rows)
    assert found["recall"] == pytest.approx(tp / (tp + fn), abs=1e-5)
    assert found["f1"] == pytest.approx(2 * tp / (2 * tp + fp + fn), abs=1e-5)
    assert found["precision"] == pytest.approx(tp / (tp + fp) if tp + fp else math.nan, abs=1e-5, nan_ok=True)


@given(ROWS, ROWS)
def test_sums_of_parts_are_the_sums_of_the_whole_in_any_order(
    a: list[tuple[float, float]], b: list[tuple[float, float]]
) -> None:
    assert (_sums(a) + _sums(b)).tolist() == _sums([*b, *a]).tolist()


@pytest.mark.parametrize("row", [(1.0, math.nan), (math.nan, 0.5), (1.0, math.inf)])
def test_a_prediction_without_a_score_has_no_part_in_the_estimate(row: tuple[float, float]) -> None:
    assert not _sums([row]).any()


def test_a_window_without_scores_has_no_estimate() -> None:
    assert all(math.isnan(value[0]) for value in cbpe.metrics(np.zeros((1, cbpe.WIDTH)), 100).values())


def _drawn(rng: np.random.Generator, n: int, shift: float) -> tuple[F64, F64, F64]:
    """Predictions, overconfident scores and labels; `shift` moves the inputs, never what a score means."""
    true = 1.0 / (1.0 + np.exp(-rng.normal(shift, 1.5, n)))
    score = true**2 / (true**2 + (1 - true) ** 2)
    return (score > 0.5).astype(float), score, (rng.uniform(size=n) < true).astype(float)


@pytest.mark.parametrize("shift", [0.0, 1.0, -1.5])
def test_estimates_of_calibrated_streams_are_within_three_standard_errors(shift: float, test_seed: int) -> None:
    """Inputs move, concepts do not: of 50 windows no more are outside than chance allows."""
    rng = np.random.default_rng(test_seed)
    said, score, label = _drawn(rng, 20_000, 0.0)
    estimate = estimator(labelled_reference(said, label, score, task="binary"))
    outside = dict.fromkeys(("accuracy", "precision", "recall", "f1", "roc_auc"), 0)
    for _ in range(50):
        said, score, label = _drawn(rng, 1_000, shift)
        found = estimates(estimate, said, score)
        real = binary_metrics(said == 1, score, label == 1)
        for name in outside:
            outside[name] += abs(found[name] - real[name]) > 3 * found[f"{name}_se"]
    assert max(outside.values()) <= 3, (test_seed, outside)


def test_standard_errors_are_neither_too_small_nor_too_large(test_seed: int) -> None:
    rng = np.random.default_rng(test_seed)
    said, score, label = _drawn(rng, 20_000, 0.0)
    estimate = estimator(labelled_reference(said, label, score, task="binary"))
    names = ("accuracy", "precision", "recall", "f1", "roc_auc")
    z = []
    for _ in range(100):
        said, score, label = _drawn(rng, 1_000, 0.0)
        found, real = estimates(estimate, said, score), binary_metrics(said == 1, score, label == 1)
        z.append([(found[name] - real[name]) / found[f"{name}_se"] for name in names])
    ratio = np.sqrt(np.mean(np.square(z), axis=0))
    # the root mean square of 100 standard normals is within .7 to 1.3 but once in 10,000 times
    assert np.all((ratio > 0.7) & (ratio < 1.3)), (test_seed, dict(zip(names, ratio, strict=True)))


def test_sums_survive_a_reference_scored_on_any_scale() -> None:
    """Only the order of scores matters to the calibration."""
    rng = np.random.default_rng(8)
    said, score, label = _drawn(rng, 2_000, 0.0)
    plain = estimator(labelled_reference(said, label, score, task="binary"))
    scaled = estimator(labelled_reference(said, label, score * 1024 - 512, task="binary"))
    assert window_sums(plain, said, score).tolist() == window_sums(scaled, said, score * 1024 - 512).tolist()
