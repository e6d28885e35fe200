"""Ranking: click-through rates by position, NDCG and reciprocal rank of lists whose labels come one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from driftline.processors.performance.quantum import kept_weights
from driftline.processors.performance.ranked_lists import (
    ITEMS_MAX,
    LIST_RECORD,
    NO_SLOT,
    list_values,
    list_values_plain,
    place,
)
from driftline.processors.performance.ranking import WIDTH, add, add_list, corrected, metrics, sums_plain
from tests.performance.outcomes import WEIGHTS, Outcome, columns, summed, summed_with_corrections

POSITION = st.integers(1, 30).map(float) | st.just(math.nan)
GRADE = st.sampled_from([0.0, 0.0, 1.0, 3.0])
STREAMS = st.lists(st.builds(Outcome, st.floats(-5, 5), POSITION, GRADE | st.just(math.nan), WEIGHTS), max_size=60)
LISTS = st.lists(
    st.tuples(st.sampled_from([0.5, 1.0, 2.0, 2.5]) | st.floats(-9, 9, width=32), GRADE | st.just(math.nan)),
    min_size=1,
    max_size=ITEMS_MAX,
)


@given(STREAMS)
def test_the_kernel_equals_its_plain_twin(stream: list[Outcome]) -> None:
    assert np.array_equal(summed(add, WIDTH, stream), sums_plain(*columns(stream)))


@given(STREAMS, STREAMS, st.integers(0, 99))
def test_corrections_leave_no_trace_whatever_the_order(kept: list[Outcome], replaced: list[Outcome], seed: int) -> None:
    assert np.array_equal(summed_with_corrections(add, WIDTH, kept, replaced, seed), summed(add, WIDTH, kept))


@given(STREAMS, st.integers(1, 20))
def test_click_through_rates_are_the_share_of_labelled_items_that_were_clicked(stream: list[Outcome], k: int) -> None:
    shown = metrics(summed(add, WIDTH, stream)[None], k)
    _, position, label, weight = columns([o for o in stream if not math.isnan(o.label)])
    w = kept_weights(weight)
    for name, at in (("ctr", position == position), (f"ctr_at_{k}", position <= k)):
        at = np.ones(len(w), np.bool_) if name == "ctr" else at
        expected = np.average(label[at] > 0, weights=w[at]) if at.any() else math.nan
        assert shown[name][0] == pytest.approx(expected, nan_ok=True)


@given(LISTS, st.integers(1, 20))
def test_values_of_a_list_equal_their_plain_twin(items: list[tuple[float, float]], k: int) -> None:
    order, label = np.array(items, np.float32).T.copy()
    assert list_values(order, label, len(items), k) == pytest.approx(list_values_plain(order, label, k), nan_ok=True)


@given(LISTS.filter(lambda items: len(items) > 1), st.integers(1, 20))
def test_ndcg_is_that_of_scikit_learn_when_no_two_scores_are_equal(items: list[tuple[float, float]], k: int) -> None:
    label = np.nan_to_num(np.array([grade for _, grade in items], np.float32))
    order = np.random.default_rng(len(items)).permutation(len(items)).astype(np.float32)
    ndcg, _ = list_values(order, label, len(items), k)
    if label.any():
        assert ndcg == pytest.approx(sklearn_metrics.ndcg_score(label[None], order[None], k=k))
    else:
        assert math.isnan(ndcg)


def test_a_list_counts_from_its_first_label_on_and_changes_with_each() -> None:
    lists = np.zeros(2, LIST_RECORD)
    items, order, label = lists["items"], lists["order"], lists["label"]
    sums = np.zeros(WIDTH)
    slots = [place(items, order, label, 1, score) for score in (0.2, 0.9, 0.5)]
    assert slots == [0, 1, 2] and lists["items"].tolist() == [0, 3]
    assert all(math.isnan(v) for v in list_values(order[1], label[1], 3, 10))
    seen = []
    for slot, grade in ((0, 0.0), (2, 1.0), (2, math.nan), (1, 2.0)):
        before = list_values(order[1], label[1], 3, 10)
        add_list(sums, *before, -1.0)
        label[1, slot] = grade
        add_list(sums, *list_values(order[1], label[1], 3, 10), 1.0)
        seen.append(round(float(metrics(sums[None])["mrr"][0]), 3))
    assert seen == [0.0, 0.5, 0.0, 1.0]
    assert metrics(sums[None])["ndcg_at_10"][0] == 1.0


def test_a_full_list_takes_no_more() -> None:
    lists = np.zeros(1, LIST_RECORD)
    slots = [place(lists["items"], lists["order"], lists["label"], 0, float(i)) for i in range(ITEMS_MAX + 2)]
    assert slots == [*range(ITEMS_MAX), NO_SLOT, NO_SLOT]


def test_slow_clicks_are_made_up_for() -> None:
    # of 100 clicks half are in, of 300 items that were not clicked a tenth
    sums = summed(add, WIDTH, [Outcome(1.0, 1.0, 1.0)] * 50 + [Outcome(1.0, 1.0, 0.0)] * 30)
    found = corrected(sums[None, None], np.array([[10.0, 1.0, 1.0, 2.0]]))
    assert found["ctr_corrected"] == pytest.approx(0.25) == found["ctr_at_10_corrected"]
    assert 0.02 < found["ctr_corrected_se"][0] < 0.1


def test_nothing_is_defined_without_labels() -> None:
    assert all(np.isnan(value).all() for value in metrics(np.zeros((2, WIDTH))).values())
