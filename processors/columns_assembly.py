"""The results of one call to the columnizer: pieces of columns in any order -> batches in log order, with their times.

A position is the place of a record among those consumed by the call, from 0 on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from driftline.processors.arrays import F64, I32, I64, U16, U64
from driftline.processors.batches import PredictionBatch, SegmentColumn
from driftline.processors.columns_codes import SegmentCodes, VersionCodes
from driftline.processors.columns_exact import Columns, ColumnTables, envelope_columns, exact_columns
from driftline.processors.columns_scanned import TOKEN_COLUMNS_MAX, ScannedEvents
from driftline.processors.columns_shape import ShapeLearner, usable_name
from driftline.processors.columns_typed import TypedEvents
from driftline.processors.id_hash import hash_ids, hash_key
from driftline.schemas.events import Prediction
from driftline.schemas.layout import EventLayout
from driftline.schemas.limits import FEATURES_MAX
from driftline.schemas.rejections import Rejection


class ModelState:
    """What is kept of one model between calls: dictionaries of codes, decoders, the key of its ids."""

    def __init__(self, model: str, layout: EventLayout | None) -> None:
        self.model = model
        self.layout = layout
        self.key: U64 = hash_key(model)
        self.versions = VersionCodes()
        self.tables = None if layout is None else ColumnTables(layout)
        # an event of more names is rejected by the exact path, and the structs do not count names
        self._learner: ShapeLearner | None = None
        self.typed: TypedEvents | None = None
        if self.tables is not None and self.tables.names_max <= FEATURES_MAX:
            self._learner = ShapeLearner(model, self.tables)
            self.typed = TypedEvents(self._learner.shape, self.tables, self.versions)

    def learn(self, event: Prediction, unknown: tuple[str, ...]) -> None:
        """Take note of an event that only the exact path could read: `typed` may be another one afterwards."""
        if self._learner is not None and self.tables is not None and self._learner.learn(event, unknown):
            self.typed = TypedEvents(self._learner.shape, self.tables, self.versions)

    def scanner(self, old: ScannedEvents | None) -> ScannedEvents | None:
        """A scanner for what has been learnt by now: the old one if it still fits, None if the model is not for scanning."""
        if self._learner is None or self.tables is None or not usable_name(self.model):
            return None
        if old is not None and old.is_for(self._learner.shape, self.tables):
            return old
        new = ScannedEvents(self.model, self._learner.shape, self.tables, self.versions)
        return new if new.token_columns <= TOKEN_COLUMNS_MAX else None

    def start_afresh_when_full(self) -> None:
        """Call between batches."""
        self.versions.start_afresh_when_full()
        if self.tables is not None:
            self.tables.start_afresh_when_full()


@dataclass(slots=True)
class _ModelRun:
    """What one call has read of one model."""

    state: ModelState
    pieces: list[tuple[I64, Columns]] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)  # of the generic events below
    events: list[Prediction] = field(default_factory=list)
    unknown: list[tuple[str, ...]] = field(default_factory=list)


class Assembly:
    """Collects what one call reads, in any order."""

    def __init__(self) -> None:
        self.consumed = 0
        self.rejected: list[Rejection] = []  # offset = position until the call ends
        self._runs: dict[str, _ModelRun] = {}

    def add_columns(self, state: ModelState, positions: Sequence[int] | I64, columns: Columns) -> None:
        self._run(state).pieces.append((np.asarray(positions, np.int64), columns))

    def add_event(self, state: ModelState, position: int, event: Prediction, unknown: tuple[str, ...]) -> None:
        run = self._run(state)
        run.positions.append(position)
        run.events.append(event)
        run.unknown.append(unknown)

    def only_typed_model(self) -> ModelState | None:
        """The model of all events read so far, if there is but one and it is decoded by structs."""
        states = [run.state for run in self._runs.values()]
        return states[0] if len(states) == 1 and states[0].typed is not None else None

    def _run(self, state: ModelState) -> _ModelRun:
        run = self._runs.get(state.model)
        if run is None:
            run = self._runs[state.model] = _ModelRun(state)
        return run

    def batches(self) -> Iterator[tuple[I64, PredictionBatch]]:
        """Each model's batch with the positions of its rows (ascending); offsets and record times are still empty."""
        built = [_batch(run) for run in self._runs.values()]
        for positions, batch in sorted(built, key=lambda item: int(item[0][0])):
            batch.unknown = _by_first_row(batch.unknown)
            yield positions, batch


