"""Two halves of one window become the whole: what shards of a hot model, or two partitions, said about the same time.

Counts are added, so they and every statistic made from them are exactly those of the whole. Mean and standard deviation
are pooled from the written numbers (12 digits). Online detectors ran apart and have no merged value.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from driftline.config.model_spec import ModelSpec
from driftline.processors.arrays import F64, I32, U32
from driftline.processors.codes import CELL_NEW_CATEGORY, CELL_OUT_OF_RANGE, N_CELLS
from driftline.processors.field_tables import FieldTables
from driftline.processors.moments import MOMENTS, merge_moments
from driftline.processors.reference.profile import Reference
from driftline.processors.segments import WHOLE_MODEL, Segment
from driftline.processors.signal_ids import digest
from driftline.processors.state import empty_moments
from driftline.processors.statistics.test_cells import test_cell_maps
from driftline.processors.window_close import Online, Sketches, field_windows, statistics_of
from driftline.schemas.signals import WindowClosed


class WindowMerger:
    """Merges closed windows of one model; `reference` is the one they were compared with."""

    def __init__(self, spec: ModelSpec, reference: Reference) -> None:
        self._sets = spec.segments
        self._hash = reference.hash
        self._tables = FieldTables(reference, spec.segments)
        self._cell_maps = test_cell_maps(self._tables.cells, self._tables.is_numeric)

    def merge(self, a: WindowClosed, b: WindowClosed) -> WindowClosed:
        """The window of both. Raises ValueError for windows of different time, segment, version or reference."""
        for name in ("model", "version", "segment_set", "segment", "start_ms", "length_ms", "reference_hash"):
            if getattr(a, name) != getattr(b, name):
                raise ValueError(
                    f"{name} differs ({getattr(a, name)!r}, {getattr(b, name)!r}): give halves of one window"
                )
        if a.reference_hash != self._hash:
            raise ValueError("these windows were compared with another reference: merge them with that one")
        sketches = self._sketches([a, b])
        nothing = np.full((1, self._tables.n_fields), np.nan)
        statistics = statistics_of(self._tables, self._cell_maps, sketches, self._reference_row(a))
        fields = field_windows(self._tables, sketches, statistics, Online(*[nothing] * len(Online._fields)))[0]
        unknown = {
            name: a.unknown_features.get(name, 0) + b.unknown_features.get(name, 0)
            for name in sorted({*a.unknown_features, *b.unknown_features})
        }
        return msgspec.structs.replace(
            a,
            id=digest("merged", *sorted((a.id, b.id))),
            n=a.n + b.n,
            partial=a.partial or b.partial,
            fields=fields,
            unknown_features=unknown,
        )

    def _reference_row(self, window: WindowClosed) -> I32:
        keys = tuple(window.segment_set)
        segment = Segment(self._sets.index(keys) if keys else WHOLE_MODEL, window.segment)
        return np.array([max(self._tables.reference_row(segment), 0)], np.int32)

    def _sketches(self, windows: Sequence[WindowClosed]) -> Sketches:
        numeric = self._tables.n_numeric
        counts: U32 = np.zeros((1, self._tables.n_fields, N_CELLS), np.uint32)
        detections: U32 = np.zeros((1, self._tables.n_fields, 2), np.uint32)
        moments = empty_moments(numeric)
        for window in windows:
            for m, field in enumerate(window.fields):
                counts[0, m, : len(field.counts)] += np.array(field.counts, np.uint32)
                counts[0, m, CELL_OUT_OF_RANGE] += np.uint32(field.out_of_range)
                counts[0, m, CELL_NEW_CATEGORY] += np.uint32(field.new_category)
                detections[0, m, 0] += np.uint32(field.adwin_detections or 0)
                detections[0, m, 1] += np.uint32(field.page_hinkley_detections or 0)
            merge_moments(moments, self._moments(window))
        return Sketches(counts, moments[None], detections)

    def _moments(self, window: WindowClosed) -> F64:
        moments = empty_moments(self._tables.n_numeric).reshape(-1, MOMENTS)
        for m, field in enumerate(window.fields[: self._tables.n_numeric]):
            if field.min is None or field.max is None:
                continue
            # also where mean and deviation are not known: then they are not for the whole either
            moments[m, 4], moments[m, 5] = field.min, field.max
            if field.mean is not None and field.sd is not None:
                d = field.mean - float(self._tables.center[m])
                moments[m, 0] = field.n * d
                moments[m, 2] = (field.n - 1) * field.sd**2 + field.n * d * d
        return moments
