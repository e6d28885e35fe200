"""Grows the tree of expected errors: where in the space of prediction and features a regression errs how much.

A regression tree of least squares on the absolute error, grown best first over the histogram cells that the reference
profile has anyway. A number is cut between two cells; a category is one against the rest; missing values go where they fit
better. A cut has to gain about what the best of all cuts gains by chance, so an error that depends on nothing gives few
leaves or one.

Source: Breiman, Friedman, Olshen, Stone, Classification and Regression Trees, 1984, ch. 8. When to stop: Foster and George,
The risk inflation criterion for multiple regression, Ann. Stat. 22 (1994), ask for a gain of 2 ln(candidates) variances of
a model that is to be right for each row. Here half of it will do, because only means over windows count: chance in one leaf
averages out with that in the others, what a leaf leaves unsaid does not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from msgspec.structs import replace

from driftline.processors.arrays import F64, I64, U8, Bool
from driftline.processors.codes import CELL_INVALID, CELL_MISSING, CELLS, PARTITION_CELLS, POOLED_CODE, cell_of_bin
from driftline.processors.estimation.realised import six_digits
from driftline.processors.reference.bins import deviation, exact_mean
from driftline.processors.reference.fields import ProfiledField
from driftline.processors.reference.performance import ErrorNode
from driftline.processors.reference.profile import FieldProfile

LEAVES_MAX: Final = 64
LEAF_ROWS_MIN: Final = 50
"""A mean absolute error of that many rows is known to about a tenth of itself."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Rows whose cell of `field` is in `cells` (bool[66]) go to `yes`; gain: what it takes off the sum of squares."""

    gain: float
    field: int
    cell: int
    cells: Bool


def grow_tree(fields: Sequence[ProfiledField], error: F64, leaves_max: int = LEAVES_MAX) -> list[ErrorNode]:
    """Nodes of the tree, the root first; error: float64[n > 0], prediction minus label of each row of the fields."""
    growth = _Growth(fields, np.abs(error))
    growth.add(np.arange(len(error)))
    while len(growth.rows) + 1 < 2 * leaves_max and growth.split_best():
        pass
    return [growth.node(number, error) for number in range(len(growth.rows))]


class _Growth:
    """The tree as far as it has grown; node i holds the reference rows `rows[i]`."""

    def __init__(self, fields: Sequence[ProfiledField], target: F64) -> None:
        self._fields = fields
        self._target = target
        self._candidates = max(sum(_values(field.profile) for field in fields), 2)
        self.rows: list[I64] = []
        self._open: dict[int, Cut] = {}
        self._done: dict[int, tuple[Cut, int, int]] = {}

    def add(self, rows: I64) -> int:
        """A new leaf; its number."""
        number = len(self.rows)
        self.rows.append(rows)
        cut = self._best_cut(rows)
        if cut is not None:
            self._open[number] = cut
        return number

    def split_best(self) -> bool:
        """Split the leaf that gains most; False when no cut is left that is worth it."""
        if not self._open:
            return False
        number = max(self._open, key=lambda leaf: self._open[leaf].gain)
        cut = self._open.pop(number)
        rows = self.rows[number]
        inside = cut.cells[self._fields[cut.field].cells[rows]]
        self._done[number] = (cut, self.add(rows[inside]), self.add(rows[~inside]))
        return True

    def node(self, number: int, error: F64) -> ErrorNode:
        rows = self.rows[number]
        squares = error[rows] ** 2
        mean_square = exact_mean(squares)
        leaf = ErrorNode(
            rows=len(rows),
            mean_absolute=six_digits(exact_mean(self._target[rows])),
            mean_square=six_digits(mean_square),
            sd_square=six_digits(deviation(squares, mean_square)),
        )
        if number not in self._done:
            return leaf
        cut, yes, no = self._done[number]
        profile = self._fields[cut.field].profile
        numeric = profile.kind == "numeric"
        return replace(
            leaf,
            field=profile.name,
            role=profile.role,
            at_most=_upper_edge(profile, cut.cell) if numeric else None,
            equals=None if numeric else profile.categories[cut.cell],
            missing_yes=bool(cut.cells[CELL_MISSING]),
            yes=yes,
            no=no,
        )

    def _best_cut(self, rows: I64) -> Cut | None:
        """The cut of these rows that gains most, None if that is what the best of so many gains by chance."""
        target = self._target[rows]
        mean = exact_mean(target)
        centred = target - mean
        by_chance = math.log(self._candidates) * deviation(target, mean) ** 2
        cuts = [cut for f in range(len(self._fields)) for cut in self._cut_of_field(f, rows, centred)]
        best = max(cuts, key=lambda cut: cut.gain, default=None)
        return best if best is not None and best.gain > by_chance else None

    def _cut_of_field(self, field: int, rows: I64, centred: F64) -> list[Cut]:
        """The best cut of one field, with missing values on either side."""
        profiled = self._fields[field]
        cells: U8 = profiled.cells[rows]
        count = np.bincount(cells, minlength=PARTITION_CELLS).astype(np.float64)
        total = np.bincount(cells, weights=centred, minlength=PARTITION_CELLS)
        values = _values(profiled.profile)
        numeric = profiled.profile.kind == "numeric"
        inside_n = np.cumsum(count[: values - 1]) if numeric else count[:values]
        inside = np.cumsum(total[: values - 1]) if numeric else total[:values]
        nowhere = [CELL_INVALID, CELL_MISSING]
        cuts = []
        for missing_yes in (False, True):
            n = inside_n + missing_yes * count[nowhere].sum()
            s = inside + missing_yes * total[nowhere].sum()
            gains = _gains(n, s, float(len(rows)), float(total.sum()))
            if not len(gains) or not math.isfinite(gains.max()):
                continue
            cell = int(gains.argmax())
            chosen = np.arange(PARTITION_CELLS) <= cell if numeric else np.arange(PARTITION_CELLS) == cell
            chosen[nowhere] = missing_yes
            cuts.append(Cut(float(gains[cell]), field, cell, chosen))
        return cuts


def _gains(n: F64, s: F64, all_n: float, all_s: float) -> F64:
    """What each cut takes off the sum of squares; -inf where a side has too few rows. n, s: rows and sum of one side."""
    other = all_n - n
    with np.errstate(divide="ignore", invalid="ignore"):
        gains = s * s / n + (all_s - s) ** 2 / other - all_s * all_s / all_n
    return np.where((n >= LEAF_ROWS_MIN) & (other >= LEAF_ROWS_MIN), gains, -math.inf)


def _values(profile: FieldProfile) -> int:
    """Cells of a field that hold values a cut can name."""
    if profile.kind == "numeric":
        return int(cell_of_bin(profile.bin_counts)[-1]) + 1
    return min(len(profile.categories), POOLED_CODE, CELLS)


def _upper_edge(profile: FieldProfile, cell: int) -> float:
    """The largest value that the histogram cell holds."""
    last_bin = int(np.flatnonzero(cell_of_bin(profile.bin_counts) <= cell)[-1])
    return profile.edges[last_bin]
