"""Small pictures of a field for alerts: the reference's, and that of what came lately."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from driftline.processors.arrays import F64, I64
from driftline.processors.codes import CELL_MISSING, CELLS, PARTITION_CELLS
from driftline.processors.moments import mean_and_sd
from driftline.processors.reference.profile import FieldProfile
from driftline.processors.rounding import written
from driftline.schemas.alerts import Sketch

TOP_CATEGORIES = 8
"""Categories named in an alert; the rest are in the counts of the window."""


def baseline_sketch(field: FieldProfile, cells: F64, positions: F64, whole_model: bool) -> Sketch:
    """The reference's view of a field; cells: float64[68] of the segment's (or the model's) profile.

    positions: float64[64] of the cells: a segment's profile holds counts only, so its mean and spread are those of cells.
    """
    n = int(cells[:CELLS].sum())
    mean, sd = field.mean, field.sd
    if field.kind == "numeric" and not whole_model and n:
        with np.errstate(over="ignore", invalid="ignore"):  # values near the end of float64 have no deviation: None
            mean = float((cells[:CELLS] / n * positions).sum())
            sd = float(np.sqrt((cells[:CELLS] / n * (positions - mean) ** 2).sum()))
    return Sketch(
        n=n,
        missing_share=_missing_share(cells),
        mean=None if mean is None else written(mean),
        sd=None if sd is None else written(sd),
        counts=_trimmed(cells[:CELLS]) if field.kind == "numeric" else [],
        top_categories=_top(field, cells),
    )


def current_sketch(field: FieldProfile, counts: I64, moments: F64 | None, center: float) -> Sketch:
    """What came lately; counts: int64[68] cells; moments: float64[6] of a numeric field's values."""
    n = int(counts[:CELLS].sum())
    mean = sd = None
    if moments is not None and n:
        means, sds = mean_and_sd(moments, np.float64(n), np.float64(center))  # type: ignore[arg-type]
        mean, sd = written(float(means)), written(float(sds))
    return Sketch(
        n=n,
        missing_share=_missing_share(counts.astype(np.float64)),
        mean=mean,
        sd=sd,
        counts=_trimmed(counts[:CELLS]) if field.kind == "numeric" else [],
        top_categories=_top(field, counts),
    )


def _missing_share(cells: F64) -> float:
    total = float(cells[:PARTITION_CELLS].sum())
    return float(f"{cells[CELL_MISSING] / total:.12g}") if total else 0.0


def _trimmed(counts: F64 | I64) -> list[int]:
    values: list[int] = [int(c) for c in counts]
    while values and values[-1] == 0:
        values.pop()
    return values


def _top(field: FieldProfile, cells: F64 | I64) -> dict[str, int]:
    if field.kind == "numeric":
        return {}
    names: Sequence[str] = [*field.categories, *[""] * (CELLS - 1 - len(field.categories)), "__other__"]
    ranked = sorted(((int(c), name) for c, name in zip(cells[:CELLS], names, strict=True) if c), reverse=True)
    return {name: count for count, name in ranked[:TOP_CATEGORIES]}
