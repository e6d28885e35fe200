"""The estimate of one model, whatever its task: one kernel, its tables, and what its sums mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from driftline.processors.arrays import F64, U16
from driftline.processors.estimation import cbpe, cbpe_multiclass, dle
from driftline.processors.estimation.tables import Tables
from driftline.processors.reference.performance import ReferencePerformance
from driftline.schemas.layout import EventLayout


@dataclass(frozen=True, slots=True)
class Estimator:
    """`add(sums, prediction, score, *tables)` adds one prediction to sums: float64[width], in place.

    metrics: sums float64[k, width] -> name -> float64[k], NaN where undefined; `<name>_se` are standard errors. Sums of
    disjoint rows add up to those of the whole, exactly and in any order. leaves: for regression only, what the kernel
    wants in the place of the score.
    """

    width: int
    add: Any
    add_rows: Any
    tables: Tables
    metrics: Callable[[F64], dict[str, F64]]
    leaves: dle.LeafFinder | None = None

    def scores(self, score: F64, numeric: F64, category: U16) -> F64:
        """float64[n]: what the kernel wants as the score of each event of a batch (see `PredictionBatch`)."""
        return score if self.leaves is None else self.leaves.leaves(numeric, category)


def estimator_of(
    performance: ReferencePerformance | None, layout: EventLayout, classes: Sequence[str] = ()
) -> Estimator | None:
    """The estimate that a reference supports, None if it has no labels or a classifier's has no scores.

    classes: for multiclass, the names of the codes in which predictions come; for the others predictions are numbers,
    1 or 0 for a binary model.
    """
    if performance is None:
        return None
    n = performance.n
    if performance.task == "regression":
        finder = dle.LeafFinder(performance.errors, layout)
        tables = dle.tables_of(performance.errors)
        return Estimator(dle.WIDTH, dle.add, dle.add_rows, tables, lambda sums: dle.metrics(sums, n), finder)
    if not performance.calibration:
        return None
    if performance.task == "binary":
        return Estimator(
            cbpe.WIDTH,
            cbpe.add,
            cbpe.add_rows,
            cbpe.tables_of(performance.calibration[0]),
            lambda sums: cbpe.metrics(sums, n),
        )
    shares = cbpe_multiclass.miss_shares(performance, classes)
    return Estimator(
        cbpe_multiclass.COLUMNS * len(classes),
        cbpe_multiclass.add,
        cbpe_multiclass.add_rows,
        cbpe_multiclass.tables_of(performance, classes),
        lambda sums: cbpe_multiclass.metrics(sums, shares, n),
    )
