"""How often the chi-square test of a window alarms without drift: realised / nominal rate at p = 1e-4 and 1e-5.

    python benchmarks/statistics/x2_null.py                     # at least 1e7 windows of each size, at most 120 s
    python benchmarks/statistics/x2_null.py --draws 1e6 --seconds 15

Every size class is tested as the product tests it: the test cells come from `fill_test_cells`, the statistic from
`chi_square`, and the reference is as small as the rule n <= m/10 allows (m = 10 n), which is the worst case. Both
samples are random; one reference serves 25 windows, so a rate is an average over some 400,000 references. Three shapes:

  even cells       64 equal cells with fixed edges
  quantile cells   64 cells whose edges are quantiles of that same reference, as reference profiles have them
  flag at limit    two categories, the rarer at the least share that is still tested; where the reference sample has
                   too few of it there is no test, and the window does not count

The bar: at most twice the nominal rate at p = 1e-5.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import njit
from scipy import stats

from driftline.processors.arrays import F64, I64, U64, Counts
from driftline.processors.codes import CELLS, N_CELLS
from driftline.processors.statistics.chi_square import chi_square
from driftline.processors.statistics.test_cells import (
    LEAST_EXPECTED,
    LEAST_EXPECTED_SMALL,
    MAX_TEST_CELLS,
    SIZE_CLASSES,
    fill_test_cells,
)

# The kernels here are not cached: numba stores the module's name with them, and a script has a different one when it is
# run than when a test loads it.

LEVELS = (1e-4, 1e-5)
BAR = 2.0
LEAST_WINDOWS = 1_000_000  # ten alarms to expect at 1e-5; with fewer a ratio of 2 is chance
REFERENCE_FACTOR = 10
WINDOWS_PER_REFERENCE = 25
REFERENCES_PER_BLOCK = 4_000


class Row(NamedTuple):
    """One size class of one shape: mean number of test cells, windows tested, alarms at each of LEVELS."""

    shape: str
    n: int
    k: float
    windows: int
    alarms: tuple[int, ...]

    def ratio(self, level: int) -> float:
        return self.alarms[level] / (self.windows * LEVELS[level])

    def interval(self, level: int) -> tuple[float, float]:
        """95 % interval of the ratio: exact Poisson limits of the number of alarms (Garwood 1936)."""
        alarms, expected = self.alarms[level], self.windows * LEVELS[level]
        low = stats.chi2.ppf(0.025, 2 * alarms) / 2 / expected if alarms else 0.0
        return float(low), float(stats.chi2.ppf(0.975, 2 * alarms + 2) / 2 / expected)


@njit(nogil=True, fastmath=False)
def _random_bits(state: U64) -> np.uint64:
    """SplitMix64 (Steele, Lea, Flood 2014). state: uint64[1]."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z: np.uint64 = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(nogil=True, fastmath=False)
def _fair_heads(tosses: int, state: U64) -> int:
    """Binomial(tosses, 1/2), exactly: the ones among that many random bits."""
    heads = 0
    while tosses > 0:
        x = _random_bits(state)
        if tosses < 64:
            x >>= np.uint64(64 - tosses)
        x -= (x >> np.uint64(1)) & np.uint64(0x5555555555555555)
        x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
        x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
        heads += int((x * np.uint64(0x0101010101010101)) >> np.uint64(56))
        tosses -= 64
    return heads


@njit(nogil=True, fastmath=False)
def _even_counts(n: int, state: U64, counts: I64) -> None:
    """Multinomial(n, 64 equal cells) by halving six times; several times faster than one binomial per cell."""
    counts[0] = n
    width = CELLS
    while width > 1:
        half = width // 2
        for start in range(0, CELLS, width):
            heads = _fair_heads(counts[start], state)
            counts[start + half] = counts[start] - heads
            counts[start] = heads
        width = half


@njit(nogil=True, fastmath=False)
def _add_alarms(of_reference: Counts, of_window: Counts, limits: F64, alarms: I64) -> None:
    x2, dof = chi_square(of_reference, of_window)
    for level in range(alarms.shape[0]):
        if dof > 0 and x2 >= limits[level, dof]:
            alarms[level] += 1