def _batch(run: _ModelRun) -> tuple[I64, PredictionBatch]:
    state, pieces = run.state, run.pieces
    if run.events:
        pieces = [*pieces, (np.array(run.positions, np.int64), _generic_columns(run))]
    positions = np.concatenate([at for at, _ in pieces])
    segment_codes = [] if state.tables is None else state.tables.segments
    batch = _joined(state.model, segment_codes, state.versions, [columns for _, columns in pieces])
    if state.tables is None:
        batch.rows = run.events
    if np.any(positions[1:] < positions[:-1]):
        order = np.argsort(positions)
        positions = positions[order]
        _reorder(batch, order)
    batch.id_hash = hash_ids(state.key, batch.ids)
    return positions, batch


def _generic_columns(run: _ModelRun) -> Columns:
    """The columns of the generic events; without a layout, what can be known of them then."""
    state = run.state
    if state.tables is None:
        return envelope_columns(run.events, run.unknown, state.versions)
    return exact_columns(run.events, run.unknown, state.tables, state.versions)


def batch_of_events(events: Sequence[Prediction], layout: EventLayout) -> PredictionBatch:
    """The batch of generic events of one model in log order: position as offset, event time as record time."""
    model = events[0].model if events else ""
    tables, versions = ColumnTables(layout), VersionCodes()
    batch = _joined(model, tables.segments, versions, [exact_columns(events, [()] * len(events), tables, versions)])
    batch.offsets = np.arange(len(events))
    batch.record_ms = batch.event_ms
    batch.partition_ms = np.maximum.accumulate(batch.event_ms)
    batch.id_hash = hash_ids(hash_key(model), batch.ids)
    batch.unknown = _by_first_row(batch.unknown)
    return batch


def _joined(
    model: str, segment_codes: Sequence[SegmentCodes], versions: VersionCodes, pieces: list[Columns]
) -> PredictionBatch:
    """One batch of pieces one behind the other; offsets, record times and hashes are still empty."""
    n = sum(len(piece.ids) for piece in pieces)
    numeric: F64 = np.empty((n, pieces[0].numeric.shape[0]), np.float64)
    category: U16 = np.empty((n, pieces[0].category.shape[0]), np.uint16)
    unknown: dict[str, list[int]] = {}
    start = 0
    for piece in pieces:
        end = start + len(piece.ids)
        np.add(piece.numeric.T, 0.0, out=numeric[start:end])  # -0.0 becomes 0.0: one number, one spelling in outputs
        category[start:end] = piece.category.T
        for name, at in piece.unknown.items():
            unknown.setdefault(name, []).extend([start + i for i in at])
        start = end
    segments: list[I32] = list(np.concatenate([piece.segments for piece in pieces], axis=1))
    none = np.empty(0, np.int64)
    return PredictionBatch(
        model=model,
        offsets=none,
        record_ms=none,
        partition_ms=none,
        event_ms=np.concatenate([piece.event_ms for piece in pieces]),
        id_hash=np.empty(0, np.uint64),
        ids=list(chain.from_iterable(piece.ids for piece in pieces)),
        versions=versions.labels,
        version_codes=np.concatenate([piece.version_codes for piece in pieces]),
        numeric=numeric,
        category=category,
        segments=[SegmentColumn(codes.labels, column) for codes, column in zip(segment_codes, segments, strict=True)],
        unknown={name: np.array(at, np.int64) for name, at in unknown.items()},
    )


def _by_first_row(unknown: dict[str, I64]) -> dict[str, I64]:
    """Names in the order in which the log brought them: where names are capped, no way of reading may choose them."""
    return dict(sorted(unknown.items(), key=lambda item: (int(item[1][0]), item[0])))


def _reorder(batch: PredictionBatch, order: I64) -> None:
    """Bring rows that were read on different paths back into log order."""
    batch.event_ms = batch.event_ms[order]
    batch.version_codes = batch.version_codes[order]
    batch.numeric = batch.numeric[order]
    batch.category = batch.category[order]
    batch.ids = [batch.ids[i] for i in order.tolist()]
    for column in batch.segments:
        column.codes = column.codes[order]
    if batch.rows is not None:
        batch.rows = [batch.rows[i] for i in order.tolist()]
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    batch.unknown = {name: np.sort(place[at]) for name, at in batch.unknown.items()}
