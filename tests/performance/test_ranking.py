"""Ranking: click-through rates by position, NDCG and reciprocal rank of lists whose labels come one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from driftline.processors.id_hash import hash_key
from driftline.processors.performance.quantum import kept_weights
from driftline.processors.performance.ranked_lists import (
    NO_LIST,
    POSITIONS_MAX,
    enter_list,
    find_list,
    list_items,
    list_values,
    list_values_plain,
    no_lists,
)
from driftline.processors.performance.ranking import WIDTH, add, add_list, corrected, metrics, reweighted, sums_plain
from tests.performance.outcomes import WEIGHTS, Outcome, columns, summed, summed_with_corrections

POSITION = st.integers(1, 30).map(float) | st.just(math.nan)
GRADE = st.sampled_from([0.0, 0.0, 1.0, 3.0])
STREAMS = st.lists(st.builds(Outcome, st.floats(-5, 5), POSITION, GRADE | st.just(math.nan), WEIGHTS), max_size=60)
LISTS = st.lists(GRADE | st.just(math.nan), min_size=1, max_size=POSITIONS_MAX)


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
def test_values_of_a_list_equal_their_plain_twin(grades: list[float], k: int) -> None:
    label = np.array(grades + [math.nan] * (POSITIONS_MAX - len(grades)), np.float32)
    assert list_values(label, k) == pytest.approx(list_values_plain(label, k), nan_ok=True)


@given(LISTS.filter(lambda grades: len(grades) > 1), st.integers(1, 20))
def test_ndcg_is_that_of_scikit_learn(grades: list[float], k: int) -> None:
    label = np.array(grades + [math.nan] * (POSITIONS_MAX - len(grades)), np.float32)
    shown = np.nan_to_num(label[: len(grades)])
    ndcg, _ = list_values(label, k)
    if shown.any():
        by_position = -np.arange(len(shown), dtype=np.float64)
        assert ndcg == pytest.approx(sklearn_metrics.ndcg_score(shown[None], by_position[None], k=k))
    else:
        assert math.isnan(ndcg)


def test_a_list_counts_from_its_first_label_on_and_changes_with_each() -> None:
    sums, label = np.zeros(WIDTH), np.full(POSITIONS_MAX, math.nan, np.float32)
    seen = []
    for position, grade in ((1, 0.0), (4, 1.0), (2, 1.0), (2, math.nan), (1, 2.0)):
        add_list(sums, *list_values(label, 10), -1.0)
        label[position - 1] = grade
        add_list(sums, *list_values(label, 10), 1.0)
        seen.append(float(metrics(sums[None])["mrr"][0]))
    assert seen == [0.0, 0.25, 0.5, 0.25, 1.0]
    assert metrics(sums[None])["ndcg_at_10"][0] == pytest.approx(
        (2 + 1 / math.log2(5)) / (2 + 1 / math.log2(3)), abs=1e-6
    )


def test_an_id_says_which_list_an_item_is_in_and_where() -> None:
    ids = [
        "q8#3",
        "q8#1",
        "q9#3",
        "a#b#12",
        "plain",
        "q8#",
        "q8#0",
        "q8#x",
        "#5",
        "q8#-1",
        "q8#1234567890",
        "q8#\u0663",
    ]
    lists, positions = list_items(hash_key("search"), ids)
    assert np.array_equal(positions, [3.0, 1.0, 3.0, 12.0] + [math.nan] * 8, equal_nan=True)
    assert (lists[4:] == NO_LIST).all()
    assert lists[0] == lists[1] != lists[2] and lists[0] == int(lists[0]) < 2**53


@given(st.lists(st.integers(0, 40), max_size=120), st.integers(1, 12))
def test_the_newest_lists_are_kept_and_the_rest_is_counted(keys: list[int], capacity: int) -> None:
    lists = no_lists(1, capacity)
    kept: dict[int, int] = {}  # as the ring should have it: key -> number of its entry
    entered = 0
    for key in keys:
        at = find_list(lists, float(key * 64))  # many of them collide
        assert (at >= 0) == (key in kept)
        if at < 0:
            at = enter_list(lists, float(key * 64), key)
            kept = {other: n for other, n in kept.items() if n > entered - capacity}
            kept[key], entered = entered, entered + 1
        assert lists.pane[at] == key
    assert sorted(kept) == sorted(int(key) // 64 for key in lists.key if key >= 0.0)
    assert lists.state[1] == max(entered - capacity, 0)
    assert np.count_nonzero(lists.table) == len(kept)


def test_slow_clicks_are_made_up_for() -> None:
    # of 100 clicks half are in, of 300 items that were not clicked a tenth
    sums = summed(add, WIDTH, [Outcome(1.0, 1.0, 1.0)] * 50 + [Outcome(1.0, 1.0, 0.0)] * 30)
    found = corrected(reweighted(sums[None], np.array([[10.0, 1.0, 1.0, 2.0]])))
    assert found["ctr_corrected"] == pytest.approx(0.25) == found["ctr_at_10_corrected"]
    assert 0.02 < found["ctr_corrected_se"][0] < 0.1


def test_nothing_is_defined_without_labels() -> None:
    assert all(np.isnan(value).all() for value in metrics(np.zeros((2, WIDTH))).values())
