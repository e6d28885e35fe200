"""A reference as a person reads it: lines and rows of short texts, for whoever draws the table.

The picture of a numeric field is its density: how many rows lie in each of twelve equal stretches between its 1 % and
99 % points (quantile bins as such would all be equally high). That of the other fields is the share of each category.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from driftline.processors.arrays import F64
from driftline.processors.reference.performance import ReferencePerformance
from driftline.processors.reference.profile import FieldProfile, Reference

WIDTH: Final = 12
"""Characters of a picture."""

_BARS: Final = "▁▂▃▄▅▆▇█"
_TAIL: Final = 0.01
_TOP: Final = 3


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field: name, kind, valid values, shares of missing and invalid ones ("" = none), values, picture."""

    name: str
    role: str
    kind: str
    n: str
    missing: str
    invalid: str
    values: str
    picture: str


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """One segment: its label, rows, share of all rows."""

    label: str
    n: str
    share: str


def headline(reference: Reference) -> list[tuple[str, str]]:
    """(name, value) of what concerns the whole reference."""
    rows = f"{reference.n:,}"
    if reference.rows_read > reference.n:
        rows += f" of {reference.rows_read:,} (every {round(reference.rows_read / reference.n)}th)"
    lines = [("model", reference.model), ("rows", rows)]
    if reference.model_version is not None:
        lines.insert(1, ("version", reference.model_version))
    if reference.first_ms is not None and reference.last_ms is not None:
        lines.append(("time", f"{_moment(reference.first_ms)} to {_moment(reference.last_ms)}"))
    rate = reference.events_per_week
    lines.append(("events per week", "unknown: set events_per_week" if rate is None else f"{rate:,.0f}"))
    if reference.performance is not None:
        lines.append(("performance", _performance(reference.performance)))
    lines += [("source", reference.source), ("hash", reference.hash)]
    return lines


def field_rows(reference: Reference) -> list[FieldRow]:
    """One row a field, in the order of the file."""
    return [_field_row(field, reference.n) for field in reference.fields]


def segment_rows(reference: Reference) -> list[SegmentRow]:
    """One row a segment that has a profile of its own."""
    return [SegmentRow(s.label, f"{s.n:,}", _share(s.n, reference.n)) for s in reference.segments]


def summary(reference: Reference) -> dict[str, Any]:
    """The same for machines: numbers instead of texts, without the bins."""
    return {
        "model": reference.model,
        "model_version": reference.model_version,
        "n": reference.n,
        "rows_read": reference.rows_read,
        "first_ms": reference.first_ms,
        "last_ms": reference.last_ms,
        "events_per_week": reference.events_per_week,
        "source": reference.source,
        "hash": reference.hash,
        "fields": [_field_summary(field) for field in reference.fields],
        "left_out": [{"name": f.name, "role": f.role, "reason": f.reason} for f in reference.left_out],
        "segments": [{"segment_set": list(s.segment_set), "segment": s.label, "n": s.n} for s in reference.segments],
        "performance": None if reference.performance is None else _performance_summary(reference.performance),
    }


def _performance(performance: ReferencePerformance) -> str:
    """The metrics, each with its deviation over the largest chunks."""
    spread = performance.spread[-1] if performance.spread else None
    texts = []
    for name, value in performance.metrics.items():
        sd = None if spread is None else spread.sd.get(name)
        texts.append(f"{name} {value:.4g}" if sd is None else f"{name} {value:.4g} ± {sd:.2g}")
    chunks = "" if spread is None else f" (± over chunks of {spread.rows:,})"
    return f"{', '.join(texts)}; {performance.n:,} labelled rows{chunks}"


def _performance_summary(performance: ReferencePerformance) -> dict[str, Any]:
    return {
        "task": performance.task,
        "n": performance.n,
        "metrics": performance.metrics,
        "spread": [{"rows": s.rows, "chunks": s.chunks, "sd": s.sd} for s in performance.spread],
    }


def _field_summary(field: FieldProfile) -> dict[str, Any]:
    common = {
        "name": field.name,
        "role": field.role,
        "kind": field.kind,
        "value_type": field.value_type,
        "n": field.n,
        "missing": field.missing,
        "invalid": field.invalid,
    }
    if field.kind == "numeric":
        return {**common, "mean": field.mean, "sd": field.sd, "min": field.min, "max": field.max}
    counts = dict(zip(field.categories, field.category_counts, strict=True))
    return {**common, "categories": counts, "pooled": len(field.pooled), "pooled_count": field.pooled_count}


def _field_row(field: FieldProfile, rows: int) -> FieldRow:
    numeric = field.kind == "numeric"
    return FieldRow(
        name=field.name,
        role=field.role,
        kind={"categorical": "category"}.get(field.kind, field.kind),
        n=f"{field.n:,}",
        missing=_share(field.missing, rows) if field.missing else "",
        invalid=_share(field.invalid, rows) if field.invalid else "",
        values=_range(field) if numeric else _commonest(field),
        picture=sparkline(density(field) if numeric else np.array(_category_shares(field))),
    )


def _range(field: FieldProfile) -> str:
    return f"{_short(field.min)} to {_short(field.max)}, mean {_short(field.mean)}"


def _commonest(field: FieldProfile) -> str:
    shown = sorted(zip(field.category_counts, field.categories, strict=True), key=lambda pair: -pair[0])
    texts = [f"{name} {_share(count, field.n)}" for count, name in shown[:_TOP]]
    others = len(field.categories) + len(field.pooled) - len(texts)
    return ", ".join([*texts, f"+{others}"] if others > 0 else texts)


def _category_shares(field: FieldProfile) -> list[int]:
    counts = field.category_counts
    if len(counts) + bool(field.pooled_count) <= WIDTH:
        return [*counts, field.pooled_count] if field.pooled_count else counts
    return [*counts[: WIDTH - 1], sum(counts[WIDTH - 1 :]) + field.pooled_count]


def density(field: FieldProfile) -> F64:
    """float64[<= WIDTH]: rows in equal stretches of a numeric field; of each value if there are no more than WIDTH."""
    counts = np.array(field.bin_counts, np.float64)
    if len(counts) <= WIDTH:
        return counts
    ends = np.array([_or_zero(field.min), *field.edges, _or_zero(field.max)])
    below = np.concatenate([[0.0], np.cumsum(counts)]) / counts.sum()
    low, high = np.interp([_TAIL, 1 - _TAIL], below, ends)
    if not low < high:
        return np.array([counts.sum()])
    # rows of a bin are taken to be spread evenly over it
    cuts = np.interp(np.linspace(low, high, WIDTH + 1), ends, below)
    shares: F64 = np.diff(cuts)
    return shares


def sparkline(heights: F64) -> str:
    """One bar a number, the highest one full; a number above zero never looks like zero.

    >>> sparkline(np.array([0.0, 1.0, 8.0, 4.0]))
    ' ▁█▄'
    """
    top = float(heights.max(initial=0.0))
    if top <= 0:
        return ""
    levels = np.ceil(heights / top * len(_BARS)).astype(int)
    return "".join(" " if level == 0 else _BARS[level - 1] for level in levels.tolist())


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%d %H:%M")


def _share(part: int, whole: int) -> str:
    share = 100 * part / max(whole, 1)
    return f"{share:.0f}%" if share >= 9.95 else f"{share:.1f}%" if share >= 0.05 else "<0.1%"


def _short(number: float | None) -> str:
    value = _or_zero(number)
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e12 else f"{value:.4g}"


def _or_zero(number: float | None) -> float:
    return 0.0 if number is None else number
