"""The cascade of chi-square tests: equal to its plain reference, right on average, one alarm for one change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from driftline.processors.arrays import F64, I64, U8, U16
from driftline.processors.codes import CELL_INVALID, CELL_MISSING, CELLS, N_CELLS, POOLED_CODE
from driftline.processors.detectors.cascade_plan import (
    BASE_EVENTS,
    CASCADE_CELLS,
    CASCADE_LEVELS,
    NOT_TESTED,
    CascadePlan,
    cascade_plan,
    window_alpha,
)
from driftline.processors.detectors.chi_square_cascade import ChiSquareCascade, cascade_p, cascade_run
from driftline.processors.detectors.chi_square_cascade_plain import PlainCascade
from driftline.processors.statistics.chi_square import chi_square


class Monitor:
    """One monitor over the kernel."""

    def __init__(self, plan: CascadePlan) -> None:
        self.plan = plan
        self.counts: U16 = np.zeros((CASCADE_LEVELS, CASCADE_CELLS), np.uint16)
        self.latched: U8 = np.zeros(1, np.uint8)
        self.seen = 0
        self.alarms: list[int] = []
        self.evidence: list[list[float]] = []

    def run(self, cells: U8) -> None:
        hits = np.zeros(len(cells) // BASE_EVENTS + 1, np.int64)
        evidence = np.zeros((len(hits), 4))
        n = cascade_run(self.counts, self.latched, self.seen, cells, *self.plan.kernel_arguments(), hits, evidence)
        assert n <= len(hits)
        self.alarms += (hits[:n] + self.seen).tolist()
        self.evidence += evidence[:n].tolist()
        self.seen += len(cells)


def numeric_cells(n: int, missing: int = 0) -> F64:
    cells = np.zeros(N_CELLS)
    cells[:CELLS] = n / CELLS
    cells[CELL_MISSING] = missing
    return cells


def categories(*shares: float, n: int = 100_000, missing: float = 0.0) -> F64:
    cells = np.zeros(N_CELLS)
    cells[: len(shares)] = np.array(shares) * n
    cells[CELL_MISSING] = missing * n
    return cells


PLANS = {
    "numeric": cascade_plan(numeric_cells(60_000), numeric=True, rate=1e-3),
    "numeric with missing values": cascade_plan(numeric_cells(90_000, 9_000), numeric=True, rate=1e-3),
    "small reference": cascade_plan(numeric_cells(5_000), numeric=True, rate=1e-3),
    "tiny reference": cascade_plan(numeric_cells(2_000), numeric=True, rate=1e-3),
    "categories": cascade_plan(
        categories(0.6, 0.2, 0.1, 0.05, 0.03, 0.01, 0.01, missing=0.02), numeric=False, rate=1e-3
    ),
    "rare flag": cascade_plan(categories(0.995, 0.005), numeric=False, rate=1e-3),
    "constant": cascade_plan(categories(1.0), numeric=False, rate=1e-3),
}


@given(
    name=st.sampled_from(sorted(PLANS)),
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(0, 3_000),
    cuts=st.lists(st.integers(0, 3_000), max_size=12),
)
@example(name="numeric with missing values", seed=1, n=2_600, cuts=[249, 250, 251, 1_999])
@example(name="small reference", seed=2, n=2_600, cuts=[])
@example(name="categories", seed=3, n=2_600, cuts=[1_300])
def test_the_kernel_equals_the_plain_reference_however_the_stream_is_cut(
    name: str, seed: int, n: int, cuts: list[int]
) -> None:
    rng = np.random.default_rng(seed)
    plan = PLANS[name]
    used = np.flatnonzero(plan.base_of_cell != NOT_TESTED)
    choices = np.append(used if len(used) else np.arange(3), [CELL_INVALID, CELL_MISSING])
    weights = rng.dirichlet(np.full(len(choices), 5.0), size=4)
    cells = np.concatenate([rng.choice(choices, max(n // 4, 1), p=w) for w in weights])[:n].astype(np.uint8)
    monitor, plain = Monitor(plan), PlainCascade(plan)
    for piece in np.split(cells, sorted(min(cut, len(cells)) for cut in cuts)):
        monitor.run(piece)
    assert [i for i, cell in enumerate(cells.tolist()) if plain.update(cell)] == monitor.alarms
    assert plain.latched == {level for level in range(CASCADE_LEVELS) if monitor.latched[0] >> level & 1}


@given(
    seed=st.integers(0, 2**32 - 1),
    numeric=st.booleans(),
    n=st.integers(1_000, 200_000),
    concentration=st.sampled_from([0.02, 0.3, 3.0]),
    missing=st.sampled_from([0.0, 0.001, 0.2]),
)
def test_test_cells_are_runs_of_base_cells_that_expect_enough(
    seed: int, numeric: bool, n: int, concentration: float, missing: float
) -> None:
    rng = np.random.default_rng(seed)
    reference = np.zeros(N_CELLS)
    reference[:CELLS] = rng.multinomial(n, rng.dirichlet(np.full(CELLS, concentration)))
    reference[CELL_MISSING] = rng.binomial(n, missing)
    plan = cascade_plan(reference, numeric=numeric, rate=1e-6)
    for level in range(plan.levels_used):
        row = [t for t in plan.test_cell[level].tolist() if t != NOT_TESTED]
        k = len(set(row))
        assert plan.dof[level] == max(k - 1, 0)
        if k:
            assert row == sorted(row)
            assert set(row) == set(range(k))
            shares = [plan.reference[plan.test_cell[level] == t].sum() for t in range(k)] / plan.reference[
                plan.test_cell[level] != NOT_TESTED
            ].sum()
            assert min(shares) * (BASE_EVENTS << level) >= 24.9
        assert np.isfinite(plan.critical[0, level]) == (k >= 2)


def test_a_level_is_used_when_its_window_is_a_tenth_of_the_reference() -> None:
    used = [cascade_plan(numeric_cells(n), numeric=True, rate=1e-6).levels_used for n in (2_499, 2_500, 79_999, 80_000)]
    assert used == [0, 1, 5, 6]


def test_rare_categories_are_tested_in_long_windows_only() -> None:
    plan = PLANS["rare flag"]
    assert plan.dof.tolist() == [0, 0, 0, 0, 0, 1]
    assert plan.test_cell[5, :2].tolist() == [0, 1]
    assert plan.base_of_cell[POOLED_CODE] == plan.base_of_cell[1], "a new category is counted with the rare one"


def test_the_statistic_is_the_two_sample_chi_square_of_the_window_that_ended() -> None:
    plan = PLANS["numeric"]
    cells = np.random.default_rng(3).integers(0, 40, BASE_EVENTS).astype(np.uint8)
    monitor = Monitor(plan)
    monitor.run(cells)
    test_cell = plan.test_cell[0, plan.base_of_cell[cells]]
    k = int(plan.dof[0]) + 1
    reference = np.array([plan.reference[plan.test_cell[0] == t].sum() for t in range(k)])
    x2, dof = chi_square(reference, np.bincount(test_cell, minlength=k).astype(np.float64))
    statistic, threshold, n, events = monitor.evidence[0]
    assert statistic == pytest.approx(x2, rel=1e-12)
    assert threshold == plan.critical[0, 0]
    assert (n, events) == (BASE_EVENTS, BASE_EVENTS)
    assert cascade_p(statistic, events, plan.dof) == pytest.approx(stats.chi2.sf(x2, dof), rel=1e-9)


def test_windows_end_at_multiples_of_250_events_of_the_segment() -> None:
    plan = PLANS["numeric"]
    stuck = np.full(1_000, 5, np.uint8)
    late_joiner = Monitor(plan)
    late_joiner.seen = 1_100
    late_joiner.run(stuck)
    assert late_joiner.alarms == [1_249]


def test_a_window_of_mostly_missing_values_is_not_tested_and_keeps_the_latch() -> None:
    plan = cascade_plan(numeric_cells(20_000), numeric=True, rate=1e-6)
    monitor = Monitor(plan)
    monitor.run(np.full(BASE_EVENTS, 3, np.uint8))
    monitor.run(np.full(8 * BASE_EVENTS - BASE_EVENTS, CELL_MISSING, np.uint8))
    assert monitor.alarms == [BASE_EVENTS - 1]
    assert monitor.latched[0] & 1
    monitor.run((np.arange(BASE_EVENTS) % CELLS).astype(np.uint8))
    assert not monitor.latched[0] & 1


def test_missing_values_are_a_cell_of_their_own_when_enough_are_expected() -> None:
    monitor = Monitor(PLANS["numeric with missing values"])
    rng = np.random.default_rng(4)
    cells = rng.integers(0, CELLS, 8_000).astype(np.uint8)
    cells[rng.random(8_000) < 0.3] = CELL_MISSING
    monitor.run(cells)
    assert monitor.alarms[0] < 1_000


@pytest.mark.compiled
def test_false_alarms_without_drift_are_as_many_as_the_rate_says() -> None:
    rng = np.random.default_rng(5)
    alarms = 0
    for _ in range(80):  # new references: the promise is one on average over references
        reference = np.zeros(N_CELLS)
        reference[:CELLS] = np.bincount(rng.integers(0, CELLS, 80_000), minlength=CELLS)
        monitor = Monitor(cascade_plan(reference, numeric=True, rate=1e-5))
        monitor.run(rng.integers(0, CELLS, 200_000).astype(np.uint8))
        alarms += len(monitor.alarms)
    expected = 80 * 200_000 * 1e-5
    assert 0.6 * expected <= alarms <= 1.3 * expected


@pytest.mark.compiled
def test_a_lasting_change_is_one_alarm_and_a_later_one_alarms_again() -> None:
    u = np.random.default_rng(6).random(80_000)
    for start in (4_000, 50_000):
        part = u[start : start + 12_000]
        part[(part >= 0.3) & (part < 0.35)] += 0.05
    alarms = ChiSquareCascade(arl=1e7, reference_n=80_000).update_many(u)
    assert len(alarms) == 2
    assert 4_000 < alarms[0] < 8_000
    assert 50_000 < alarms[1] < 54_000


def test_the_class_shows_the_window_under_way() -> None:
    detector = ChiSquareCascade(arl=1e6, reference_n=80_000)
    assert detector.statistic == 0.0
    detector.update_many(np.full(100, 0.2))
    assert detector.statistic > detector.threshold
    assert detector.update_many(np.full(150, 0.2)).tolist() == [149]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"arl": 5.0}, "10 values or more"),
        ({"arl": float("nan")}, "10 values"),
        ({"reference_n": 100}, "2,500 values or more"),
    ],
)
def test_a_promise_that_cannot_be_kept_is_refused(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ChiSquareCascade(**arguments)  # type: ignore[arg-type]


def test_a_rate_beyond_any_budget_does_not_alarm_in_every_window() -> None:
    assert window_alpha(0.1, 8_000, 6) == 0.05


def test_more_alarms_than_there_is_room_for_are_counted_and_not_written() -> None:
    plan = PLANS["small reference"]
    calm = np.tile((np.arange(BASE_EVENTS * 2) % CELLS).astype(np.uint8), 4)
    cells = np.concatenate([np.full(500, 5, np.uint8), calm] * 3)
    hits: I64 = np.zeros(1, np.int64)
    evidence: F64 = np.zeros((1, 4))
    counts: U16 = np.zeros((CASCADE_LEVELS, CASCADE_CELLS), np.uint16)
    n = cascade_run(counts, np.zeros(1, np.uint8), 0, cells, *plan.kernel_arguments(), hits, evidence)
    assert n == 3
    assert hits.tolist() == [BASE_EVENTS - 1]
