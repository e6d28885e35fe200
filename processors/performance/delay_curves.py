"""How many labels of each kind are in by which age: learnt from labels so far, though the slow ones are still missing.

Labels of one class often come later than those of another (a fraud is reported in hours, its absence is known after
weeks), and often it matters too whether the prediction was right. So labels are counted by *stratum* = 2 x class of the
label + (the prediction was right), in half the delay cells of `common`, for each pane of prediction time and the whole
model: segments share the curves.

A pane shows the delays up to its own age only: the data are truncated on the right. What is not truncated are ratios. Of
the panes that are at least e_(j+1) old,

    g_j = labels with a delay below e_j / labels with a delay below e_(j+1)        F(e_j) = g_j g_(j+1) ... g_last

is the nonparametric maximum likelihood estimate: Kaplan-Meier with time running backwards, the chain ladder of insurers.
Each ratio uses every pane that can tell, so a change in the delays shows before panes that saw it are final. F is relative
to the labels that come by the horizon at all: to what will be the *final* figure. Of predictions that never get a label
nothing can be learnt.

Sources: Lynden-Bell, Mon. Not. R. Astr. Soc. 155, 1971; Kalbfleisch and Lawless, J. Am. Stat. Assoc. 84, 1989 and
Statistica Sinica 1, 1991 (right truncation); Mack, ASTIN Bulletin 23, 1993 (chain ladder).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from driftline.processors.arrays import F64
from driftline.processors.kernels import njit_uncounted
from driftline.processors.performance.common import DELAY_CELLS, DELAY_EDGES_MS, delay_cell

CELLS: Final = 2 * DELAY_CELLS
"""Cells 2 i and 2 i + 1 are the halves of cell i; whole cells would bend the curves by half a point of accuracy."""
_MIDDLES: Final = np.concatenate([[0.5 * DELAY_EDGES_MS[1]], DELAY_EDGES_MS[1:-1] * math.sqrt(2.0)])
EDGES_MS: Final = np.append(np.stack([DELAY_EDGES_MS[:-1], _MIDDLES], axis=1).ravel(), DELAY_EDGES_MS[-1])
"""float64[49]: cell i holds delays from edge i to below edge i + 1; the first is open below, the last above."""
EDGES_MS.setflags(write=False)

POOLED_LABELS: Final = 1.0
"""Each ratio of a stratum is mixed with one label's worth of the ratio of all strata: it decides where there are none."""


@njit_uncounted(fastmath=False)
def stratum_of(prediction: float, label: float, strata: int) -> int:
    """2 x label + (prediction is right), of the classes that have a stratum; -1 for any other label and for NaN.

    >>> [stratum_of(p, y, 4) for p, y in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 2.0))]
    [1, 0, 2, 3, -1]
    """
    if not 0.0 <= label < strata // 2 or prediction != prediction:
        return -1
    return 2 * int(label) + int(prediction == label)


