"""Test cells: the unions of histogram cells that the chi-square test of a window of n events may use.

The rule: a test cell expects at least 25 of the window's values (20 below n = 250) and holds at least as many of the
reference; there are at most 16, plus one for missing values. With fewer values in a cell the tail of the statistic is
not that of chi-square: on real rare flags, pooled at 10 expected values, it alarmed 1.5 times too often, at 25 1.1
times. (benchmarks/statistics/x2_null.py measures it.) With more cells a broad shift is spread too thin.

  numeric      adjacent cells are merged, towards equal shares. An atom (one value that holds many rows) stays whole.
  categorical  the up to 15 most frequent categories that expect enough keep a cell of their own, in order of frequency;
               all others, and categories the reference never saw, share one. Is that too small, it joins the least
               frequent kept.
  missing      the last test cell, if it expects enough; otherwise missing values are left out of the test. Invalid
               values always are: they break the schema contract, which is not a matter of a test.

One test cell is no test (k = 1): a constant, or a flag too rare for n.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from driftline.processors.arrays import I64, U8, Counts
from driftline.processors.codes import CELL_MISSING, CELLS, N_CELLS, POOLED_CODE
from driftline.processors.kernels import njit_uncounted

SIZE_CLASSES: Final = (80, 160, 250, 500, 1000, 2000, 4000, 8000)
"""Window sizes that have test cells of their own; a window uses the largest that is not above its number of values."""
SMALLEST_WINDOW: Final = SIZE_CLASSES[0]
"""Below this no statistic says anything: four cells of 20 is the least."""
EXCLUDED: Final = 255
"""In a map: this histogram cell takes no part in the test."""
MAX_VALUE_CELLS: Final = 16
MAX_TEST_CELLS: Final = MAX_VALUE_CELLS + 1
LEAST_EXPECTED: Final = 25.0
LEAST_EXPECTED_SMALL: Final = 20.0
_SMALL: Final = 250

FieldKind = Literal["numeric", "categorical", "boolean"]


@njit_uncounted(fastmath=False)
def _equal_share(cells: Counts, start: int, left: float, wanted: int, least: float) -> float:
    """What each of `wanted` test cells from cell `start` on should hold, atoms (cells that hold more) set aside."""
    share = left / max(min(wanted, int(left / least)), 1)
    while True:
        of_atoms = 0.0
        atoms = 0
        for i in range(start, CELLS):
            if float(cells[i]) > share:
                of_atoms += float(cells[i])
                atoms += 1
        others = left - of_atoms
        smaller = others / max(min(wanted - atoms, int(others / least)), 1)
        if smaller <= 0.0 or smaller >= share:
            return share
        share = smaller


@njit_uncounted(fastmath=False)
def _merge_adjacent(cells: Counts, total: float, least: float, test_cells: U8) -> int:
    """Map the value cells to unions of neighbours holding >= `least` each; their number, at most 16."""
    k = 1
    mass = 0.0
    left = total
    share = _equal_share(cells, 0, left, MAX_VALUE_CELLS, least)
    for i in range(CELLS):
        mass += float(cells[i])
        test_cells[i] = k - 1
        following = float(cells[i + 1]) if i + 1 < CELLS else 0.0
        # cut where the mass comes nearest to its share, if what is left fills a cell too
        near = mass + 0.5 * following >= share
        if k < MAX_VALUE_CELLS and near and mass >= least and left - mass >= least:
            left -= mass
            mass = 0.0
            share = _equal_share(cells, i + 1, left, MAX_VALUE_CELLS - k, least)
            k += 1
    return k


@njit_uncounted(fastmath=False)
def _keep_frequent(cells: Counts, total: float, least: float, test_cells: U8) -> int:
    """Give the most frequent categories (at most 15) a test cell each, the rest one together; their number."""
    for i in range(CELLS):
        test_cells[i] = EXCLUDED
    kept = 0
    rest = total
    while kept < MAX_VALUE_CELLS - 1:
        best = -1
        for i in range(POOLED_CODE):
            enough = test_cells[i] == EXCLUDED and float(cells[i]) >= least
            if enough and (best < 0 or cells[i] > cells[best]):
                best = i
        if best < 0:
            break
        test_cells[best] = kept
        rest -= float(cells[best])
        kept += 1
    pooled = kept if kept == 0 or rest >= least else kept - 1
    for i in range(CELLS):
        if test_cells[i] == EXCLUDED:
            test_cells[i] = pooled
    return max(kept, pooled + 1)


@njit_uncounted(fastmath=False)
def fill_test_cells(cells: Counts, n: int, numeric: bool, test_cells: U8) -> int:
    """Write the map of one field for windows of n values into test_cells; the number k of test cells, 1 = no test.

    cells: any dtype [68], reference counts; test_cells: uint8[68], out.
    """
    expected = LEAST_EXPECTED if n >= _SMALL else LEAST_EXPECTED_SMALL
    values = 0.0
    for i in range(CELLS):
        values += float(cells[i])
    missing = float(cells[CELL_MISSING])
    for i in range(N_CELLS):
        test_cells[i] = EXCLUDED if i >= CELLS else 0
    # in reference counts: what expects enough in the window (n of them) and holds enough in the reference itself
    least = expected * max(values + missing, float(n)) / n
    with_missing = missing >= least
    if not with_missing:
        least = expected * max(values, float(n)) / n
    if values < least:
        return 1
    if numeric:
        k = _merge_adjacent(cells, values, least, test_cells)
    else:
        k = _keep_frequent(cells, values, least, test_cells)
    if with_missing:
        test_cells[CELL_MISSING] = k
        k += 1
    return int(k)


@njit_uncounted(fastmath=False)
def _fill_all(reference_cells: Counts, sizes: I64, is_numeric: U8, maps: U8) -> None:
    for row in range(maps.shape[0]):
        for c in range(maps.shape[1]):
            for field in range(maps.shape[2]):
                fill_test_cells(reference_cells[row, field], sizes[c], is_numeric[field] != 0, maps[row, c, field])


def test_cell_map(reference_cell_counts: ArrayLike, n: int, kind: FieldKind) -> tuple[U8, int]:
    """(uint8[68] test cell of each histogram cell, k) for windows of n values; 255 = excluded, k = 1 = no test.

    reference_cell_counts: [68] counts over the histogram cells. Test cells are 0..k-1. Raises ValueError for a wrong
    shape or n < 80.

    >>> counts = np.zeros(N_CELLS)
    >>> counts[:3] = 600, 390, 10
    >>> cells, k = test_cell_map(counts, 250, "categorical")
    >>> cells[:4].tolist(), k  # the third category expects 2.5 of 250 and joins the second; so would a new one
    ([0, 1, 1, 1], 2)
    """
    cells = np.asarray(reference_cell_counts, np.float64)
    if cells.shape != (N_CELLS,):
        raise ValueError(f"reference_cell_counts has shape {cells.shape}: give the {N_CELLS} cell counts of one field")
    if n < SMALLEST_WINDOW:
        raise ValueError(f"n is {n}: a window needs at least {SMALLEST_WINDOW} values to be tested")
    test_cells = np.empty(N_CELLS, np.uint8)
    k = fill_test_cells(cells, n, kind == "numeric", test_cells)
    return test_cells, int(k)


# what has such a name is a test to pytest, unless it says no
test_cell_map.__test__ = False  # type: ignore[attr-defined]


def test_cell_maps(reference_cells: Counts, is_numeric: U8) -> U8:
    """uint8[R, C, M, 68]: the map of each reference row, size class and field, for `window_statistics`.

    reference_cells: float64[R, M, 68] counts; is_numeric: uint8[M].
    """
    rows, fields = reference_cells.shape[:2]
    maps = np.empty((rows, len(SIZE_CLASSES), fields, N_CELLS), np.uint8)
    _fill_all(reference_cells, np.array(SIZE_CLASSES, np.int64), is_numeric, maps)
    return maps


test_cell_maps.__test__ = False  # type: ignore[attr-defined]


def test_cell_map_plain(reference_cell_counts: ArrayLike, n: int, kind: FieldKind) -> tuple[list[int], int]:
    """The same rule in lists and sorts: what the kernel is tested against."""
    cells = [float(count) for count in np.asarray(reference_cell_counts)]
    expected = LEAST_EXPECTED if n >= _SMALL else LEAST_EXPECTED_SMALL
    values, missing = sum(cells[:CELLS]), cells[CELL_MISSING]
    least = expected * max(values + missing, float(n)) / n
    with_missing = missing >= least
    if not with_missing:
        least = expected * max(values, float(n)) / n
    tail = [EXCLUDED] * (N_CELLS - CELLS)
    if values < least:
        return [0] * CELLS + tail, 1
    if kind == "numeric":
        groups = _adjacent_groups_plain(cells[:CELLS], least)
    else:
        frequent = sorted((i for i in range(POOLED_CODE) if cells[i] >= least), key=lambda i: (-cells[i], i))
        groups = [[i] for i in frequent[: MAX_VALUE_CELLS - 1]]
        rest = [i for i in range(CELLS) if [i] not in groups]
        if groups and sum(cells[i] for i in rest) < least:
            groups[-1] += rest
        else:
            groups.append(rest)
    test_cells = [next(g for g, group in enumerate(groups) if i in group) for i in range(CELLS)] + tail
    if with_missing:
        test_cells[CELL_MISSING] = len(groups)
    return test_cells, len(groups) + with_missing


test_cell_map_plain.__test__ = False  # type: ignore[attr-defined]


def _adjacent_groups_plain(cells: list[float], least: float) -> list[list[int]]:
    groups: list[list[int]] = [[]]
    share = _equal_share_plain(cells, MAX_VALUE_CELLS, least)
    for i in range(CELLS):
        groups[-1].append(i)
        mass = sum(cells[j] for j in groups[-1])
        following = cells[i + 1] if i + 1 < CELLS else 0.0
        fills_two = mass >= least and sum(cells[i + 1 :]) >= least
        if len(groups) < MAX_VALUE_CELLS and fills_two and mass + following / 2 >= share:
            share = _equal_share_plain(cells[i + 1 :], MAX_VALUE_CELLS - len(groups), least)
            groups.append([])
    return groups


def _equal_share_plain(cells: list[float], wanted: int, least: float) -> float:
    share = sum(cells) / max(min(wanted, int(sum(cells) / least)), 1)
    while True:
        others = [count for count in cells if count <= share]
        groups = max(min(wanted - (len(cells) - len(others)), int(sum(others) / least)), 1)
        if not 0 < sum(others) / groups < share:
            return share
        share = sum(others) / groups
