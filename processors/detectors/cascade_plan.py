"""What the cascade of chi-square tests looks at: cells, critical values, and how many levels a reference allows.

One histogram of *base cells* per level is kept, the finest test cells that any level of the field uses (at most 16 and
one for missing values). A smaller window needs larger cells; its test cells are unions of base cells, found by the same
rule (`statistics.test_cells`) from the base cells alone. Base cells are ordered so that such a union is always a run of
neighbours: by value, or by falling frequency with the pooled rest behind, and missing values last.

The rate of false alarms is split equally over the levels: alpha_l = rate n_l / levels, n_l events a window. Two-sample
windows of at most a tenth of the reference keep it (benchmarks/statistics/).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from driftline.processors.arrays import F64, I64, U8
from driftline.processors.codes import CELL_MISSING, CELLS, N_CELLS, POOLED_CODE
from driftline.processors.statistics.test_cells import EXCLUDED, fill_test_cells

CASCADE_LEVELS: Final = 6
BASE_EVENTS: Final = 250
CASCADE_CELLS: Final = 18
"""Up to 16 base cells of values, one of missing values, and `NOT_TESTED`."""
NOT_TESTED: Final = 17
"""As a base cell: the value takes no part. As a test cell: the base cell takes no part at this level."""

REFERENCE_PER_WINDOW: Final = 10
"""The reference holds at least this many times the events of a window."""

STANDS_OUT, RELEASE = 0, 1
RELEASE_P: Final = 0.05
# However loose the budget, a window that alarms is one in twenty at most.
LARGEST_ALPHA: Final = 0.05


@dataclass(frozen=True, slots=True)
class CascadePlan:
    """Arrays for `cascade_run`.

    base_of_cell: uint8[68] base cell of a histogram cell, 17 = takes no part; test_cell: uint8[6, 18] test cell of a
    base cell at each level; reference: float64[18] counts per base cell; critical: float64[2, 6] X2 from which a window
    stands out, and below which it releases the latch (both infinite for a level with a single test cell);
    dof: int64[6]; levels_used: 0..6, 0 = nothing can be tested.
    """

    base_of_cell: U8
    test_cell: U8
    reference: F64
    critical: F64
    dof: I64
    levels_used: int

    def kernel_arguments(self) -> tuple[U8, U8, F64, F64, int]:
        """What `cascade_run` takes after the cells, in its order."""
        return self.base_of_cell, self.test_cell, self.reference, self.critical, self.levels_used


def window_alpha(rate: float, events: int, levels: int) -> float:
    """The significance level of one of `levels` tests every `events` events that together alarm at `rate` per event.

    >>> window_alpha(1e-6, 500, 5)
    0.0001
    """
    return min(rate * events / levels, LARGEST_ALPHA)


def cascade_plan(reference_cells: ArrayLike, *, numeric: bool, rate: float) -> CascadePlan:
    """The plan of one field and segment.

    reference_cells: [68] counts over the histogram cells; numeric: cells are ordered by value (else categories);
    rate: false alarms per event that the test may raise.
    """
    cells = np.asarray(reference_cells, np.float64)
    base_of_cell: U8 = np.full(N_CELLS, NOT_TESTED, np.uint8)
    test_cell: U8 = np.full((CASCADE_LEVELS, CASCADE_CELLS), NOT_TESTED, np.uint8)
    reference: F64 = np.zeros(CASCADE_CELLS)
    critical: F64 = np.full((2, CASCADE_LEVELS), np.inf)
    dof: I64 = np.zeros(CASCADE_LEVELS, np.int64)
    rows = float(cells[:CELLS].sum() + cells[CELL_MISSING])
    sizes = [size for size in _sizes() if size * REFERENCE_PER_WINDOW <= rows]
    map_of_cell = np.empty(N_CELLS, np.uint8)
    if not sizes or fill_test_cells(cells, sizes[-1], numeric, map_of_cell) < 2:
        return CascadePlan(base_of_cell, test_cell, reference, critical, dof, 0)

    used = map_of_cell != EXCLUDED
    base_of_cell[used] = map_of_cell[used]
    np.add.at(reference, base_of_cell[used], cells[used])
    places = _places(base_of_cell, numeric)
    at_places = np.zeros(N_CELLS)
    at_places[list(places)] = reference[: len(places)]
    for level, size in enumerate(sizes):
        k = fill_test_cells(at_places, size, numeric, map_of_cell)
        if k >= 2:
            of_base = map_of_cell[list(places)]
            test_cell[level, : len(places)] = np.where(of_base == EXCLUDED, NOT_TESTED, of_base)
            dof[level] = k - 1
    testable = dof > 0
    alpha = [window_alpha(rate, size, int(testable.sum())) for size in _sizes()]
    critical[STANDS_OUT, testable] = special.chdtri(dof[testable], np.array(alpha)[testable])
    critical[RELEASE, testable] = np.minimum(special.chdtri(dof[testable], RELEASE_P), critical[STANDS_OUT, testable])
    return CascadePlan(base_of_cell, test_cell, reference, critical, dof, len(sizes))


def _sizes() -> list[int]:
    return [BASE_EVENTS << level for level in range(CASCADE_LEVELS)]


def _places(base_of_cell: U8, numeric: bool) -> tuple[int, ...]:
    """The histogram cell that stands for each base cell when a level's test cells are made from base cells.

    Values keep their order; the least frequent category, or the rest, takes the place of the pooled one: so it is the
    first to be merged, and what is merged stays a run. Missing values keep theirs.
    """
    values = int(base_of_cell[:CELLS].max()) + 1
    places = list(range(values))
    if not numeric:
        places[-1] = POOLED_CODE
    if base_of_cell[CELL_MISSING] != NOT_TESTED:
        places.append(CELL_MISSING)
    return tuple(places)