@njit_uncounted(fastmath=False)
def add_delay(table: F64, prediction: float, label: float, delay_ms: int, sign: float) -> None:
    """Count a label of a pane, or take it away; table: float64[strata * 48], the pane's, stratum by stratum.

    delay_ms: from the prediction's event time to the merged time at which the label was *joined*, not to the label's own
    timestamp: what matters is when it could be used.
    """
    stratum = stratum_of(prediction, label, table.shape[0] // CELLS)
    if stratum >= 0:
        cell = delay_cell(delay_ms)
        table[stratum * CELLS + 2 * cell + (1 if delay_ms >= _MIDDLES[cell] else 0)] += sign


def delay_cells_by_class(table: F64) -> F64:
    """float64[classes, 24]: a table's labels by class, in the delay cells of `common`, for `common.delay_quantile`.

    table: float64[strata * 48], of a pane or summed over panes.
    """
    return np.asarray(table.reshape(-1, 2, DELAY_CELLS, 2).sum(axis=(1, 3)), np.float64)


@dataclass(frozen=True, slots=True)
class DelayCurves:
    """The share of labels that are in by each age, of those that come by the horizon.

    edges_ms: float64[49], ascending, cut at the longest delay there can be. known: float64[strata, 49], 0 at the first edge
    and 1 at the last. share: float64[strata], of the labels that come in the end. labels: float64[strata], how many this was
    learnt from. final_age_ms: of a pane this old everything is known.
    """

    edges_ms: F64
    known: F64
    share: F64
    labels: F64
    final_age_ms: float

    def known_between(self, from_ms: F64, to_ms: F64) -> F64:
        """float64[panes, strata]: the share that is in, of predictions whose ages are spread evenly over [from, to].

        from_ms <= to_ms: float64[panes], the ages of the youngest and the oldest prediction that a pane may hold.
        """
        low, high = np.maximum(from_ms, 0.0), np.maximum(to_ms, 0.0)
        spread = (high - low)[:, None]
        area = self._area(high) - self._area(low)
        at = self._at(high)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(spread > 0.0, area / spread, at)
        return np.where(from_ms[:, None] >= self.final_age_ms, 1.0, mean)

    def _at(self, age_ms: F64) -> F64:
        """float64[panes, strata]: the curves at an age, linear between edges."""
        return np.stack([np.interp(age_ms, self.edges_ms, row) for row in self.known], axis=1)

    def _area(self, age_ms: F64) -> F64:
        """float64[panes, strata]: the integral of the curves from 0 to an age."""
        width = np.diff(self.edges_ms)
        pieces = 0.5 * (self.known[:, 1:] + self.known[:, :-1]) * width
        whole = np.concatenate([np.zeros((len(self.known), 1)), np.cumsum(pieces, axis=1)], axis=1)
        at = np.clip(np.searchsorted(self.edges_ms, age_ms, side="right") - 1, 0, CELLS)
        inside = age_ms - self.edges_ms[at]
        return np.asarray((whole[:, at] + 0.5 * (self.known[:, at] + self._at(age_ms).T) * inside).T, np.float64)


def delay_curves(tables: F64, ages_ms: F64, final_age_ms: float, pane_ms: float = 0.0) -> DelayCurves:
    """Learn the curves of all strata from the panes at hand.

    tables: float64[panes, strata, 48]. ages_ms: float64[panes], how long ago each pane ended, so the age of its youngest
    prediction. final_age_ms: the age at which a pane is final; pane_ms: its length, by which the oldest prediction in it is
    older. A delay that no pane is old enough to show is taken as not
    to occur; until a first pane is final the curves are relative to what the oldest one could show.
    """
    edges = np.minimum(EDGES_MS, final_age_ms + pane_ms)
    strata = tables.shape[1]
    below = _labels_below(tables, ages_ms, np.minimum(edges, final_age_ms))
    known = np.ones((strata, CELLS + 1))
    share, labels = np.zeros(strata), np.zeros(strata)
    for cell in range(CELLS - 1, -1, -1):
        part, whole = below[cell + 1, :, cell], below[cell + 1, :, cell + 1]
        if whole.sum() > 0.0 and share.sum() == 0.0:
            share, labels = whole / whole.sum(), whole
        ratio = _ratio(part.sum(), whole.sum())
        known[:, cell] = known[:, cell + 1] * (part + POOLED_LABELS * ratio) / (whole + POOLED_LABELS)
    known[:, 0] = 0.0
    return DelayCurves(edges, known, share, labels, final_age_ms)


def _labels_below(tables: F64, ages_ms: F64, old_enough_ms: F64) -> F64:
    """float64[49, strata, 49]: of the panes that are old enough to tell of edge i, labels with a delay below edge j.

    tables: float64[panes, strata, 48]; ages_ms: float64[panes]; old_enough_ms: float64[49], ascending.
    """
    below = np.zeros((CELLS + 1, tables.shape[1], CELLS + 1))
    oldest_first = np.argsort(-ages_ms, kind="stable")
    can_tell = np.searchsorted(-ages_ms[oldest_first], -old_enough_ms, side="right")
    if can_tell[0] == 0:
        return below
    if (np.diff(ages_ms) > 0.0).any():  # else they lie in order already, as panes come in time
        tables = tables[oldest_first]
    limits = np.unique(can_tell[can_tell > 0])
    added = np.add.reduceat(tables[: limits[-1]], np.append(0, limits[:-1]), axis=0)
    up_to = np.cumsum(np.cumsum(added, axis=0), axis=2)
    tells = can_tell > 0
    below[tells, :, 1:] = up_to[np.searchsorted(limits, can_tell[tells])]
    return below


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0.0 else 1.0
