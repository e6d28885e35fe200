"""The columns that the row of every task begins with: how many, how mature, and how long the labels took.

A row is float64[width] for one pane of prediction time and one group (the whole model, a version, a segment). Rows of
panes add up to the row of a longer window. Everything here is a whole number of predictions, whatever their weights.

Delays are counted in 24 cells: below 1 s, then [2**(i-1), 2**i) seconds for cell i, from 2**22 s (48.5 days) on for the
last one. Fixed cells, so that rows add up whatever the horizon is.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from driftline.processors.arrays import F64
from driftline.processors.kernels import njit_uncounted

N: Final = 0
"""Predictions in the window."""
LABELLED: Final = 1
"""Of these, with a label now (a retracted one is no label)."""
CORRECTED: Final = 2
"""Times that a label replaced a different one."""
RETRACTED: Final = 3
"""Times that a label was taken back."""
UNUSABLE: Final = 4
"""Labelled, but the label or the prediction is no class (or no number) of the task: in no metric."""
DELAY: Final = 5
"""First of the 24 cells; they add up to LABELLED."""
DELAY_CELLS: Final = 24
COMMON_WIDTH: Final = DELAY + DELAY_CELLS

SECOND_MS: Final = 1_000
DELAY_EDGES_MS: Final = np.array([0.0] + [SECOND_MS * 2.0**i for i in range(DELAY_CELLS)])
"""float64[25]: cell i holds delays from edge i to below edge i + 1; the first is open below, the last above."""
DELAY_EDGES_MS.setflags(write=False)


@njit_uncounted(fastmath=False)
def delay_cell(delay_ms: int) -> int:
    """Which of the 24 cells counts a delay; one below 0 (a label dated before its prediction) is in cell 0.

    >>> [delay_cell(ms) for ms in (-5, 0, 999, 1_000, 1_999, 2_000, 3_600_000, 10**12)]
    [0, 0, 0, 1, 1, 2, 12, 23]
    """
    seconds = delay_ms // SECOND_MS
    cell = 0
    while seconds > 0 and cell < DELAY_CELLS - 1:
        seconds >>= 1
        cell += 1
    return cell


@njit_uncounted(fastmath=False)
def add_label(row: F64, delay_ms: int, prediction: float, label: float, sign: float) -> None:
    """Count a label that is there now (sign 1), or take one away (-1) that was: LABELLED, UNUSABLE and its delay.

    row: float64[>= 29]. N, CORRECTED and RETRACTED are the caller's to count.
    """
    row[LABELLED] += sign
    row[DELAY + delay_cell(delay_ms)] += sign
    if prediction != prediction or label != label:
        row[UNUSABLE] += sign


def delay_quantile(cells: F64, q: float) -> F64:
    """float64[k] milliseconds: the delay that a share q of the labels did not exceed; NaN where there are none.

    cells: float64[k, 24]. Interpolated geometrically inside a cell (linearly in the first), so it is within a factor of 2
    of the exact quantile; in the last cell, which is open, it is at most 2**23 s.

    >>> delay_quantile(np.eye(24)[[0, 12]], 0.5).round().tolist()
    [500.0, 2896309.0]
    """
    below = np.cumsum(cells, axis=-1)
    total = below[..., -1]
    rank = q * total
    cell = np.minimum((below < rank[..., None]).sum(axis=-1), DELAY_CELLS - 1)
    inside = np.take_along_axis(cells, cell[..., None], -1)[..., 0]
    before = np.take_along_axis(below, cell[..., None], -1)[..., 0] - inside
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.clip((rank - before) / inside, 0.0, 1.0)
        low = DELAY_EDGES_MS[cell]
        value = np.where(cell == 0, share * SECOND_MS, low * 2.0**share)
    return np.where(total > 0, value, math.nan)
