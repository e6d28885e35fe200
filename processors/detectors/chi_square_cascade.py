"""Count windows of 250, 500, ... 8,000 events, each tested against the reference: finds small local changes.

Every 250 events of a segment (its *own* count, so that all its fields share the ends of windows) a window of the lowest
level ends; two windows of one level make one of the next. Each is tested with the two-sample chi-square statistic
(`statistics.chi_square`) on test cells as fine as its size allows (`cascade_plan`). A level is used when its window is
at most a tenth of the reference: longer ones would test the error of the reference, not the stream.

*Latch*, one alarm per onset: a window at or above its critical value latches its level, and an alarm is raised when the
first level latches. A level is released by its next window that does not stand out even at p = .05; the critical value
itself would release it whenever a lasting small drift has a weak window (docs/decisions/one-alarm-per-onset.md).

Missing values are a test cell if enough of them are expected. A window in which fewer than half of the events can be
tested is not, and leaves the latch as it is: the chi-square approximation does not hold for it.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from driftline.processors.arrays import F64, I64, U8, U16
from driftline.processors.codes import CELLS
from driftline.processors.detectors.cascade_plan import (
    BASE_EVENTS,
    CASCADE_CELLS,
    CASCADE_LEVELS,
    NOT_TESTED,
    RELEASE,
    STANDS_OUT,
    cascade_plan,
)
from driftline.processors.detectors.kernel_detector import KernelDetector
from driftline.processors.detectors.protocol import LARGEST_VALUE, Evidence
from driftline.processors.kernels import njit_uncounted


@njit_uncounted(fastmath=False, error_model="numpy", forceinline=True)
def _test_window(counts: U16, level: int, test_cell: U8, reference: F64) -> tuple[float, float]:
    """(X2, number of values tested) of one window; test cells are runs of base cells (see `cascade_plan`)."""
    n = 0.0
    m = 0.0
    for b in range(CASCADE_CELLS):
        if test_cell[level, b] != NOT_TESTED:
            n += float(counts[level, b])
            m += reference[b]
    total = 0.0
    c = 0.0
    r = 0.0
    for b in range(CASCADE_CELLS - 1):
        t = test_cell[level, b]
        if t == NOT_TESTED:
            continue
        c += float(counts[level, b])
        r += reference[b]
        if test_cell[level, b + 1] != t:
            difference = c * m - r * n
            total += difference * difference / (c + r)
            c = 0.0
            r = 0.0
    return (total / (n * m) if n > 0.0 else 0.0), n


@njit_uncounted(fastmath=False, error_model="numpy", forceinline=True)
def cascade_run(
    counts: U16,
    latched: U8,
    seen: int,
    cells: U8,
    base_of_cell: U8,
    test_cell: U8,
    reference: F64,
    critical: F64,
    levels_used: int,
    hits: I64,
    evidence: F64,
) -> int:
    """Feed a run of events, in order, to one monitor; the number of alarms, at most one in 250 events.

    counts: uint16[6, 18] windows under way, latched: uint8[1], a bit for each level: all zero when new, changed in
    place. seen: events of the segment before this run. cells: uint8[n] histogram cells, 0..67. From `cascade_plan`:
    base_of_cell uint8[68], test_cell uint8[6, 18], reference float64[18], critical float64[2, 6], levels_used 0..6.
    hits: int64[H], evidence: float64[H, 4]: see `protocol`; of the window that is furthest over its critical value. The
    last column is that window's number of events: the change began in it or before.
    """
    n = cells.shape[0] if levels_used > 0 else 0  # one way out: beside a second one numba counts references to arrays
    n_hits = 0
    i = 0
    while i < n:
        stop = min(n, i + BASE_EVENTS - (seen + i) % BASE_EVENTS)
        for k in range(i, stop):
            counts[0, base_of_cell[cells[k]]] += np.uint16(1)
        i = stop
        if (seen + i) % BASE_EVENTS != 0:
            continue
        window = (seen + i) // BASE_EVENTS
        mask = np.int64(latched[0])
        furthest = 0.0
        statistic = 0.0
        of_level = 0
        tested_of_level = 0.0
        level = 0
        while True:
            x2, tested = _test_window(counts, level, test_cell, reference)
            if 2.0 * tested >= float(BASE_EVENTS << level):
                if x2 >= critical[STANDS_OUT, level]:
                    mask |= 1 << level
                    if x2 > furthest * critical[STANDS_OUT, level]:
                        furthest = x2 / critical[STANDS_OUT, level]
                        statistic, of_level, tested_of_level = x2, level, tested
                elif x2 < critical[RELEASE, level]:
                    mask &= ~(1 << level)
            ends_next = window & ((2 << level) - 1) == 0
            for b in range(CASCADE_CELLS):
                if level + 1 < levels_used:
                    counts[level + 1, b] += counts[level, b]
                counts[level, b] = 0
            level += 1
            if level == levels_used or not ends_next:
                break
        if latched[0] == 0 and mask != 0:
            if n_hits < hits.shape[0]:
                hits[n_hits] = i - 1
                evidence[n_hits, 0] = statistic
                evidence[n_hits, 1] = critical[STANDS_OUT, of_level]
                evidence[n_hits, 2] = tested_of_level
                evidence[n_hits, 3] = BASE_EVENTS << of_level
            n_hits += 1
        latched[0] = mask
    return n_hits


def cascade_p(statistic: float, events: float, dof: I64) -> float:
    """The p-value of an alarm: statistic and events are columns 0 and 3 of its evidence, dof: int64[6] of the plan."""
    level = int(events).bit_length() - BASE_EVENTS.bit_length()
    return float(special.chdtrc(float(dof[level]), statistic))


class ChiSquareCascade(KernelDetector):
    """Cascade of chi-square tests on count windows: finds small local changes of a stream uniform on [0, 1).

    Feed it u = F(x), F the distribution function of the reference (randomised where it jumps); u below 0 or above 1
    counts as the nearest end. Alarms once for one onset, at the end of a window. Between two windows the statistic is that
    of the window under way which is nearest to its critical value, as if it ended now.

    Parameters
    ----------
    arl
        Average number of values to a false alarm, at least 10. Default 1,000,000.
    reference_n
        Values of the reference that F was made from, at least 2,500: no window is longer than a tenth. Default 80,000.

    >>> rng = np.random.default_rng(1)
    >>> u = rng.random(10_000)
    >>> u[4_000:][(u[4_000:] >= 0.3) & (u[4_000:] < 0.35)] += 0.1  # half of a decile moves to the next
    >>> ChiSquareCascade(arl=1e6).update_many(u).tolist()
    [4999]

    References
    ----------
    A. Agresti, "Categorical Data Analysis", 3rd ed., Wiley 2013, section 3.2 (the test).
    """

    def __init__(self, arl: float = 1e6, reference_n: int = 80_000) -> None:
        if not arl >= 10.0:
            raise ValueError(f"arl {arl!r}: give the average run length, 10 values or more")
        self.arl = arl
        self.reference_n = reference_n
        uniform = np.zeros(68)
        uniform[:CELLS] = reference_n / CELLS
        self.plan = cascade_plan(uniform, numeric=True, rate=1.0 / arl)
        if self.plan.levels_used == 0:
            raise ValueError(f"reference_n {reference_n}: give 2,500 values or more, ten times the smallest window")
        self._counts: U16 = np.zeros((CASCADE_LEVELS, CASCADE_CELLS), np.uint16)
        self._latched: U8 = np.zeros(1, np.uint8)
        self._seen: I64 = np.zeros(1, np.int64)
        super().__init__(
            {"arl": arl, "reference_n": reference_n},
            {"counts": self._counts, "latched": self._latched, "seen": self._seen},
            shortest_gap=BASE_EVENTS,
        )

    def _run(self, levels: U16, table: F64, hits: I64, evidence: F64) -> int:
        x = table[levels]
        taken = np.flatnonzero(np.abs(x) <= LARGEST_VALUE)
        cells = np.clip(x[taken] * CELLS, 0, CELLS - 1).astype(np.uint8)
        n_hits = cascade_run(
            self._counts, self._latched, int(self._seen[0]), cells, *self.plan.kernel_arguments(), hits, evidence
        )
        hits[:n_hits] = taken[hits[:n_hits]]
        self._seen[0] += len(taken)
        return int(n_hits)

    def _standing(self) -> Evidence:
        nearest = Evidence(0.0, float(self.plan.critical[STANDS_OUT, 0]), 0.0, 0.0)
        under_way = np.zeros(CASCADE_CELLS, np.uint16)
        for level in range(self.plan.levels_used):
            under_way += self._counts[level]
            x2, n = _test_window(under_way[None], 0, self.plan.test_cell[level : level + 1], self.plan.reference)
            threshold = float(self.plan.critical[STANDS_OUT, level])
            if n > 0 and x2 * nearest.threshold > nearest.statistic * threshold:
                nearest = Evidence(x2, threshold, n, 0.0)
        return nearest
