"""What can be wrong with a reference that has the right types: each problem by its path, with what to write instead."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from driftline.processors.codes import BINS, CELLS, MAX_CATEGORIES, PARTITION_CELLS
from driftline.processors.reference.performance_problems import problems_of_performance
from driftline.schemas.layout import BOOLEAN_CATEGORIES

if TYPE_CHECKING:
    from driftline.processors.reference.profile import FieldProfile, Reference, SegmentProfile

_REBUILD: Final = "build the reference again"


def problems_of(reference: Reference) -> list[str]:
    """All problems, in the order of the file; an empty list for a good reference."""
    performance = [] if reference.performance is None else problems_of_performance(reference.performance)
    return [*_envelope(reference), *_fields(reference), *_segments(reference), *performance]


def _envelope(reference: Reference) -> Iterator[str]:
    if not reference.model:
        yield "model: is empty; write the name of the model"
    if reference.n < 1 or reference.rows_read < reference.n:
        yield f"n: {reference.n} of {reference.rows_read} rows; write 1 <= n <= rows_read"
    if reference.events_per_week is not None and not 0 < reference.events_per_week < math.inf:
        yield f"events_per_week: {reference.events_per_week} is not a rate; write a number above 0, or leave it out"
    if (reference.first_ms is None) != (reference.last_ms is None):
        yield "first_ms, last_ms: only one is there; write both or none"
    elif reference.first_ms is not None and reference.last_ms is not None and reference.first_ms > reference.last_ms:
        yield f"first_ms: {reference.first_ms} is after last_ms {reference.last_ms}; exchange them"


def _fields(reference: Reference) -> Iterator[str]:
    if not reference.fields:
        yield "fields: is empty; a reference needs at least one monitored field"
    others_seen = False
    names: set[tuple[str, str]] = set()
    for field in reference.fields:
        path = f"fields[{field.name}]"
        side = "prediction" if field.role == "score" else field.role
        if (side, field.name) in names:
            yield f"{path}: is there twice as a {side}; keep one"
        names.add((side, field.name))
        others_seen = others_seen or field.kind != "numeric"
        if field.kind == "numeric" and others_seen:
            yield f"{path}: numeric fields come before the others; {_REBUILD}"
        if min(field.n, field.missing, field.invalid) < 0:
            yield f"{path}: n, missing and invalid cannot be negative; {_REBUILD}"
        total = field.n + field.missing + field.invalid
        if total != reference.n:
            yield f"{path}: n + missing + invalid is {total}, not {reference.n}; {_REBUILD}"
        if field.contract.value_type != field.value_type:
            yield f"{path}.contract.value_type: {field.contract.value_type} does not fit; write {field.value_type}"
        for problem in _numeric(field) if field.kind == "numeric" else _categorical(field):
            yield f"{path}.{problem}"


def _numeric(field: FieldProfile) -> Iterator[str]:
    if field.value_type not in ("number", "integer"):
        yield f"value_type: {field.value_type} cannot be numeric; write number or integer"
    if len(field.edges) > BINS - 1:
        yield f"edges: {len(field.edges)} are too many; write at most {BINS - 1}"
    if not all(math.isfinite(e) for e in field.edges) or any(a >= b for a, b in pairwise(field.edges)):
        yield "edges: are not strictly ascending finite numbers; sort them and drop repeated ones"
    if len(field.bin_counts) != len(field.edges) + 1:
        yield f"bin_counts: {len(field.bin_counts)} do not fit {len(field.edges)} edges; write one more than edges"
    yield from _adds_up("bin_counts", field.bin_counts, field.n)
    if len(field.cell_means) > CELLS or not all(math.isfinite(m) for m in field.cell_means):
        yield f"cell_means: write at most {CELLS} finite numbers"
    low, high = field.contract.minimum, field.contract.maximum
    if low is not None and high is not None and low > high:
        yield f"contract: minimum {low} is above maximum {high}; exchange them"
    if field.n and None in (field.mean, field.sd, field.min, field.max):
        yield f"mean, sd, min, max: one is missing; {_REBUILD}"


def _categorical(field: FieldProfile) -> Iterator[str]:
    if len(field.categories) > MAX_CATEGORIES:
        yield f"categories: {len(field.categories)} are too many; write at most {MAX_CATEGORIES} and pool the others"
    known = [*field.categories, *field.pooled]
    if len(set(known)) != len(known):
        yield f"categories: {min(c for c in known if known.count(c) > 1)!r} is named twice; name each category once"
    if field.kind == "boolean" and tuple(field.categories) != BOOLEAN_CATEGORIES:
        yield 'categories: a boolean field has exactly ["false", "true"]; write these'
    if len(field.category_counts) != len(field.categories):
        yield f"category_counts: {len(field.category_counts)} for {len(field.categories)} categories; write one each"
    yield from _adds_up("category_counts", [*field.category_counts, field.pooled_count], field.n)


def _adds_up(name: str, counts: Sequence[int], n: int) -> Iterator[str]:
    if any(c < 0 for c in counts):
        yield f"{name}: {min(counts)} is negative; {_REBUILD}"
    elif sum(counts) != n:
        yield f"{name}: they add up to {sum(counts)}, not to n = {n}; {_REBUILD}"


def _segments(reference: Reference) -> Iterator[str]:
    seen: set[tuple[tuple[str, ...], str]] = set()
    for segment in reference.segments:
        path = f"segments[{segment.label}]"
        if (segment.segment_set, segment.label) in seen:
            yield f"{path}: is there twice; keep one"
        seen.add((segment.segment_set, segment.label))
        for problem in _segment(segment, len(reference.fields)):
            yield f"{path}.{problem}"


def _segment(segment: SegmentProfile, n_fields: int) -> Iterator[str]:
    if len(segment.cells) != n_fields:
        yield f"cells: {len(segment.cells)} rows for {n_fields} fields; {_REBUILD}"
    if any(len(row) > PARTITION_CELLS or min(row, default=0) < 0 for row in segment.cells):
        yield f"cells: a row has at most {PARTITION_CELLS} counts, none negative; {_REBUILD}"
    elif any(sum(row) != segment.n for row in segment.cells):
        yield f"cells: a row does not add up to n = {segment.n}; {_REBUILD}"
