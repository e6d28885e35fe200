"""The corrected metrics of a window, from the rows and the delay tables of panes as they stand at a moment."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from driftline.processors.arrays import F64, I64
from driftline.processors.performance.correction import pane_weights
from driftline.processors.performance.delay_curves import CELLS, delay_curves
from driftline.processors.performance.task_layout import TaskLayout


class PaneSums(NamedTuple):
    """Sums of panes: `pane` (int64[n]) is the number of a pane, its start over its length."""

    sums: F64  # [n, columns]
    pane: I64


def corrected_metrics(
    layout: TaskLayout,
    rows: PaneSums,
    tables: PaneSums,
    which: I64,
    k: int,
    *,
    at_ms: int,
    pane_ms: int,
    final_age_ms: int,
) -> dict[str, F64]:
    """What the provisional metrics of k groups will be once their slow labels are in, each float64[k]; see `correction`.

    rows: the task's sums of every pane and group of a window; which: int64[rows], the group 0..k-1 of each. tables: the
    delay tables (float64[panes, layout.delays_width]) of all panes there are, old ones too. at_ms: merged time, up to which
    everything has been joined. final_age_ms: how long after its end a pane is final.
    """
    if not layout.strata or not len(tables.pane):
        return {}
    cells = tables.sums.reshape(len(tables.pane), layout.strata, CELLS)
    since_end = _ages(tables.pane, at_ms, pane_ms)
    curves = delay_curves(cells, since_end, final_age_ms, pane_ms)
    panes, pane_of_row = np.unique(rows.pane, return_inverse=True)
    youngest = _ages(panes, at_ms, pane_ms)
    weights = pane_weights(curves, youngest, youngest + pane_ms)
    return layout.corrected(rows.sums, weights[pane_of_row], which, k)


def _ages(pane: I64, at_ms: int, pane_ms: int) -> F64:
    """float64[n] milliseconds since panes ended: the ages of their youngest predictions."""
    return (at_ms - pane_ms * (pane + 1)).astype(np.float64)
