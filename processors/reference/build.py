"""From events to a reference: gather columns, find each field's kind, profile it, profile the segments.

The command `reference build` and a monitor that learns from its first events build the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec.structs import replace

from driftline.config.model_spec import DAY_MS, ModelSpec
from driftline.processors.arrays import I64, U8
from driftline.processors.codes import PARTITION_CELLS
from driftline.processors.estimation.build import performance_of
from driftline.processors.estimation.labelled import LabelledColumns
from driftline.processors.outcomes.task_sums import classes_of, task_of
from driftline.processors.reference.fields import ProfiledField, profile_field
from driftline.processors.reference.gather import MAX_ROWS, Columns, SegmentLabels
from driftline.processors.reference.kinds import Kind, kind_of, override_of, wants_categories
from driftline.processors.reference.performance import ReferencePerformance
from driftline.processors.reference.profile import LeftOutField, Reference, SegmentProfile, with_hash
from driftline.schemas.errors import BadReference
from driftline.schemas.events import Prediction
from driftline.schemas.layout import Role
from driftline.schemas.limits import OTHER_NAME
from driftline.schemas.scalars import Scalar

SEGMENT_ROWS_MIN: Final = 100
"""Segments with fewer rows have no profile of their own: it would say more about chance than about the segment."""

_WEEK_MS: Final = 7 * DAY_MS
_ROLES: Final[tuple[Role, ...]] = ("feature", "prediction", "score", "measurement")


def build_reference(spec: ModelSpec, events: Sequence[Prediction], source: str, timed: bool = True) -> Reference:
    """The reference of these events. Raises BadReference when there is nothing to profile.

    source: where the rows came from, for people. timed=False: the rows have no meaningful times.
    """
    builder = ReferenceBuilder(spec)
    builder.add(events)
    return builder.build(source, timed)


class ReferenceBuilder:
    """Takes rows in blocks, so that a long file is never in memory as a whole."""

    def __init__(self, spec: ModelSpec, max_rows: int = MAX_ROWS) -> None:
        self._spec = spec
        self.without_performance = ""
        """Once built: why labelled rows gave no section on performance; empty if they did, or if no row had a label."""
        self._versions: set[str] = set()
        self._columns = Columns(
            lambda role, name: wants_categories(spec, role, name),
            spec.segments,
            max_rows,
        )

    @property
    def rows_read(self) -> int:
        return self._columns.rows_read

    def add(self, rows: Sequence[Prediction], labels: Sequence[Scalar | None] | None = None) -> None:
        """Add rows of the model, in log order; labels: the true one of each row where it is known, else None."""
        self._columns.add(rows, labels)
        if len(self._versions) < 2:
            self._versions.update(row.model_version for row in rows)

    def build(self, source: str, timed: bool = True) -> Reference:
        """Profile all rows added so far."""
        columns = self._columns
        if columns.n == 0:
            raise BadReference(f"{source}: holds no event of model {self._spec.name!r}; give the file of that model")
        profiled, left_out = self._profile()
        if not profiled:
            reasons = "; ".join(f"{field.name}: {field.reason}" for field in left_out)
            raise BadReference(f"{source}: no field is left to monitor ({reasons})")
        profiled.sort(key=lambda field: (field.profile.kind != "numeric", _ROLES.index(field.profile.role)))
        timed = timed and columns.first_ms is not None and columns.last_ms is not None
        inputs = [field for field in profiled if field.profile.role in ("feature", "prediction")]
        reference = Reference(
            model=self._spec.name,
            model_version=next(iter(self._versions)) if len(self._versions) == 1 else None,
            n=columns.n,
            rows_read=columns.rows_read,
            first_ms=columns.first_ms if timed else None,
            last_ms=columns.last_ms if timed else None,
            events_per_week=_events_per_week(columns) if timed else None,
            source=source,
            fields=[field.profile for field in profiled],
            left_out=left_out,
            segments=self._segments([field.cells for field in profiled]),
        )
        return with_hash(replace(reference, performance=self._performance(reference, inputs)))

    def _performance(self, reference: Reference, inputs: list[ProfiledField]) -> ReferencePerformance | None:
        columns = self._columns
        if columns.labels is None:
            return None
        prediction, score = columns.fields["prediction", "prediction"], columns.fields.get(("score", "score"))
        scores = np.full(columns.n, np.nan) if score is None else score.numbers
        classes = classes_of(self._spec, task_of(self._spec, reference), reference)
        found = performance_of(classes, LabelledColumns(prediction, columns.labels, scores), inputs)
        if isinstance(found, str):
            self.without_performance = found
            return None
        return found

    def _profile(self) -> tuple[list[ProfiledField], list[LeftOutField]]:
        profiled: list[ProfiledField] = []
        left_out: list[LeftOutField] = []
        for (role, name), column in self._columns.fields.items():
            kind = kind_of(column, self._spec, role, name)
            if isinstance(kind, Kind):
                field = profile_field(column, kind, role, name, override_of(self._spec, role, name))
                if field.profile.n:
                    profiled.append(field)
                    continue
                kind = f"it is declared {kind.kind} and has no such value"
            left_out.append(LeftOutField(name=name, role=role, reason=kind))
        return profiled, left_out

    def _segments(self, cells: list[U8]) -> list[SegmentProfile]:
        """The largest `segments_max` segments of each set with enough rows, largest first."""
        profiles: list[SegmentProfile] = []
        for segments in self._columns.segments:
            profiles += _profiles_of_set(segments, cells)[: self._spec.segments_max]
        return profiles


def _profiles_of_set(segments: SegmentLabels, cells: list[U8]) -> list[SegmentProfile]:
    rows = np.bincount(segments.codes, minlength=len(segments.labels))
    kept = [(label, code) for code, label in enumerate(segments.labels) if rows[code] >= SEGMENT_ROWS_MIN]
    kept = [(label, code) for label, code in kept if label != OTHER_NAME]
    kept.sort(key=lambda segment: (-int(rows[segment[1]]), segment[0]))
    place = np.full(len(segments.labels), -1, np.int64)
    place[[code for _, code in kept]] = np.arange(len(kept))
    places: I64 = place[segments.codes]
    counts = [_counts(places, len(kept), field) for field in cells]
    return [
        SegmentProfile(
            segment_set=segments.segment_set, label=label, n=int(rows[code]), cells=[_trimmed(c[i]) for c in counts]
        )
        for i, (label, code) in enumerate(kept)
    ]


def _counts(places: I64, segments: int, cells: U8) -> I64:
    """int64[segments, 66]: rows of each segment (places: int64[n], -1 = none) in each cell (cells: uint8[n])."""
    inside = places >= 0
    flat = np.bincount(places[inside] * PARTITION_CELLS + cells[inside], minlength=segments * PARTITION_CELLS)
    return flat.reshape(segments, PARTITION_CELLS)


def _trimmed(counts: I64) -> list[int]:
    used = np.flatnonzero(counts)
    return [int(c) for c in counts[: used[-1] + 1]] if len(used) else []


def _events_per_week(columns: Columns) -> float | None:
    """Rate over the time that the rows span; None when they are all of one moment."""
    span_ms = (columns.last_ms or 0) - (columns.first_ms or 0)
    if span_ms <= 0:
        return None
    # n events span n - 1 intervals; six digits are more than a rate can mean
    return float(f"{(columns.rows_read - 1) * _WEEK_MS / span_ms:.6g}")
