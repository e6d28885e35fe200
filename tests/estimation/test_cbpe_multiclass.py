"""CBPE of several classes: against the plain sums, and against labels drawn from known probabilities."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.processors.arrays import F64, I64
from driftline.processors.estimation import cbpe_multiclass as cbpe
from driftline.processors.estimation.realised import confusion_matrix, multiclass_metrics
from driftline.processors.reference.performance import CalibrationCurve, ReferencePerformance
from tests.estimation.references import estimates, estimator, labelled_reference, performance_of, window_sums

SECTION = ReferencePerformance(
    task="multiclass",
    n=400,
    metrics={},
    classes=["cat", "cow", "dog"],
    confusion=[[150, 30, 20], [10, 90, 0], [0, 0, 100]],
    calibration=[
        CalibrationCurve(edges=[0.5], rows=[100, 300], events=[60, 280]),
        CalibrationCurve(predicted="cat", edges=[0.4, 0.8], rows=[50, 50, 100], events=[20, 40, 90]),
    ],
)
CODING = ["dog", "cat", "eel", "cow"]
"""Another order than the reference's, and a class that it never saw."""
BY_CODE = [SECTION.calibration[0], SECTION.calibration[1], None, SECTION.calibration[0]]

ROWS = st.lists(
    st.tuples(st.sampled_from([-1.0, 0.0, 1.0, 2.0, 3.0, 4.0, math.nan]), st.floats(0, 1) | st.just(math.nan)),
    max_size=30,
)


def _sums(rows: list[tuple[float, float]]) -> F64:
    sums = np.zeros(len(CODING) * cbpe.COLUMNS)
    for prediction, score in rows:
        cbpe.add(sums, prediction, score, *cbpe.tables_of(SECTION, CODING))
    return sums


@given(ROWS)
def test_the_kernel_equals_its_plain_twin(rows: list[tuple[float, float]]) -> None:
    expected = np.zeros(len(CODING) * cbpe.COLUMNS)
    for prediction, score in rows:
        cbpe.add_plain(expected, prediction, score, BY_CODE)
    assert _sums(rows) == pytest.approx(expected, abs=1e-5)


@given(ROWS, ROWS)
def test_sums_of_parts_are_the_sums_of_the_whole_in_any_order(
    a: list[tuple[float, float]], b: list[tuple[float, float]]
) -> None:
    assert (_sums(a) + _sums(b)).tolist() == _sums([*b, *a]).tolist()


def test_misses_fall_where_they_did_in_the_reference() -> None:
    shares = cbpe.miss_shares(SECTION, CODING)
    dog, cat, eel, cow = range(4)
    assert shares[cat].tolist() == [0.4, 0.0, 0.0, 0.6]
    assert shares[cow, cat] == 1.0
    assert shares[dog].tolist() == pytest.approx([0, 160 / 280, 0, 120 / 280]), "never missed: as often as they occur"
    assert not shares[eel].any()


def test_metrics_follow_from_the_expected_confusion_matrix() -> None:
    rows = [(1.0, 0.9), (1.0, 0.3), (3.0, 0.7), (0.0, 0.2), (3.0, 0.1)]
    found = cbpe.metrics(_sums(rows)[None, :], cbpe.miss_shares(SECTION, CODING), 10**9)
    hits = {"cat": 0.9 + 0.4, "cow": 280 / 300 + 0.6, "dog": 0.6}
    true = {
        "cat": hits["cat"] + (2 - hits["cow"]) + 0.4 * 160 / 280,
        "cow": hits["cow"] + 0.6 * (2 - hits["cat"]) + 0.4 * 120 / 280,
        "dog": hits["dog"] + 0.4 * (2 - hits["cat"]),
    }
    said = {"cat": 2, "cow": 2, "dog": 1}
    f1 = np.mean([2 * hits[name] / (said[name] + true[name]) for name in hits])
    assert found["accuracy"][0] == pytest.approx(sum(hits.values()) / 5, abs=1e-6)
    assert found["macro_f1"][0] == pytest.approx(f1, abs=1e-6)


def _drawn(rng: np.random.Generator, n: int, shift: float) -> tuple[I64, F64, I64]:
    """Predicted class, confidence (too sure of itself) and true class of three."""
    logits = rng.normal([0.5 + shift, 0.0, -0.5 - shift], 1.2, (n, 3))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    label = (rng.uniform(size=(n, 1)) > np.cumsum(p, axis=1)).sum(axis=1).clip(max=2)
    sure = p**1.7 / (p**1.7).sum(axis=1, keepdims=True)
    return p.argmax(axis=1), sure.max(axis=1), label


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_estimates_of_calibrated_streams_are_within_three_standard_errors(shift: float, test_seed: int) -> None:
    rng = np.random.default_rng(test_seed)
    said, score, label = _drawn(rng, 20_000, 0.0)
    reference = labelled_reference(said, label, score, task="multiclass")
    estimate = estimator(reference, performance_of(reference).classes)
    outside, f1_errors = 0, []
    for _ in range(50):
        said, score, label = _drawn(rng, 1_000, shift)
        found, real = estimates(estimate, said, score), multiclass_metrics(confusion_matrix(said, label, 3))
        outside += abs(found["accuracy"] - real["accuracy"]) > 3 * found["accuracy_se"]
        f1_errors.append(found["macro_f1"] - real["macro_f1"])
    assert outside <= 3, test_seed
    assert abs(np.mean(f1_errors)) < 0.02, (test_seed, "confusions hardly move here")


def test_a_class_the_reference_never_saw_is_left_out() -> None:
    rng = np.random.default_rng(4)
    said, score, label = _drawn(rng, 3_000, 0.0)
    reference = labelled_reference(said, label, score, task="multiclass")
    known, more = estimator(reference, ["0", "1", "2"]), estimator(reference, ["0", "1", "2", "new"])
    without = window_sums(known, said, score)[0]
    assert window_sums(more, np.append(said, 3), np.append(score, 0.9))[0].tolist() == [*without, 0, 0, 0]
