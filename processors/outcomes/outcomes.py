"""The outcome side of one model on one partition: a machine without I/O. Both logs in, performance out.

It reads the merge of both logs (see `operations`), keeps what is known of each prediction in a join store (`facts`), what is
summed up of them in rows of panes (`pane_rows`), and tells of windows when they are due (`schedule`). What it says is a
function of the two logs alone: not of how they are cut into batches, nor of which is read faster.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from driftline.config.fingerprint import shape_fingerprint
from driftline.config.model_spec import ModelSpec, Task
from driftline.processors.batches import LabelBatch, PredictionBatch
from driftline.processors.estimation.estimator import estimator_of
from driftline.processors.outcomes.counts import OutcomeCounters, counters_of
from driftline.processors.outcomes.groups import Groups
from driftline.processors.outcomes.join_store import JoinStore
from driftline.processors.outcomes.joiner import FOR_EVER, Joiner
from driftline.processors.outcomes.marks import Place, Position
from driftline.processors.outcomes.operations import Operations, joined, no_operations
from driftline.processors.outcomes.outcome_parts import Kept, OutcomeState, decode_parts, encode_parts
from driftline.processors.outcomes.reading import LabelOperations, PredictionOperations
from driftline.processors.outcomes.refill import Refill, encode_position, refill_of
from driftline.processors.outcomes.row_columns import RowColumns
from driftline.processors.outcomes.schedule import Due, Schedule
from driftline.processors.outcomes.task_sums import classes_of, prediction_field, task_of
from driftline.processors.outcomes.telling import Telling
from driftline.processors.outcomes.waiting_room import WaitingRoom
from driftline.processors.outcomes.watches import Watches
from driftline.processors.performance.ranked_lists import kept_lists, restore_lists
from driftline.processors.performance.task_layout import task_layout
from driftline.processors.reference.layout import layout_of
from driftline.processors.reference.profile import Reference
from driftline.processors.signal_ids import digest
from driftline.schemas.inputs import Input
from driftline.schemas.signals import Signal


class Outcomes:
    """Joins labels to predictions and tells how good the predictions were.

    `reference`: of the model; it says what a prediction's columns mean, and which task it is if the settings do not.
    `begins`: the first prediction that is judged; labels from before its merged time are not taken. `store`: where
    predictions wait; None: in memory, for the last `capacity` of them (None: as configured).
    """

    def __init__(
        self,
        spec: ModelSpec,
        reference: Reference,
        *,
        partition: int = 0,
        begins: Place | None = None,
        store: JoinStore | None = None,
        capacity: int | None = None,
    ) -> None:
        task = task_of(spec, reference)
        classes = classes_of(spec, task, reference)
        layout = task_layout(task, len(classes.names))
        estimator = estimator_of(reference.performance, layout_of(reference, spec), classes.names)
        groups = Groups(spec)
        self._predictions = PredictionOperations(spec, reference, classes, groups, estimator)
        self._labels = LabelOperations(classes, groups.per_event)
        self._room = WaitingRoom(groups.per_event)
        self._released = no_operations(groups.per_event)
        self._refill: Refill | None = None
        self._groups, self._classes = groups, classes
        self._joiner = Joiner(spec, groups.per_event, layout, estimator, store, capacity)
        self.fingerprint = _fingerprint(spec, reference, task, self._joiner.columns)
        self._schedule = Schedule(spec.windows_ms, spec.lateness_ms, spec.labels.horizon_ms)
        self._telling = Telling(spec, partition, groups, self._joiner.columns, layout, classes, estimator)
        self._since_ms = None if begins is None else begins.latest_ms
        self._first_offset = 0 if begins is None else begins.offset
        self._watches = Watches(spec, reference, task, layout, groups, partition)
        self._longest_ms = spec.windows_ms[-1]
        self._expired = [0, 0]

    # -- both logs in ------------------------------------------------------------------------------------------------

    def feed(self, batch: PredictionBatch | LabelBatch) -> None:
        """Take the next records of one log; `advance` says that they have been read."""
        if isinstance(batch, PredictionBatch):
            self._room.add(Input.PREDICTIONS, self._predictions.read(batch))
        else:
            self._room.add(Input.LABELS, self._since(self._labels.read(batch)))

    def advance(self, predictions_ms: int, labels_ms: int) -> list[Signal]:
        """Both logs have been read up to these running maxima of record time: everything that follows from it.

        Raises what the join store raises; nothing is lost then, and a later call does what this one did not.
        """
        if self._refill is not None:
            return []
        signals = self._join(self._room.release(predictions_ms, labels_ms))
        return signals + self._tell_due(min(predictions_ms, labels_ms))

    def finish(self, end_ms: int) -> list[Signal]:
        """The end of both files at this merged time: all that was read is joined, and what is due by then is told.

        Windows that are open still, if something has changed in them, are told of as not final.
        """
        signals = self._join(self._room.release(FOR_EVER, FOR_EVER)) + self._tell_due(end_ms)
        rows, delays = self._joiner.rows, self._joiner.delays
        for due in self._schedule.waiting():
            now = due._replace(due_ms=end_ms)
            signals += self._telling.windows(now, rows, delays, final=False, all_groups=False)
        return signals

    @property
    def counters(self) -> OutcomeCounters:
        """What became of everything that has been joined so far."""
        return counters_of(self._joiner.counts, *self._expired)

    # -- filling a store again ---------------------------------------------------------------------------------------

    def open(self) -> Position | None:
        """Open the store, at first, after `restore`, or after an error of it: from where both logs are to be read again.

        None: the store has what it should. Else, until `end_refill`, `feed_again` takes what is read again, `feed` what is
        new, and nothing is joined. Raises what the store raises.
        """
        self._refill = refill_of(self._joiner, self._groups.per_event)
        return None if self._refill is None else self._refill.start

    def feed_again(self, batch: PredictionBatch | LabelBatch) -> None:
        """Records that have been fed before; those that the refill does not need are passed over."""
        assert self._refill is not None, "open comes first"
        if isinstance(batch, PredictionBatch):
            self._refill.add(Input.PREDICTIONS, self._since_offset(self._predictions.read(batch)))
        else:
            self._refill.add(Input.LABELS, self._since(self._labels.read(batch)))

    def advance_again(self, predictions_ms: int, labels_ms: int) -> None:
        """Both logs have been read again up to these running maxima of record time."""
        assert self._refill is not None, "open comes first"
        self._refill.advance(predictions_ms, labels_ms)

    def end_refill(self) -> None:
        """Both logs have been read again up to where they were read before: the join goes on with the next `advance`."""
        assert self._refill is not None, "open comes first"
        self._refill.end()
        self._refill = None

    # -- state -------------------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, bytes]:
        """The state by name of part: see `outcome_parts`."""
        return {**encode_parts(self._kept()), **self._watches.parts()}

    def commit(self) -> bytes:
        """Where a snapshot is taken: the position that the join store may be flushed up to once it is acknowledged."""
        position = self._joiner.position
        encoded = encode_position(position)
        times = [place.latest_ms for place in (position.predictions, position.labels) if place.latest_ms is not None]
        self._joiner.store.commit(encoded, max(times, default=0))
        return encoded

    def restore(self, parts: Mapping[str, bytes]) -> list[str]:
        """Go on where `snapshot` was taken, by a machine of the same `fingerprint`; then comes `open`.

        Returns the names of parts that begin afresh, as other settings shaped them: detectors of errors and of labels.
        Raises DamagedSnapshot for parts that cannot be read.
        """
        kept = decode_parts(parts, self._joiner.rows.width, self._joiner.delays.width, self._groups.per_event)
        state = kept.state
        self._joiner.restore(np.array(state.clock), np.array(state.counts), kept.marks)
        self._joiner.rows.restore(*kept.rows)
        self._joiner.delays.restore(*kept.delays)
        restore_lists(self._joiner.lists, kept.lists)
        self._schedule.restore(state.dues)
        self._groups.restore(state.groups)
        for name in state.classes:
            self._classes.code(name)
        self._expired, self._since_ms, self._first_offset = list(state.expired), state.since_ms, state.first_offset
        self._released = kept.released
        for source, held in kept.held.items():
            self._room.add(source, held)
        return self._watches.restore(parts)

    def _kept(self) -> Kept:
        joiner = self._joiner
        return Kept(
            state=OutcomeState(
                clock=joiner.kept_clock().tolist(),
                counts=joiner.counts.tolist(),
                expired=(self._expired[0], self._expired[1]),
                dues=self._schedule.waiting(),
                groups=self._groups.kept(),
                classes=list(self._classes.names),
                since_ms=self._since_ms,
                first_offset=self._first_offset,
            ),
            rows=joiner.rows.kept(),
            delays=joiner.delays.kept(),
            lists=kept_lists(joiner.lists),
            marks=joiner.marks,
            released=self._released,
            held={source: self._room.held(source) for source in Input},
        )

    def _since_offset(self, predictions: Operations) -> Operations:
        first = int(np.searchsorted(predictions.offset, self._first_offset, side="left"))
        return predictions.part(first, len(predictions.offset))

    def _since(self, labels: Operations) -> Operations:
        first = 0 if self._since_ms is None else int(np.searchsorted(labels.at_ms, self._since_ms, side="left"))
        return labels.part(first, len(labels.at_ms))

    # -- what it holds -----------------------------------------------------------------------------------------------

    def waiting(self, source: Input) -> int:
        """Records of this log that have been read and wait for the other log to be read as far."""
        return self._room.waiting(source)

    @property
    def open_windows(self) -> int:
        """Windows that will be told of again."""
        return len(self._schedule.waiting())

    @property
    def rows(self) -> int:
        """Rows of sums: one for each pane and group of what is still told of."""
        return len(self._joiner.rows)

    # -- joining -----------------------------------------------------------------------------------------------------

    def _join(self, operations: Operations) -> list[Signal]:
        """Do operations in order, and tell of the windows that are due in between."""
        self._released = operations = joined([self._released, operations])
        n = len(operations.key)
        if n == 0:
            return []
        batch = self._joiner.read(operations)
        signals: list[Signal] = []
        done = 0
        while done < n:
            signals += self._tell_due(int(operations.at_ms[done]))
            due_ms = self._schedule.next_ms
            matched = int(batch.matches.n[0])
            done, opened = self._joiner.do(batch, done, FOR_EVER if due_ms is None else due_ms)
            if opened is not None:
                self._schedule.open(opened * self._joiner.pane_ms, int(operations.at_ms[done - 1]))
            signals += self._watches.matched(batch.matches, matched)
        self._joiner.write(batch)
        self._released = operations.part(n, n)
        return signals

    # -- telling -----------------------------------------------------------------------------------------------------

    def _tell_due(self, up_to_ms: int) -> list[Signal]:
        """Tell of every window that is due by this merged time."""
        signals: list[Signal] = []
        while (next_ms := self._schedule.next_ms) is not None and next_ms <= up_to_ms:
            signals += self._tell(self._schedule.pop())
        return signals

    def _tell(self, due: Due) -> list[Signal]:
        rows, delays = self._joiner.rows, self._joiner.delays
        signals: list[Signal] = []
        signals += self._telling.windows(due, rows, delays, final=due.final, all_groups=due.final)
        is_pane = due.length_ms == self._joiner.pane_ms
        if is_pane:
            signals += self._watches.told(due, rows, delays)
        if not due.final:
            self._schedule.told(due, self._joiner.operation)
            return signals
        expired = self._telling.expired(due, rows) if is_pane else None
        if expired is not None:
            self._expired[0] += expired.predictions
            self._expired[1] += expired.labels
            signals.append(expired)
        if due.length_ms == self._longest_ms:
            rows.keep(~self._telling.rows_of(due, rows))
            delays.keep(~self._telling.rows_of(due, delays))
        return signals


def _fingerprint(spec: ModelSpec, reference: Reference, task: Task, columns: RowColumns) -> str:
    """What shaped the state: settings of windows, groups and labels, the task, and how the reference reads predictions."""
    prediction = prediction_field(reference)
    reading = [] if prediction is None else [prediction.kind, prediction.value_type, *prediction.categories]
    settings = shape_fingerprint(spec, "windows"), spec.labels.horizon_ms, spec.labels.positive
    return digest("outcomes", *settings, task, columns.width, *reading)
