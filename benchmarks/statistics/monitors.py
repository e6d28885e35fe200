"""The detectors as the core runs them: production kernels and latches, thresholds from a rate of false alarms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from driftline.processors.arrays import F64, I64, U16
from driftline.processors.budget import (
    PAGE_HINKLEY_ALLOWANCE,
    adwin_delta,
    page_hinkley_threshold,
    shiryaev_roberts_threshold,
)
from driftline.processors.codes import CELL_MISSING, CELLS, N_CELLS
from driftline.processors.detectors.adwin import Adwin
from driftline.processors.detectors.bets import BETS, LEVELS, MISSING_LEVEL, field_bets, value_bets
from driftline.processors.detectors.cascade_plan import BASE_EVENTS, CASCADE_CELLS, CASCADE_LEVELS, cascade_plan
from driftline.processors.detectors.chi_square_cascade import cascade_run
from driftline.processors.detectors.cusum import Cusum
from driftline.processors.detectors.shiryaev_roberts import MARKS, alarm_limits, shiryaev_roberts_run

U_OF_LEVEL: F64 = np.append((np.arange(LEVELS) + 0.5) / LEVELS, np.nan)


class Monitor(Protocol):
    """Takes levels in order; the positions of the alarms in each run."""

    def __call__(self, levels: U16) -> I64: ...


MakeMonitor = Callable[[float], Monitor]
"""Of a rate of false alarms per value."""


def shiryaev_roberts(missing: int | None, n: int, table: F64 | None = None) -> MakeMonitor:
    """The e-detector of a field that was missing or invalid in `missing` of `n` reference rows; None: no such bets."""
    bets = field_bets(missing, n)
    on_values = value_bets() if table is None else table

    def make(rate: float) -> Monitor:
        limits = alarm_limits(shiryaev_roberts_threshold(rate), bets, on_values)
        state, latched, marks = np.zeros(BETS), np.zeros(1, np.uint8), np.zeros(MARKS, np.int64)
        seen = 0

        def run(levels: U16) -> I64:
            nonlocal seen
            hits = np.zeros(len(levels) // 8 + 1, np.int64)
            evidence = np.zeros((len(hits), 4))
            k = shiryaev_roberts_run(state, latched, marks, seen, levels, on_values, bets, limits, hits, evidence)
            seen += len(levels)
            return hits[:k]

        return run

    return make


def chi_square(reference_cells: F64, categories: tuple[float, ...] = ()) -> MakeMonitor:
    """The cascade against these reference counts, float64[68].

    Levels become the 64 cells of a numeric field, or the category in whose stretch of the line a level has its middle.
    """
    middles = (np.arange(LEVELS) + 0.5) / LEVELS
    cells = np.searchsorted(np.cumsum(categories)[:-1], middles) if categories else middles * CELLS
    cell_of_level = np.append(cells, CELL_MISSING).astype(np.uint8)
    assert cell_of_level[MISSING_LEVEL] == CELL_MISSING

    def make(rate: float) -> Monitor:
        plan = cascade_plan(reference_cells, numeric=not categories, rate=rate)
        counts = np.zeros((CASCADE_LEVELS, CASCADE_CELLS), np.uint16)
        latched = np.zeros(1, np.uint8)
        seen = 0

        def run(levels: U16) -> I64:
            nonlocal seen
            hits = np.zeros(len(levels) // BASE_EVENTS + 1, np.int64)
            evidence = np.zeros((len(hits), 4))
            k = cascade_run(counts, latched, seen, cell_of_level[levels], *plan.kernel_arguments(), hits, evidence)
            seen += len(levels)
            return hits[:k]

        return run

    return make


def category_reference(shares: tuple[float, ...], n: int) -> F64:
    """float64[68]: n values as those levels count them that have their middle in a category's stretch."""
    cells = np.zeros(N_CELLS)
    middles = (np.arange(LEVELS) + 0.5) / LEVELS
    counts = np.bincount(np.searchsorted(np.cumsum(shares)[:-1], middles), minlength=len(shares))
    cells[: len(shares)] = counts * n / LEVELS
    return cells


def random_reference(rng: np.random.Generator, n: int) -> F64:
    """float64[68]: the cells of a reference of n values, as one draw finds them."""
    cells = np.zeros(N_CELLS)
    cells[:CELLS] = rng.multinomial(n, np.full(CELLS, 1 / CELLS))
    return cells


def adwin(rate: float) -> Monitor:
    """ADWIN on u, delta from the rate."""
    detector = Adwin(adwin_delta(rate))
    return lambda levels: detector.update_many(U_OF_LEVEL[levels])


def page_hinkley(rate: float) -> Monitor:
    """Page-Hinkley on standardised u with the reference's mean, threshold from the rate, latched."""
    detector = Cusum(page_hinkley_threshold(rate), PAGE_HINKLEY_ALLOWANCE, mean=0.0)
    deviations = np.sqrt(12.0) * (U_OF_LEVEL - 0.5)
    return lambda levels: detector.update_many(deviations[levels])