@njit(nogil=True, fastmath=False)
def _judge(cells: I64, windows: I64, numeric: bool, limits: F64, alarms: I64) -> int:
    """Test the windows, int64[W, 68], against one reference, int64[68]; number of test cells, 1 = not tested."""
    test_cells = np.empty(N_CELLS, np.uint8)
    k = fill_test_cells(cells, windows[0, :CELLS].sum(), numeric, test_cells)
    if k == 1:
        return 1
    of_reference = np.zeros(k)
    of_window = np.zeros(k)
    for i in range(CELLS):
        of_reference[test_cells[i]] += cells[i]
    for w in range(windows.shape[0]):
        of_window[:] = 0.0
        for i in range(CELLS):
            of_window[test_cells[i]] += windows[w, i]
        _add_alarms(of_reference, of_window, limits, alarms)
    return k


@njit(nogil=True, fastmath=False)
def _even_block(n: int, references: int, state: U64, limits: F64, alarms: I64) -> tuple[int, int]:
    """Draw and judge `references` times 25 windows over even cells; references tested, and their sum of k."""
    cells = np.zeros(N_CELLS, np.int64)
    windows = np.zeros((WINDOWS_PER_REFERENCE, N_CELLS), np.int64)
    total_k = 0
    for _ in range(references):
        _even_counts(REFERENCE_FACTOR * n, state, cells)
        for w in range(WINDOWS_PER_REFERENCE):
            _even_counts(n, state, windows[w])
        total_k += _judge(cells, windows, True, limits, alarms)
    return references, total_k


@njit(nogil=True, fastmath=False)
def _flag_block(cells: I64, windows: I64, limits: F64, alarms: I64) -> tuple[int, int]:
    tested = 0
    for r in range(cells.shape[0]):
        tested += _judge(cells[r], windows[r], False, limits, alarms) == 2
    return tested, 2 * tested


@njit(nogil=True, fastmath=False)
def _quantile_block(of_reference: I64, windows: I64, limits: F64, alarms: I64) -> None:
    for r in range(windows.shape[0]):
        for w in range(windows.shape[1]):
            _add_alarms(of_reference, windows[r, w], limits, alarms)


class EvenCells:
    """A block of windows over 64 equal cells with fixed edges."""

    def __init__(self, seed: int) -> None:
        self.state = np.array([seed], np.uint64)

    def __call__(self, n: int, references: int, limits: F64, alarms: I64) -> tuple[int, int]:
        tested, total_k = _even_block(n, references, self.state, limits, alarms)
        return int(tested), int(total_k)


