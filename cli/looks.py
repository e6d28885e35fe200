"""How a field looked over some period, and the picture of it: two sparklines on one axis, the reference and now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from driftline.processors.arrays import F64
from driftline.processors.codes import CELLS, POOLED_CODE, cell_of_bin
from driftline.processors.reference.profile import FieldProfile
from driftline.processors.reference.show import sparkline
from driftline.schemas.alerts import Sketch
from driftline.schemas.signals import FieldWindow

OTHERS: Final = "others"
"""Categories without a cell of their own, together."""

CLEAR_MISSING: Final = 0.02
"""A share of missing values that differs by more than this is a change worth telling."""

_TAIL: Final = 0.01


@dataclass(frozen=True, slots=True)
class Look:
    """cells: counts of a numeric field over the reference's histogram cells. shares: of each category, in its order."""

    n: int
    missing_share: float
    mean: float | None
    sd: float | None
    low: float | None
    high: float | None
    cells: tuple[int, ...]
    shares: dict[str, float]


def look_of_profile(field: FieldProfile, rows: int) -> Look:
    """The reference; rows: all rows of it, with those that lack this field."""
    counts = [*field.category_counts, field.pooled_count]
    return Look(
        n=field.n,
        missing_share=field.missing / max(rows, 1),
        mean=field.mean,
        sd=field.sd,
        low=field.min,
        high=field.max,
        cells=_cells_of_bins(field) if field.kind == "numeric" else (),
        shares={} if field.kind == "numeric" else _shares(field, counts, field.n),
    )


def look_of_window(window: FieldWindow, field: FieldProfile) -> Look:
    """One closed window."""
    numeric = field.kind == "numeric"
    counts = [*window.counts[:CELLS], *[0] * (CELLS - len(window.counts))]
    own = len(field.categories)
    return Look(
        n=window.n,
        missing_share=window.missing / max(window.n + window.missing + window.invalid, 1),
        mean=window.mean,
        sd=window.sd,
        low=window.min,
        high=window.max,
        cells=tuple(counts) if numeric else (),
        shares={} if numeric else _shares(field, [*counts[:own], counts[POOLED_CODE]], window.n),
    )


def look_of_sketch(sketch: Sketch, field: FieldProfile) -> Look:
    """What an alert says of a field."""
    numeric = field.kind == "numeric"
    known = {**dict.fromkeys(field.categories, 0), **sketch.top_categories}
    others = sum(count for name, count in known.items() if name not in field.categories)
    counts = [*(known[name] for name in field.categories), others]
    return Look(
        n=sketch.n,
        missing_share=sketch.missing_share,
        mean=sketch.mean,
        sd=sketch.sd,
        low=None,
        high=None,
        cells=(*sketch.counts, *[0] * (CELLS - len(sketch.counts))) if numeric else (),
        shares={} if numeric else _shares(field, counts, sketch.n),
    )


def pictures(field: FieldProfile, before: Look, now: Look, width: int) -> tuple[str, str]:
    """Two sparklines of at most `width` characters on one axis: of the reference, and of what is compared with it.

    Numbers: how many lie in each of `width` equal stretches between the outer 1 % points of both. Categories: the share
    of each, commonest first, the rest together.
    """
    if field.kind != "numeric":
        return _bars(before, width), _bars(now, width)
    if len(field.bin_counts) <= width:
        cells = len(field.bin_counts)
        return sparkline(np.array(before.cells[:cells], float)), sparkline(np.array(now.cells[:cells], float))
    curves = [_cumulative(field, look) for look in (before, now)]
    points = [np.interp([_TAIL, 1 - _TAIL], below, ends) for ends, below in curves]
    low, high = min(p[0] for p in points), max(p[1] for p in points)
    cuts = np.linspace(low, high, width + 1)
    first, second = (sparkline(np.diff(np.interp(cuts, ends, below))) for ends, below in curves)
    return first, second


def _bars(look: Look, width: int) -> str:
    shares = list(look.shares.values())
    if len(shares) > width:
        shares = [*shares[: width - 1], sum(shares[width - 1 :])]
    return sparkline(np.array(shares))


def _cumulative(field: FieldProfile, look: Look) -> tuple[F64, F64]:
    """(ends, share below) of the histogram cells; values are taken to be spread evenly over their cell."""
    inner = _inner_edges(field)
    counts = np.array(look.cells[: len(inner) + 1], float)
    low = inner[0] if look.low is None else min(look.low, inner[0])
    high = inner[-1] if look.high is None else max(look.high, inner[-1])
    below = np.concatenate([[0.0], np.cumsum(counts)]) / max(float(counts.sum()), 1.0)
    return np.array([low, *inner, high]), below


def _inner_edges(field: FieldProfile) -> list[float]:
    """Values at which one histogram cell ends and the next begins."""
    cells = cell_of_bin(field.bin_counts)
    edges, previous = [], 0
    for b, cell in enumerate(cells.tolist()):
        # a cell no bin fell into has no width
        edges += [field.edges[b - 1]] * (cell - previous)
        previous = cell
    return edges


def _cells_of_bins(field: FieldProfile) -> tuple[int, ...]:
    counts = np.zeros(CELLS, np.int64)
    np.add.at(counts, cell_of_bin(field.bin_counts), field.bin_counts)
    return tuple(counts.tolist())


def _shares(field: FieldProfile, counts: Sequence[int], n: int) -> dict[str, float]:
    names = [*field.categories, OTHERS]
    shares = {name: count / max(n, 1) for name, count in zip(names, counts, strict=True)}
    if not field.pooled and not shares[OTHERS]:
        del shares[OTHERS]
    return shares
