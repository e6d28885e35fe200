"""The outcome side of one partition: one machine for each model, and what is held until there can be one.

After a restart the join stores may lack facts, and what was held for references that are being learnt is gone: the logs are
read again from where `restore` says (`*_again`), up to where the state was cut. Nothing is joined or said meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from driftline.config.model_spec import ModelSpec
from driftline.processors.batches import LabelBatch, PredictionBatch
from driftline.processors.monitor import Monitor
from driftline.processors.outcome_clock import OutcomeClock
from driftline.processors.outcomes.before_reference import BeforeReference, part_since
from driftline.processors.outcomes.counts import OutcomeCounters
from driftline.processors.outcomes.joiner import FOR_EVER
from driftline.processors.outcomes.marks import Place
from driftline.processors.outcomes.outcomes import Outcomes
from driftline.processors.outcomes.side_state import FINGERPRINT, NAME, SideState, decode_side, encode_side
from driftline.processors.recovery.cut import PartName, StoredPart
from driftline.processors.reference.profile import Reference
from driftline.schemas.inputs import Input
from driftline.schemas.signals import Signal

_HELD_PER_LEARNT: Final = 2
"""Predictions held for a reference that is learnt, for each that it is learnt from: some of them are not applied."""

STRANGERS_MAX: Final = 1_000
"""Models that only labels have named so far and whose labels are held; those of further ones are not joined."""


class OutcomeSide:
    """Joins the labels of every model of a partition. `clock` says how far both logs have been read; it is moved by others.

    `models`: those that have a reference.
    """

    def __init__(self, partition: int, clock: OutcomeClock) -> None:
        self.models: dict[str, Outcomes] = {}
        self._partition = partition
        self._clock = clock
        self._before: dict[str, BeforeReference] = {}
        self._strangers: dict[str, BeforeReference] = {}
        self._ended: set[Input] = set()
        self._refilled: set[str] = set()
        self._held_before = SideState({}, {})
        self._again: OutcomeClock | None = None

    def add_model(self, spec: ModelSpec, reference: Reference | None) -> None:
        """A model that is monitored from now on, with its reference if it has one already."""
        if reference is not None:
            self.models[spec.name] = Outcomes(spec, reference, partition=self._partition)
            return
        before = self._before[spec.name] = self._strangers.pop(spec.name, BeforeReference())
        before.limit = _HELD_PER_LEARNT * spec.learn_from

    # -- both logs in ------------------------------------------------------------------------------------------------

    def predictions(self, batch: PredictionBatch, monitor: Monitor) -> None:
        """Predictions of a model, after its monitor has seen them: it may have learnt its reference from them."""
        known = self.models.get(batch.model)
        if known is not None:
            known.feed(batch)
            return
        self._before[batch.model].feed(batch)
        reference = monitor.scopes[0].reference
        if reference is not None:
            self._begin(monitor, reference)

    def labels(self, batch: LabelBatch) -> None:
        """Labels of any model; those of one that predictions have not named yet are held as long as that may happen."""
        known = self._known(batch.model)
        if known is None:
            if len(self._strangers) >= STRANGERS_MAX:
                return
            known = self._strangers[batch.model] = BeforeReference()
        known.feed(batch)

    def advance(self) -> list[Signal]:
        """The clock has moved, and all records up to there were given: everything that follows."""
        if self._again is not None:
            return []
        predictions_ms, labels_ms = self._read_up_to(Input.PREDICTIONS), self._read_up_to(Input.LABELS)
        if predictions_ms is not None:
            for before in (*self._before.values(), *self._strangers.values()):
                before.advance(predictions_ms)
            self._strangers = {model: before for model, before in self._strangers.items() if not before.empty}
        if predictions_ms is None or labels_ms is None:
            return []
        return [signal for model in self.models.values() for signal in model.advance(predictions_ms, labels_ms)]

    def end(self, source: Input) -> list[Signal]:
        """The end of one file: the other one need not wait for it any longer."""
        self._ended.add(source)
        return [] if self._ended >= set(Input) else self.advance()

    def finish(self) -> list[Signal]:
        """The end of both files: merged time ends with the later log; see `Outcomes.finish`."""
        times = [ms for ms in self._clock.latest_ms.values() if ms is not None]
        return [signal for model in self.models.values() for signal in model.finish(max(times))] if times else []

    def counters(self) -> OutcomeCounters:
        """Sums over all models."""
        total = OutcomeCounters()
        for model in self.models.values():
            total.add(model.counters)
        return total

    # -- state -------------------------------------------------------------------------------------------------------

    def parts(self) -> Iterator[tuple[PartName, StoredPart]]:
        """The state by part: what belongs to no machine, then that of every machine. Facts are in the join stores."""
        before = {model: held.beginning for model, held in sorted(self._before.items()) if not held.empty}
        strangers = {model: held.beginning for model, held in sorted(self._strangers.items())}
        yield PartName("", NAME), StoredPart(FINGERPRINT, encode_side(SideState(before, strangers)))
        for model, outcomes in sorted(self.models.items()):
            for name, data in outcomes.snapshot().items():
                yield PartName(model, name), StoredPart(outcomes.fingerprint, data)

    def restore(self, stored: Mapping[PartName, StoredPart], monitors: Mapping[str, Monitor], here: Place) -> None:
        """Take the state from these parts, after the monitors have taken theirs; then comes `begin_again`.

        here: the end of what was applied of the predictions; a machine without its parts, or whose parts were shaped by
        other settings, begins there, and the monitor's notices say so. Raises DamagedSnapshot.
        """
        own = stored.get(PartName("", NAME))
        self._held_before = SideState({}, {}) if own is None else decode_side(own.data)
        for model in self._held_before.strangers:
            self._strangers[model] = BeforeReference()
        for model, monitor in monitors.items():
            reference = monitor.scopes[0].reference
            if reference is None:
                continue
            self._before.pop(model, None)
            outcomes = self.models[model] = Outcomes(monitor.spec, reference, partition=self._partition, begins=here)
            parts = {
                at.name: part for at, part in stored.items() if at.model == model and at.name.startswith(f"{NAME}/")
            }
            begun_afresh = [NAME] if parts else []
            if parts and all(part.fingerprint == outcomes.fingerprint for part in parts.values()):
                begun_afresh = outcomes.restore({name: part.data for name, part in parts.items()})
            for name in begun_afresh:
                monitor.notices.part_restarted(name, "the settings or the reference that shaped it have changed")

    def begin_again(self) -> dict[Input, Place]:
        """Open the join stores: from where each log has to be read again before anything is joined; empty: nothing has to.

        Raises what the join stores raise.
        """
        places: dict[Input, list[Place]] = {source: [] for source in Input}
        for model, outcomes in self.models.items():
            position = outcomes.open()
            if position is not None:
                self._refilled.add(model)
                for source in Input:
                    places[source].append(position.place(source))
        for beginning in (*self._held_before.before.values(), *self._held_before.strangers.values()):
            places[Input.PREDICTIONS] += [] if beginning.predictions is None else [beginning.predictions]
            places[Input.LABELS] += [] if beginning.labels is None else [beginning.labels]
        starts = {source: min(found, key=lambda at: at.offset) for source, found in places.items() if found}
        if starts:
            self._again = OutcomeClock()
            for source in Input:
                self._again.advance(source, starts[source].latest_ms if source in starts else FOR_EVER)
        return starts

    def again(self, source: Input, batches: list[PredictionBatch] | list[LabelBatch], record_ms: int | None) -> None:
        """The next records that are read again, and how far that is by now (FOR_EVER: to the end of it).

        Raises what the join stores raise.
        """
        assert self._again is not None, "begin_again comes first"
        for batch in batches:
            since = self._held_before.before.get(batch.model) or self._held_before.strangers.get(batch.model)
            if batch.model in self._refilled:
                self.models[batch.model].feed_again(batch)
            elif since is not None and len(held := part_since(batch, since)):
                known = self._known(batch.model)
                assert known is not None, "whatever was held is held again"
                known.feed(held)
        self._again.advance(source, record_ms)
        predictions_ms, labels_ms = (self._again.latest_ms[each] for each in Input)
        if predictions_ms is not None and labels_ms is not None:
            for model in self._refilled:
                self.models[model].advance_again(predictions_ms, labels_ms)

    def end_again(self) -> list[Signal]:
        """Both logs are where they were when the state was cut: everything that follows. Raises as above."""
        for model in self._refilled:
            self.models[model].end_refill()
        self._refilled.clear()
        self._held_before, self._again = SideState({}, {}), None
        return self.advance()

    def _known(self, model: str) -> Outcomes | BeforeReference | None:
        return self.models.get(model) or self._before.get(model) or self._strangers.get(model)

    def _read_up_to(self, source: Input) -> int | None:
        return FOR_EVER if source in self._ended else self._clock.latest_ms[source]

    def _begin(self, monitor: Monitor, reference: Reference) -> None:
        """The reference has been learnt: judge what was held."""
        model = monitor.spec.name
        assert monitor.learnt_offset is not None, "a reference that was not given is learnt from some event"
        predictions, labels = self._before.pop(model).take(monitor.learnt_offset)
        begins = Place(int(predictions[0].offsets[0]), int(predictions[0].partition_ms[0]))
        outcomes = Outcomes(monitor.spec, reference, partition=self._partition, begins=begins)
        for prediction_batch in predictions:
            outcomes.feed(prediction_batch)
        for label_batch in labels:
            outcomes.feed(label_batch)
        self.models[model] = outcomes