class QuantileCells:
    """A block of windows over cells between quantiles of their reference.

    Then the reference's counts are even by construction, and the random part is the population's share between two of
    its order statistics: Dirichlet with the counts as parameters (Wilks, Mathematical Statistics, 1962, sec. 8.7).
    """

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def __call__(self, n: int, references: int, limits: F64, alarms: I64) -> tuple[int, int]:
        m = REFERENCE_FACTOR * n
        even = np.zeros(N_CELLS, np.int64)
        even[:CELLS] = np.diff(np.arange(CELLS + 1) * m // CELLS)
        test_cells = np.empty(N_CELLS, np.uint8)
        k = fill_test_cells(even, n, True, test_cells)
        counts = np.bincount(test_cells[:CELLS], weights=even[:CELLS]).astype(np.int64)
        shares = self.rng.gamma(counts, size=(references, k))
        shares /= shares.sum(axis=1, keepdims=True)
        windows = self.rng.multinomial(n, shares[:, None, :], size=(references, WINDOWS_PER_REFERENCE))
        _quantile_block(counts, windows, limits, alarms)
        return references, k * references


class FlagAtTheLimit:
    """A block of windows of a two-valued field whose rarer value expects just enough."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def __call__(self, n: int, references: int, limits: F64, alarms: I64) -> tuple[int, int]:
        m = REFERENCE_FACTOR * n
        least = LEAST_EXPECTED if n >= 250 else LEAST_EXPECTED_SMALL
        cells = np.zeros((references, N_CELLS), np.int64)
        windows = np.zeros((references, WINDOWS_PER_REFERENCE, N_CELLS), np.int64)
        cells[:, 1] = self.rng.binomial(m, least / n, references)
        windows[:, :, 1] = self.rng.binomial(n, least / n, (references, WINDOWS_PER_REFERENCE))
        cells[:, 0], windows[:, :, 0] = m - cells[:, 1], n - windows[:, :, 1]
        tested, total_k = _flag_block(cells, windows, limits, alarms)
        return int(tested), int(total_k)


Shape = Callable[[int, int, F64, I64], tuple[int, int]]
SHAPES: dict[str, tuple[Callable[[int], Shape], float]] = {
    # with the part of the windows asked for: unequal binomials are up to four times slower than halving
    "even cells": (EvenCells, 1.0),
    "quantile cells": (QuantileCells, 0.3),
    "flag at limit": (FlagAtTheLimit, 0.2),
}


def run(draws: int, seconds: float, seed: int, sizes: tuple[int, ...] = SIZE_CLASSES) -> list[Row]:
    """`draws` windows per size of even cells, a part of that for other shapes; fewer if `seconds` are over before."""
    limits = np.array([[stats.chi2.isf(p, max(dof, 1)) for dof in range(MAX_TEST_CELLS)] for p in LEVELS])
    for make, _ in SHAPES.values():  # compile before the clock starts
        make(0)(SIZE_CLASSES[0], 1, limits, np.zeros(len(LEVELS), np.int64))
    deadline = time.perf_counter() + seconds
    cases = [(shape, n) for shape in SHAPES for n in sizes]
    rows = []
    for done, (shape, n) in enumerate(cases):
        make, part = SHAPES[shape]
        draw = make(seed * len(cases) + done)
        alarms = np.zeros(len(LEVELS), np.int64)
        # a share of the time that is left; what a case does not need goes to those after it
        share = part / sum(SHAPES[later][1] for later, _ in cases[done:])
        until = time.perf_counter() + share * (deadline - time.perf_counter())
        wanted = int(np.ceil(draws * part / WINDOWS_PER_REFERENCE))
        references, k = 0, 0
        while references < wanted and (references == 0 or time.perf_counter() < until):
            tested, total_k = draw(n, min(REFERENCES_PER_BLOCK, wanted), limits, alarms)
            references += tested
            k += total_k
        rows.append(Row(shape, n, k / references, references * WINDOWS_PER_REFERENCE, tuple(int(a) for a in alarms)))
    return rows


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=float, default=1e7, help="windows per size of even cells (default 1e7)")
    parser.add_argument("--seconds", type=float, default=110.0, help="stop after this time, with what there is")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    start = time.perf_counter()
    rows = run(int(options.draws), options.seconds, options.seed)
    print(f"{'cells':15} {'n':>5} {'m':>6} {'k':>5} {'windows':>10}   realised/nominal at 1e-4, 1e-5 (95 % interval)")
    for row in rows:
        ratios = "   ".join(
            f"{row.ratio(i):5.2f} ({row.interval(i)[0]:.2f}-{row.interval(i)[1]:.2f})" for i in range(len(LEVELS))
        )
        print(f"{row.shape:15} {row.n:5} {REFERENCE_FACTOR * row.n:6} {row.k:5.1f} {row.windows:10,}   {ratios}")
    judged = [row for row in rows if row.windows >= LEAST_WINDOWS]
    missed = [f"{row.shape}, n = {row.n}" for row in judged if row.ratio(1) > BAR]
    verdict = f"MISSED: {'; '.join(missed)}" if missed else f"met by {len(judged)}"
    print(f"bar {BAR:g} at 1e-5: {verdict}, too few windows to say: {len(rows) - len(judged)}; ", end="")
    print(
        f"largest ratio {max((row.ratio(1) for row in judged), default=float('nan')):.2f}; seed {options.seed}; ",
        end="",
    )
    print(f"{sum(row.windows for row in rows):,} windows in {time.perf_counter() - start:.0f} s")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
