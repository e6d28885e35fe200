"""Multiclass metrics equal scikit-learn's and river's, for few classes and for many."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from river import metrics as river_metrics
from sklearn import metrics as sklearn_metrics

from driftline.processors.arrays import F64
from driftline.processors.performance.multiclass import (
    CONFUSION_MAX,
    COUNTED_MAX,
    add,
    classes_kept,
    metrics,
    sums_plain,
    width,
)
from driftline.processors.performance.quantum import kept_weights
from tests.performance.outcomes import Outcome, classes, columns, outcomes, summed, summed_with_corrections

KNOWN = st.sampled_from([2, 3, 6, 8, 9, 12, 32, 40])


def one(sums: F64) -> dict[str, float]:
    names = [f"class {i}" for i in range(classes_kept(len(sums)))]
    return {name: float(value[0]) for name, value in metrics(sums[None], names).items()}


@given(KNOWN.flatmap(lambda c: st.tuples(st.just(c), outcomes(classes(c) | st.just(math.nan), classes(c)))))
def test_the_kernel_equals_its_plain_twin(case: tuple[int, list[Outcome]]) -> None:
    count, stream = case
    expected = sums_plain(*columns(stream), count)
    assert summed(add, width(count), stream) == pytest.approx(expected, abs=2.0**-20 * (len(stream) + 1), rel=0)


@given(
    outcomes(classes(12), classes(12)), outcomes(classes(12), classes(12)), st.sampled_from([5, 12]), st.integers(0, 99)
)
def test_corrections_leave_no_trace_whatever_the_order(
    kept: list[Outcome], replaced: list[Outcome], known: int, seed: int
) -> None:
    size = width(known)
    assert np.array_equal(summed_with_corrections(add, size, kept, replaced, seed), summed(add, size, kept))


@given(KNOWN.filter(lambda c: c <= 32).flatmap(lambda c: st.tuples(st.just(c), outcomes(classes(c), classes(c)))))
def test_metrics_are_those_of_scikit_learn(case: tuple[int, list[Outcome]]) -> None:
    count, stream = case
    shown = one(summed(add, width(count), stream))
    if not stream:
        assert all(math.isnan(v) for name, v in shown.items() if not name.startswith("confusion"))
        return
    predicted, _, label, weight = columns(stream)
    w = kept_weights(weight)
    assert shown["accuracy"] == pytest.approx(sklearn_metrics.accuracy_score(label, predicted, sample_weight=w))
    macro_f1 = sklearn_metrics.f1_score(label, predicted, sample_weight=w, average="macro", zero_division=0.0)
    assert shown["macro_f1"] == pytest.approx(macro_f1)
    if count <= CONFUSION_MAX:
        kinds = list(range(count))
        matrix = sklearn_metrics.confusion_matrix(label, predicted, sample_weight=w, labels=kinds)
        for y in kinds:
            for p in kinds:
                assert shown[f"confusion/class {y}/class {p}"] == pytest.approx(matrix[y, p])


@given(outcomes(classes(4), classes(4)), outcomes(classes(4), classes(4)), st.integers(0, 99))
def test_after_corrections_the_rest_is_what_river_makes_of_it(
    kept: list[Outcome], replaced: list[Outcome], seed: int
) -> None:
    accuracy, macro_f1 = river_metrics.Accuracy(), river_metrics.MacroF1()
    for outcome in kept:
        w = float(kept_weights(np.array(outcome.weight)))
        accuracy.update(outcome.label, outcome.prediction, w=w)
        macro_f1.update(outcome.label, outcome.prediction, w=w)
    shown = one(summed_with_corrections(add, width(4), kept, replaced, seed))
    if kept:
        assert shown["accuracy"] == pytest.approx(accuracy.get())
        assert shown["macro_f1"] == pytest.approx(macro_f1.get())


@given(outcomes(classes(3), classes(3)))
def test_the_calibration_error_is_that_of_the_predicted_class(stream: list[Outcome]) -> None:
    predicted, score, label, weight = columns([o for o in stream if not math.isnan(o.score)])
    shown, w = one(summed(add, width(3), stream))["calibration_error"], kept_weights(weight)
    group = np.minimum((score * 10).astype(int), 9)
    gaps = [abs((w * ((predicted == label) - score))[group == g].sum()) for g in range(10)]
    if len(score):
        assert shown == pytest.approx(sum(gaps) / w.sum(), abs=2.0**-18 * len(score) / w.sum())
    else:
        assert math.isnan(shown)


def test_with_more_classes_than_are_kept_apart_accuracy_is_exact_and_macro_f1_is_not_defined() -> None:
    stream = [Outcome(float(i), math.nan, float(i if i % 2 else 0)) for i in range(COUNTED_MAX + 10)]
    shown = one(summed(add, width(None), stream))
    assert shown["accuracy"] == pytest.approx(np.mean([o.prediction == o.label for o in stream]))
    assert math.isnan(shown["macro_f1"])


def test_a_class_that_only_labels_have_is_in_the_matrix_and_those_without_room_are_not() -> None:
    sums = np.zeros(width(2))
    add(sums, 0.0, math.nan, 2.0, 1.0, 1.0)
    add(sums, 1.0, math.nan, 3.0, 1.0, 1.0)
    shown = metrics(sums[None], ["yes", "no", "maybe", "unasked"])
    assert shown["confusion/maybe/yes"][0] == 1.0
    assert not any("unasked" in name for name in shown)
    assert shown["accuracy"][0] == 0.0 and math.isnan(shown["macro_f1"][0])


@given(st.integers(2, 60))
def test_the_width_of_a_row_says_how_many_classes_it_keeps_apart(count: int) -> None:
    assert classes_kept(width(count)) == (min(count + 1, CONFUSION_MAX) if count <= CONFUSION_MAX else COUNTED_MAX)
    assert (29 + width(count)) * 8 <= 1_200
