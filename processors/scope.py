"""What is kept for one reference of a model: its segments, windows and detectors.

A model has one scope for its default reference and one more for each version that has a reference of its own.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from driftline.config.fingerprint import config_hash
from driftline.config.model_spec import ModelSpec
from driftline.processors.apply import (
    DETECTORS,
    HIT_COLUMNS,
    HIT_NUMBERS,
    Columns,
    Detectors,
    Tables,
    Windows,
    alarms_max,
    apply_run,
)
from driftline.processors.arrays import F64, I32, I64, U16
from driftline.processors.batches import PredictionBatch
from driftline.processors.codes import N_CELLS, PARTITION_CELLS
from driftline.processors.crossings import Crossing, Place
from driftline.processors.field_tables import FieldTables
from driftline.processors.moments import MOMENTS, merge_moments
from driftline.processors.panes import Due, OpenWindows
from driftline.processors.quality import ContractWatch
from driftline.processors.reference.layout import layout_of
from driftline.processors.reference.profile import Reference
from driftline.processors.rounding import written
from driftline.processors.segments import Segment, SegmentRows
from driftline.processors.signal_ids import digest
from driftline.processors.sketches import baseline_sketch, current_sketch
from driftline.processors.state import COUNT_MAX, DetectorState, WindowState, grow
from driftline.processors.statistics.test_cells import test_cell_maps
from driftline.processors.thresholds import Thresholds
from driftline.processors.transform import encode_numeric
from driftline.processors.unknown_names import UnknownNames
from driftline.processors.window_close import Online, Sketches, field_windows, statistics_of
from driftline.schemas.signals import FieldWindow, Signal, WindowClosed

DESCRIBED_MIN: Final = 200
"""Events an alert's description of "now" should rest on; longer windows are added until it does."""


