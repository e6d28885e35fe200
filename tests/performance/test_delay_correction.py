"""Labels of one class come faster: what is seen first misleads, and the correction undoes it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.processors.arrays import F64, I64, Bool
from driftline.processors.performance import binary, multiclass
from driftline.processors.performance.common import delay_cell
from driftline.processors.performance.corrected_windows import PaneSums, corrected_metrics
from driftline.processors.performance.correction import pane_weights
from driftline.processors.performance.delay_curves import (
    CELLS,
    EDGES_MS,
    DelayCurves,
    add_delay,
    delay_cells_by_class,
    delay_curves,
    stratum_of,
)
from driftline.processors.performance.task_layout import task_layout

BINARY = task_layout("binary")
HOUR, DAY = 3_600_000.0, 86_400_000.0
PANE, HORIZON = 6 * HOUR, 14 * DAY


@dataclass
class History:
    """Predictions of 30 days in panes of 6 hours; each has its label at event_ms + delay_ms."""

    event_ms: F64
    label: F64
    prediction: F64
    delay_ms: F64

    @property
    def pane(self) -> I64:
        return (self.event_ms // PANE).astype(np.int64)

    def known_at(self, now_ms: float) -> Bool:
        return (self.event_ms + self.delay_ms < now_ms) & (self.event_ms < now_ms)

    def tables(self, now_ms: float) -> tuple[F64, F64]:
        """Delay tables of the panes that have ended, as the kernel would have them, and their ages."""
        known, panes = self.known_at(now_ms), int(now_ms // PANE)
        cell = np.searchsorted(EDGES_MS, self.delay_ms, side="right") - 1
        stratum = (2 * self.label + (self.label == self.prediction)).astype(np.int64)
        tables = np.zeros((panes, 4, CELLS))
        known &= self.pane < panes
        np.add.at(tables, (self.pane[known], stratum[known], cell[known]), 1.0)
        return tables, now_ms - PANE * (1.0 + np.arange(panes))

    def rows(self, panes: range, now_ms: float) -> F64:
        """float64[panes, 1, WIDTH]"""
        known = self.known_at(now_ms)
        of = [np.flatnonzero(known & (self.pane == pane)) for pane in panes]
        nan, one = np.full(len(known), math.nan), np.ones(len(known))
        return np.array([[binary.sums_plain(self.prediction[i], nan[i], self.label[i], one[i])] for i in of])

    def accuracy(self, panes: range) -> float:
        at = (self.pane >= panes.start) & (self.pane < panes.stop)
        return float(np.mean(self.label[at] == self.prediction[at]))


def history(seed: int, *, wrong_is_faster: bool = False) -> History:
    """30 % positives, known within hours and often missed; the negatives are known after days and mostly right."""
    rng = np.random.default_rng(seed)
    n = 400_000
    label = (rng.random(n) < 0.3).astype(np.float64)
    right = rng.random(n) < np.where(label == 1.0, 0.5, 0.93)
    prediction = np.where(right, label, 1.0 - label)
    delay = np.where(label == 1.0, rng.exponential(5 * HOUR, n), rng.lognormal(math.log(2.5 * DAY), 0.8, n))
    if wrong_is_faster:
        delay = np.where(right, delay, delay / 3.0)
    return History(rng.random(n) * 30 * DAY, label, prediction, np.minimum(delay, HORIZON - 1.0))


def provisional(of: History, window_days: tuple[float, float], now_ms: float) -> tuple[float, float, float]:
    """Naive and corrected accuracy of a window at a time, and the truth."""
    panes = range(int(window_days[0] * DAY // PANE), int(window_days[1] * DAY // PANE))
    tables, _ = of.tables(now_ms)
    rows = of.rows(panes, now_ms)[:, 0]
    corrected = corrected_metrics(
        BINARY,
        PaneSums(rows, np.array(panes)),
        PaneSums(tables.reshape(len(tables), -1), np.arange(len(tables))),
        np.zeros(len(rows), np.int64),
        1,
        at_ms=int(now_ms),
        pane_ms=int(PANE),
        final_age_ms=int(HORIZON),
    )
    naive = binary.metrics(rows.sum(axis=0, keepdims=True))["accuracy"][0]
    return float(naive), float(corrected["accuracy_corrected"][0]), of.accuracy(panes)


@pytest.mark.compiled
@pytest.mark.parametrize("wrong_is_faster", [False, True])
@pytest.mark.parametrize("age_days", [0.0, 0.5, 1.0])
def test_the_corrected_accuracy_is_within_a_point_where_the_naive_one_is_off_by_five(
    age_days: float, wrong_is_faster: bool, test_seed: int
) -> None:
    errors, naive_errors = [], []
    for seed in range(test_seed, test_seed + 3):
        of = history(seed, wrong_is_faster=wrong_is_faster)
        naive, corrected, truth = provisional(of, (24.0, 27.0), (27.0 + age_days) * DAY)
        naive_errors.append(naive - truth)
        errors.append(corrected - truth)
    assert max(naive_errors) < -0.05, f"seed {test_seed}: naive {naive_errors}"
    assert max(np.abs(errors)) < 0.01, f"seed {test_seed}: corrected {errors}"


def test_delays_that_changed_are_learnt_before_a_pane_that_saw_it_is_final(test_seed: int) -> None:
    of = history(test_seed)
    of.delay_ms = np.where(of.event_ms > 20 * DAY, of.delay_ms / 2.0, of.delay_ms)
    now = 27.0 * DAY
    tables, ages = of.tables(now)
    curves = delay_curves(tables, ages, HORIZON)
    before = delay_curves(*of.tables(20.0 * DAY), HORIZON)
    day = np.array([DAY])
    assert curves.known_between(day, day)[0, 1] > before.known_between(day, day)[0, 1] + 0.02, f"seed {test_seed}"


def test_curves_are_the_shares_of_complete_data_when_all_panes_are_final(test_seed: int) -> None:
    of = history(test_seed)
    tables, ages = of.tables(60.0 * DAY)
    curves = delay_curves(tables, ages, HORIZON)
    stratum = 2 * of.label + (of.label == of.prediction)
    for s in range(4):
        delays = of.delay_ms[stratum == s]
        at_edges = [(delays < edge).mean() for edge in curves.edges_ms]
        assert curves.known[s, :-1] == pytest.approx(at_edges[:-1], abs=2e-3)
        assert curves.share[s] == pytest.approx((stratum == s).mean(), abs=1e-9)


def test_a_kind_of_label_that_was_never_seen_takes_the_delays_of_all() -> None:
    tables = np.zeros((1, 4, CELLS))
    tables[0, 0, 20], tables[0, 0, 30] = 30.0, 70.0
    curves = delay_curves(tables, np.array([HORIZON]), HORIZON)
    assert curves.known[3] == pytest.approx(curves.known[0], abs=0.02)


def test_a_pane_too_young_for_a_kind_that_matters_is_left_out() -> None:
    tables = np.zeros((1, 4, CELLS))
    tables[0, 1, 40], tables[0, 3, 16] = 500.0, 500.0  # one kind after days, one after minutes
    curves = delay_curves(tables, np.array([HORIZON]), HORIZON)
    ages = np.array([0.0, HOUR, 13 * DAY])
    weights = pane_weights(curves, ages, ages + HOUR)
    assert not weights[:2].any()
    assert (weights[2] >= 1.0).all() and weights[2].max() < 1.2


def test_without_any_label_there_is_nothing_to_correct_by() -> None:
    curves = delay_curves(np.zeros((3, 4, CELLS)), np.array([DAY, 2 * DAY, 30 * DAY]), HORIZON)
    assert not pane_weights(curves, np.array([DAY]), np.array([2 * DAY])).any()


def test_final_labels_stand_for_themselves(test_seed: int) -> None:
    of = history(test_seed)
    now = 60.0 * DAY
    curves = delay_curves(*of.tables(now), HORIZON)
    panes = range(4, 8)
    young = now - PANE * (1.0 + np.array(panes))
    weights = pane_weights(curves, young, young + PANE)
    assert np.array_equal(weights, np.ones((4, 4)))
    rows = of.rows(panes, now)
    found = BINARY.corrected(rows[:, 0], weights, np.zeros(len(rows), np.int64), 1)
    plain = binary.metrics(rows.sum(axis=0))
    for name, value in found.items():
        assert value == pytest.approx(plain[name.replace("_corrected", "")]), name


@given(st.floats(0, 2 * HORIZON), st.floats(0, 2 * HORIZON))
def test_the_share_known_over_a_span_of_ages_is_the_mean_of_the_curve(first: float, second: float) -> None:
    edges = np.minimum(EDGES_MS, HORIZON)
    known = np.array([np.linspace(0.0, 1.0, CELLS + 1), np.linspace(0.0, 1.0, CELLS + 1) ** 2])
    known[:, edges >= HORIZON] = 1.0
    curves = DelayCurves(edges, known, np.array([0.5, 0.5]), np.array([1.0, 1.0]), 3 * HORIZON)
    low, high = sorted((first, second))
    ages = np.linspace(low, high, 4_001)
    expected = [np.interp(ages, edges, row).mean() for row in known]
    assert curves.known_between(np.array([low]), np.array([high]))[0] == pytest.approx(expected, abs=2e-3)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 3), st.integers(0, 10**9)), max_size=30))
def test_a_delay_that_is_taken_away_leaves_nothing(labels: list[tuple[int, int, int]]) -> None:
    table = np.zeros(4 * CELLS)
    for prediction, label, delay_ms in labels:
        add_delay(table, float(prediction), float(label), delay_ms, 1.0)
    assert table.sum() == sum(label < 2 for _, label, _ in labels)
    for prediction, label, delay_ms in labels:
        add_delay(table, float(prediction), float(label), delay_ms, -1.0)
    assert not table.any()


@given(st.integers(-5, 10**11) | st.sampled_from([int(edge) for edge in EDGES_MS]))
def test_a_delay_is_counted_in_its_half_cell_and_shown_by_class(delay_ms: int) -> None:
    table = np.zeros(4 * CELLS)
    add_delay(table, 1.0, 1.0, delay_ms, 1.0)
    assert table.reshape(4, CELLS)[3].argmax() == np.clip(
        np.searchsorted(EDGES_MS, delay_ms, side="right") - 1, 0, CELLS - 1
    )
    shown = delay_cells_by_class(table)
    assert shown.sum() == shown[1, delay_cell(delay_ms)] == 1.0


def test_labels_without_a_stratum_are_passed_over() -> None:
    assert [stratum_of(1.0, y, 4) for y in (math.nan, 2.0, -1.0)] == [-1, -1, -1]
    assert stratum_of(math.nan, 1.0, 4) == -1
    assert stratum_of(0.0, 0.0, 0) == -1


@pytest.mark.parametrize("classes", [3, None])
def test_a_multiclass_model_is_corrected_by_class(classes: int | None) -> None:
    # class 0: all labels in, 40 right of 50; class 2: a tenth in, 9 right of 10
    layout = task_layout("multiclass", classes)
    sums = np.zeros((1, layout.width))
    for label, right, wrong in ((0.0, 40, 10), (2.0, 9, 1)):
        for prediction, times in ((label, right), (1.0, wrong)):
            for _ in range(times):
                multiclass.add(sums[0], prediction, math.nan, label, 1.0, 1.0)
    weights = np.ones((1, layout.strata))
    weights[0, 4:6] = 10.0
    found = layout.corrected(sums, weights, np.zeros(1, np.int64), 1)
    assert found["accuracy_corrected"] == pytest.approx((40 + 90) / 150)
    assert 0.01 < found["accuracy_corrected_se"][0] < 0.1
    if classes == 3:
        f1 = [80 / 90, 0.0, 180 / 190]
        assert found["macro_f1_corrected"] == pytest.approx(np.mean(f1))


def test_the_order_in_which_panes_lie_does_not_matter(test_seed: int) -> None:
    rng = np.random.default_rng(test_seed)
    n, pane = 40, rng.permutation(40)
    tables = PaneSums(rng.poisson(3.0, (n, 4 * CELLS)).astype(np.float64), pane)
    rows = PaneSums(rng.poisson(5.0, (n, BINARY.width)).astype(np.float64), pane)

    def corrected(order: I64) -> dict[str, F64]:
        return corrected_metrics(
            BINARY,
            PaneSums(rows.sums[order], rows.pane[order]),
            PaneSums(tables.sums[order], tables.pane[order]),
            np.zeros(n, np.int64),
            1,
            at_ms=int(n * PANE),
            pane_ms=int(PANE),
            final_age_ms=int(5 * DAY),
        )

    shuffled, by_time = corrected(np.arange(n)), corrected(np.argsort(pane))
    assert shuffled["accuracy_corrected"] == pytest.approx(by_time["accuracy_corrected"], rel=1e-12)
    assert 0.0 < shuffled["accuracy_corrected"][0] < 1.0


def test_a_regression_and_a_model_without_labels_are_not_corrected() -> None:
    nothing = PaneSums(np.zeros((0, 4 * CELLS)), np.zeros(0, np.int64))
    for layout in (task_layout("regression"), BINARY):
        rows = PaneSums(np.zeros((1, layout.width)), np.zeros(1, np.int64))
        times = {"at_ms": int(DAY), "pane_ms": int(PANE), "final_age_ms": int(5 * DAY)}
        assert corrected_metrics(layout, rows, nothing, np.zeros(1, np.int64), 1, **times) == {}
