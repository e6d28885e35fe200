"""The outcome side of one partition: one machine for each model, and what is held until there can be one."""

from __future__ import annotations

from typing import Final

from driftline.config.model_spec import ModelSpec
from driftline.processors.batches import LabelBatch, PredictionBatch
from driftline.processors.monitor import Monitor
from driftline.processors.outcome_clock import OutcomeClock
from driftline.processors.outcomes.before_reference import BeforeReference
from driftline.processors.outcomes.counts import OutcomeCounters
from driftline.processors.outcomes.joiner import FOR_EVER
from driftline.processors.outcomes.marks import Place
from driftline.processors.outcomes.outcomes import Outcomes
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
        known = self.models.get(batch.model) or self._before.get(batch.model) or self._strangers.get(batch.model)
        if known is None:
            if len(self._strangers) >= STRANGERS_MAX:
                return
            known = self._strangers[batch.model] = BeforeReference()
        known.feed(batch)

    def advance(self) -> list[Signal]:
        """The clock has moved, and all records up to there were given: everything that follows."""
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
