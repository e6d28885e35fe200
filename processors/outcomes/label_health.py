"""How the labels of a window are doing: how many there are, how late they come, how often they are taken back.

Pure functions over accumulator rows, whose columns are those of `driftline.processors.performance.common`. What is unusual
about these figures is for `label_watch` to say.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from driftline.processors.arrays import F64
from driftline.processors.performance.common import (
    CORRECTED,
    DELAY,
    DELAY_CELLS,
    LABELLED,
    RETRACTED,
    N,
    delay_quantile,
)
from driftline.processors.performance.delay_curves import delay_cells_by_class

QUANTILES: Final = (0.5, 0.9, 0.99)


class DelayQuantiles(NamedTuple):
    """Delays of `n` labels in milliseconds, within a factor of 2 (cells of `performance.common`); None for no labels."""

    n: int
    p50: int | None
    p90: int | None
    p99: int | None


class LabelHealth(NamedTuple):
    """Of one window and group. Shares are None where there is nothing to have a share of.

    coverage: labelled predictions of all; correction_rate and retraction_rate: corrections and retractions for each label
    that was ever given, counting one that was taken back.
    """

    n: int
    labelled: int
    coverage: float | None
    correction_rate: float | None
    retraction_rate: float | None
    delays: DelayQuantiles


def label_health(row: F64) -> LabelHealth:
    """The figures of one accumulator row, float64[>= 29].

    >>> import numpy as np
    >>> row = np.zeros(29)
    >>> row[[N, LABELLED, CORRECTED, RETRACTED, DELAY + 12]] = 200, 95, 19, 5, 95
    >>> health = label_health(row)
    >>> health.coverage, health.correction_rate, health.retraction_rate
    (0.475, 0.19, 0.05)
    """
    n, labelled, corrected, retracted = (float(row[column]) for column in (N, LABELLED, CORRECTED, RETRACTED))
    given = labelled + retracted
    return LabelHealth(
        n=round(n),
        labelled=round(labelled),
        coverage=_share(labelled, n),
        correction_rate=_share(corrected, given),
        retraction_rate=_share(retracted, given),
        delays=delays(row[DELAY : DELAY + DELAY_CELLS]),
    )


def delays(cells: F64) -> DelayQuantiles:
    """The quantiles of one row of delay cells, float64[24]."""
    quantiles = [float(delay_quantile(cells[None, :], q)[0]) for q in QUANTILES]
    return DelayQuantiles(round(float(cells.sum())), *(None if math.isnan(q) else round(q) for q in quantiles))


def delays_by_class(table: F64, names: Sequence[str]) -> dict[str, DelayQuantiles]:
    """The delays of each class of the label: a class that comes late is missing from every early figure.

    table: a pane's delays by stratum, or their sum over panes, as `performance.delay_curves` counts them; names: of its
    classes, in their order.
    """
    return {name: delays(cells) for name, cells in zip(names, delay_cells_by_class(table), strict=True)}


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole > 0.0 else None
