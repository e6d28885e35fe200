"""The estimate of one model, for code that does not care which of the three it is: its columns, its kernel, its metrics.

As with `performance.task_layout`, sums are one row of columns; here all of them add up exactly, in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from driftline.processors.arrays import F64, I64, U16
from driftline.processors.estimation import cbpe, cbpe_multiclass, dle
from driftline.processors.estimation.tables import NO_TABLES, Tables
from driftline.processors.kernels import njit_uncounted
from driftline.processors.performance.task_layout import BINARY, MULTICLASS, REGRESSION
from driftline.processors.reference.performance import ReferencePerformance
from driftline.schemas.layout import EventLayout

NONE: Final = -1
"""The code of a model that has no estimate."""


@njit_uncounted()
def add_estimated(code: int, sums: F64, prediction: float, score: float, starts: I64, edges: F64, values: F64) -> None:
    """Add a prediction to sums: float64[estimator.width]; code and the last three, `tables`, are the estimator's too.

    prediction: 0 or 1, the code of a class, or a number; score: as of `Estimator.scores`. What has no part in the estimate
    changes nothing.
    """
    if code == BINARY:
        cbpe.add(sums, prediction, score, starts, edges, values)
    elif code == MULTICLASS:
        cbpe_multiclass.add(sums, prediction, score, starts, edges, values)
    elif code == REGRESSION:
        dle.add(sums, prediction, score, starts, edges, values)


@njit_uncounted()
def add_rows(
    code: int, sums: F64, rows: I64, prediction: F64, score: F64, starts: I64, edges: F64, values: F64
) -> None:
    """Add n predictions, each to a row of sums: float64[k, width]; rows: int64[n]; prediction, score: float64[n]."""
    for i in range(rows.shape[0]):
        add_estimated(code, sums[rows[i]], prediction[i], score[i], starts, edges, values)


@dataclass(frozen=True, slots=True)
class Estimator:
    """code: which kernel. width: columns of a row, 0 without an estimate. tables: what the kernel looks up.

    reference_n: rows it was learnt from. miss_shares: of several classes, see `cbpe_multiclass`. leaves: of a regression.
    """

    code: int = NONE
    width: int = 0
    tables: Tables = NO_TABLES
    reference_n: int = 0
    miss_shares: F64 | None = None
    leaves: dle.LeafFinder | None = None

    def scores(self, score: F64, numeric: F64, category: U16) -> F64:
        """float64[n]: what the kernel wants as the score of each event of a batch.

        score: float64[n]; numeric, category: as in PredictionBatch, decoded with the layout the estimator was made with.
        """
        return score if self.leaves is None else self.leaves.leaves(numeric, category)

    def metrics(self, sums: F64) -> dict[str, F64]:
        """Estimates of k rows float64[k, width], each float64[k], NaN = not defined; `<metric>_se`: standard errors."""
        if self.code == BINARY:
            return cbpe.metrics(sums, self.reference_n)
        if self.miss_shares is not None:
            return cbpe_multiclass.metrics(sums, self.miss_shares, self.reference_n)
        return dle.metrics(sums, self.reference_n) if self.code == REGRESSION else {}


def estimator_of(
    performance: ReferencePerformance | None, layout: EventLayout, classes: Sequence[str] = ()
) -> Estimator:
    """The estimate that a reference supports; one of width 0 if it has no labels, or a classifier's has no scores.

    layout: of the batches to come. classes: names of the codes in which a multiclass model's predictions come.
    """
    if performance is None:
        return Estimator()
    n = performance.n
    if performance.task == "regression":
        tables, finder = dle.tables_of(performance.errors), dle.LeafFinder(performance.errors, layout)
        return Estimator(REGRESSION, dle.WIDTH, tables, n, leaves=finder)
    if not performance.calibration:
        return Estimator()
    if performance.task == "binary":
        return Estimator(BINARY, cbpe.WIDTH, cbpe.tables_of(performance.calibration[0]), n)
    return Estimator(
        MULTICLASS,
        cbpe_multiclass.COLUMNS * len(classes),
        cbpe_multiclass.tables_of(performance, classes),
        n,
        miss_shares=cbpe_multiclass.miss_shares(performance, classes),
    )


def sums_of(estimator: Estimator, rows: I64, prediction: F64, score: F64) -> F64:
    """float64[max(rows) + 1, width]: sums of n > 0 predictions by row; as `add_rows` wants them."""
    sums = np.zeros((int(rows.max()) + 1, estimator.width))
    add_rows(estimator.code, sums, rows, prediction, score, *estimator.tables)
    return sums
