"""The one of the four tasks that a model has, for code that does not care which: its columns, its kernel, its metrics.

A row is float64[COMMON_WIDTH + layout.width]: the columns of `common`, then the task's. `add_outcome` takes the latter
alone, `row[COMMON_WIDTH : COMMON_WIDTH + layout.width]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from driftline.config.model_spec import Task
from driftline.processors.arrays import F64, I64
from driftline.processors.kernels import njit_uncounted
from driftline.processors.performance import binary, multiclass, ranking, regression
from driftline.processors.performance.delay_curves import CELLS, add_delay
from driftline.processors.performance.double_double import merged

BINARY: Final = 0
MULTICLASS: Final = 1
REGRESSION: Final = 2
RANKING: Final = 3

_CODES: Final[dict[Task, int]] = {
    "binary": BINARY,
    "multiclass": MULTICLASS,
    "regression": REGRESSION,
    "ranking": RANKING,
}


@njit_uncounted(fastmath=False)
def add_outcome(
    task: int, sums: F64, prediction: float, score: float, label: float, weight: float, sign: float
) -> None:
    """Add a labelled prediction to the task's sums (float64[layout.width]), or take it away (sign -1).

    task: `TaskLayout.code`. score: the probability of the positive class, the confidence, unused, or the position.
    """
    if task == BINARY:
        binary.add(sums, prediction, score, label, weight, sign)
    elif task == MULTICLASS:
        multiclass.add(sums, prediction, score, label, weight, sign)
    elif task == REGRESSION:
        regression.add(sums, prediction, score, label, weight, sign)
    else:
        ranking.add(sums, prediction, score, label, weight, sign)


@njit_uncounted(fastmath=False)
def add_outcome_delay(task: int, table: F64, prediction: float, label: float, delay_ms: int, sign: float) -> None:
    """Count a label in its pane's delay table (float64[layout.delays_width]), or take it away: see `delay_curves`."""
    if task == RANKING and label == label:
        add_delay(table, 1.0, 1.0 if label > 0.0 else 0.0, delay_ms, sign)
    else:
        add_delay(table, prediction, label, delay_ms, sign)


@dataclass(frozen=True, slots=True)
class TaskLayout:
    """What the rows of one model hold behind the common columns.

    code: which kernel. width: columns. strata: of a delay table, 0 = no correction for delays. pairs: the high columns
    of double-double pairs among the `width`; everything else adds up exactly. k: of the ranking metrics.
    """

    task: Task
    code: int
    width: int
    strata: int
    pairs: tuple[int, ...] = ()
    k: int = ranking.K

    @property
    def delays_width(self) -> int:
        """Columns of a pane's delay table: see `delay_curves`."""
        return self.strata * CELLS

    def merged(self, sums: F64) -> F64:
        """float64[..., width]: the sum of float64[panes, ..., width] over the panes."""
        return merged(sums, self.pairs)

    def metrics(self, sums: F64, classes: Sequence[str] = ()) -> dict[str, F64]:
        """Metrics of rows float64[k, width], each float64[k], NaN = not defined; classes: names by code, multiclass only."""
        if self.code == BINARY:
            return binary.metrics(sums)
        if self.code == MULTICLASS:
            return multiclass.metrics(sums, classes)
        return regression.metrics(sums) if self.code == REGRESSION else ranking.metrics(sums, self.k)

    def corrected(self, sums: F64, weights: F64, which: I64, k: int) -> dict[str, F64]:
        """Metrics corrected for delays, each float64[k]; none for a regression.

        sums: float64[n, width], rows of panes; weights: float64[n, strata] of `correction.pane_weights`, of each row's
        pane; which: int64[n], the group 0..k-1 that a row adds to.
        """
        if self.code == REGRESSION:
            return {}
        rows = _REWEIGHTED[self.code](sums, weights)
        total = np.zeros((k, rows.shape[1]))
        np.add.at(total, which, rows)
        if self.code == BINARY:
            return binary.corrected(total)
        return multiclass.corrected(total) if self.code == MULTICLASS else ranking.corrected(total, self.k)


_REWEIGHTED: Final = {BINARY: binary.reweighted, MULTICLASS: multiclass.reweighted, RANKING: ranking.reweighted}


def task_layout(task: Task, classes: int | None = None, *, k: int = ranking.K) -> TaskLayout:
    """The layout of a task; classes: how many a multiclass model has, None = not known in advance; k: 1..20.

    >>> layout = task_layout("binary")
    >>> layout.width, layout.strata, layout.pairs
    (118, 4, ())
    """
    code = _CODES[task]
    if code == BINARY:
        return TaskLayout(task, code, binary.WIDTH, binary.STRATA)
    if code == MULTICLASS:
        return TaskLayout(task, code, multiclass.width(classes), multiclass.strata(classes))
    if code == REGRESSION:
        return TaskLayout(task, code, regression.WIDTH, 0, regression.PAIRS)
    if not 1 <= k <= ranking.POSITIONS:
        raise ValueError(f"k is {k}: write one of 1..{ranking.POSITIONS}")
    return TaskLayout(task, code, ranking.WIDTH, ranking.STRATA, k=k)