class Scope:
    """`reference` None: events are counted and nothing is judged (the reference is being learnt).

    `closings`: int64[rows], how many windows of each row have closed; with `detectors.seen` it tells which rows changed.
    """

    def __init__(
        self, spec: ModelSpec, version: str, reference: Reference | None, windows: OpenWindows, partition: int
    ) -> None:
        self.spec, self.version, self.reference, self.partition = spec, version, reference, partition
        self.windows = windows
        self.tables = FieldTables(reference, spec.segments)
        self.thresholds = Thresholds(spec, reference, self.tables)
        sets = spec.segments if reference is not None else ()
        self.rows = SegmentRows(sets, spec.segments_max, frozenset(self.tables.rows))
        self.window_state = WindowState(windows.slots, self.tables.n_fields, self.tables.n_numeric)
        self.detectors = DetectorState(self.tables.n_fields)
        self.unknown = UnknownNames(windows.slots)
        self.quality = ContractWatch(spec, self.tables)
        self.layout = None if reference is None else layout_of(reference, spec)
        self.reference_hash = None if reference is None else reference.hash
        self.config_hash = config_hash(spec)
        self._cell_maps = test_cell_maps(self.tables.cells, self.tables.is_numeric)
        self._kernel_tables = Tables(*(getattr(self.tables, name) for name in Tables._fields))
        self._reference_row: I32 = np.zeros(0, np.int32)
        self._encoded: tuple[PredictionBatch, U16, F64] | None = None
        self.closings: I64 = np.zeros(0, np.int64)
        self.make_room()

    def make_room(self) -> None:
        """State rows for every segment known by now."""
        known = len(self._reference_row)
        if known == len(self.rows):
            return
        grow(self.window_state, len(self.rows))
        grow(self.detectors, len(self.rows))
        self.closings = np.append(self.closings, np.zeros(len(self.rows) - known, np.int64))
        own = [self.tables.reference_row(segment) for segment in self.rows.segments[known:]]
        self._reference_row = np.append(self._reference_row, np.array(own, np.int32))

    # -- events ------------------------------------------------------------------------------------------------------

    def crossings(self, batch: PredictionBatch, events: I64, slot: I32) -> list[Crossing]:
        """Count the events (positions in the batch, in log order), feed the detectors; the thresholds crossed, in order."""
        if not len(events):
            return []
        rows = self.rows.rows_of(batch.segments[: len(self.rows.sets)], events)
        self.make_room()
        self.unknown.note(batch.unknown, events, slot)
        codes, values = self._encode(batch)
        room = alarms_max(len(events), len(rows), self.tables.n_fields)
        out: I64 = np.empty((room, HIT_COLUMNS), np.int64)
        numbers: F64 = np.empty((room, HIT_NUMBERS))
        columns = Columns(codes, values, batch.id_hash, slot)
        count = apply_run(
            events,
            rows,
            self._reference_row,
            len(self.windows.open_panes),
            columns,
            self._kernel_tables,
            Windows(*(getattr(self.window_state, name) for name in Windows._fields)),
            Detectors(*(getattr(self.detectors, name) for name in Detectors._fields)),
            self.thresholds.judges,
            out,
            numbers,
        )
        found = [
            self._crossing(batch, columns, events, rows, hit, number)
            for hit, number in zip(out[:count].tolist(), numbers[:count].tolist(), strict=True)
        ]
        return sorted(found)

    def _encode(self, batch: PredictionBatch) -> tuple[U16, F64]:
        """uint16[M, n] codes and float64[M_numeric, n] values of a whole batch, once however often it is cut."""
        if self._encoded is None or self._encoded[0] is not batch:
            codes = np.empty((self.tables.n_fields, len(batch)), np.uint16)
            values = np.empty((self.tables.n_numeric, len(batch)))
            if self.tables.n_fields:
                encode_numeric(batch.numeric, self.tables.edges, codes, values)
                codes[self.tables.n_numeric :] = batch.category.T
            self._encoded = (batch, codes, values)
        return self._encoded[1], self._encoded[2]

    def _crossing(
        self, batch: PredictionBatch, columns: Columns, events: I64, rows: I32, hit: list[int], number: list[float]
    ) -> Crossing:
        position, row, m, detector, seen, since = hit
        statistic, threshold, *moments_then = number
        name = DETECTORS[detector]
        own = max(int(self._reference_row[row]), 0)
        counts, moments = self._lately(columns, events, rows, position, row, m, moments_then)
        numeric = m < self.tables.n_numeric
        return Crossing(
            position=position,
            row=row,
            field_index=m,
            detector_index=detector,
            place=self._place(self.rows.segments[row]),
            name=self.tables.names[m],
            kind=self.tables.kinds[m],
            detector=name,
            shape=self.thresholds.shape(name),
            offset=int(batch.offsets[position]),
            event_ms=int(batch.event_ms[position]),
            statistic=written(statistic) or 0.0,
            threshold=written(threshold) or 0.0,
            p_value=written(self.thresholds.p_value(own, m, statistic, since)) if name == "chi_square" else None,
            e_value=written(statistic) if name == "shiryaev_roberts" else None,
            n=seen,
            reference_n=int(self.tables.reference_n(own)[m]),
            baseline=baseline_sketch(
                self.tables.fields[m], self.tables.cells[own, m], self.tables.positions[m], row == 0
            ),
            current=current_sketch(
                self.tables.fields[m], counts, moments, float(self.tables.center[m]) if numeric else 0.0
            ),
        )

    def _lately(
        self, columns: Columns, events: I64, rows: I32, position: int, row: int, m: int, moments_then: list[float]
    ) -> tuple[I64, F64 | None]:
        """int64[68] counts and float64[6] moments of a field in the open windows, up to and including this event.

        What the batch brought after it is taken out again, so that a description never depends on the batching. Longer
        windows are added as long as there is too little to describe.
        """
        state, panes = self.window_state, len(self.windows.open_panes)
        counts = state.counts[row, :panes, m].sum(axis=0, dtype=np.int64)
        moments = np.array([moments_then]) if m < self.tables.n_numeric else None
        set_rows = rows[self.rows.segments[row].set_index + 1]
        later = events[(events > position) & (set_rows == row)]
        counts -= np.bincount(self.tables.cell_of_code[m, columns.codes[m, later]], minlength=N_CELLS)
        for slot in range(panes, state.counts.shape[1]):
            if counts[:PARTITION_CELLS].sum() >= DESCRIBED_MIN:
                break
            counts += state.counts[row, slot, m]
            if moments is not None:
                merge_moments(moments, state.moments[row, slot, m : m + 1])
        return counts, None if moments is None else moments[0]

    def _place(self, segment: Segment) -> Place:
        keys = self.spec.segments[segment.set_index] if segment.set_index >= 0 else ()
        return Place(
            self.spec.name, self.version, self.partition, keys, segment.label, self.config_hash, self.reference_hash
        )

    # -- windows -----------------------------------------------------------------------------------------------------

    def close(self, due: Due, partial: bool) -> list[Signal]:
        """Say what the window held, hand a pane on to its longer windows, and empty it."""
        state = self.window_state
        rows: I64 = np.flatnonzero(state.events[: len(self.rows), due.slot])
        if not len(rows):
            return []
        sketches = Sketches(
            state.counts[rows, due.slot], state.moments[rows, due.slot], state.detections[rows, due.slot]
        )
        fields = self._field_windows(rows, sketches)
        signals: list[Signal] = [
            self._window(due, partial, row, int(state.events[row, due.slot]), of_row)
            for row, of_row in zip(rows.tolist(), fields, strict=True)
        ]
        if due.is_pane:
            whole = signals[0]
            if rows[0] == 0 and self.reference is not None and isinstance(whole, WindowClosed):
                signals += self.quality.look_at(whole, self._place(self.rows.segments[0]))
            for slot in self.windows.accumulators_of(due):
                self._merge(rows, sketches, due.slot, slot)
        state.clear(rows, due.slot)
        self.closings[rows] += 1
        self.unknown.clear(due.slot)
        return signals

    def _merge(self, rows: I64, sketches: Sketches, pane: int, into: int) -> None:
        state = self.window_state
        state.events[rows, into] += state.events[rows, pane]
        counts = state.counts[rows, into] + sketches.counts
        counts[counts < sketches.counts] = COUNT_MAX
        state.counts[rows, into] = counts
        state.detections[rows, into] += sketches.detections
        merged = state.moments[rows, into].reshape(-1, MOMENTS)
        merge_moments(merged, sketches.moments.reshape(-1, MOMENTS))
        state.moments[rows, into] = merged.reshape(sketches.moments.shape)
        self.unknown.merge(pane, into)

    def _field_windows(self, rows: I64, sketches: Sketches) -> list[list[FieldWindow]]:
        if not self.tables.n_fields:
            return [[] for _ in rows]
        own = self._reference_row[rows]
        shown = statistics_of(self.tables, self._cell_maps, sketches, np.maximum(own, 0).astype(np.int32))
        return field_windows(self.tables, sketches, shown, self._online(rows, own))

    def _online(self, rows: I64, own: I32) -> Online:
        """What the online detectors of these segments show; NaN where a segment has no reference of its own."""
        state, judges = self.detectors, self.thresholds.judges
        judged = (own >= 0)[:, None]
        sets = np.array([self.rows.segments[row].set_index + 1 for row in rows])
        e_threshold = judges.bet_limits[np.maximum(own, 0), :, 0]
        width, total = state.adwin_head[rows, :, 1], state.adwin_head[rows, :, 2]
        with np.errstate(invalid="ignore"):
            adwin_mean = np.where(width > 0, total / width, np.nan)
        page_hinkley = state.page_hinkley[rows, :, 2:4].max(axis=2)
        limit = np.broadcast_to(judges.page_hinkley_threshold[sets][:, None], page_hinkley.shape)
        return Online(
            e_value=np.where(judged, state.bets[rows].sum(axis=2), np.nan),
            e_threshold=np.where(judged, e_threshold, np.nan),
            adwin_mean=adwin_mean,
            page_hinkley=page_hinkley,
            page_hinkley_threshold=limit,
            adwin_width=width,
        )

    def _window(self, due: Due, partial: bool, row: int, n: int, fields: list[FieldWindow]) -> WindowClosed:
        place = self._place(self.rows.segments[row])
        return WindowClosed(
            id=digest(
                "window",
                due.length_ms,
                self.reference_hash,
                place.model,
                place.version,
                place.partition,
                *place.segment_set,
                place.segment,
                due.end_ms,
                int(partial),
            ),
            model=place.model,
            version=place.version,
            partition=place.partition,
            segment_set=list(place.segment_set),
            segment=place.segment,
            start_ms=due.start_ms,
            end_ms=due.end_ms,
            length_ms=due.length_ms,
            n=n,
            partial=partial,
            reference_hash=self.reference_hash,
            config_hash=self.config_hash,
            fields=fields,
            unknown_features=dict(sorted(self.unknown.slots[due.slot].items())) if row == 0 else {},
        )
