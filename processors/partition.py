"""One partition of the input: raw records in, signals of all its models out.

`decode` turns bytes into columnar batches and holds the interpreter lock; `apply` spends its time in kernels that release
it. A caller may therefore decode the next records on one thread while another applies these, in order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from driftline.config.model_spec import ModelSpec
from driftline.processors.batches import DecodedBatch, LabelBatch, PredictionBatch, Tick
from driftline.processors.columns import Columnizer
from driftline.processors.counters import Counters
from driftline.processors.monitor import Monitor
from driftline.processors.outcome_clock import OutcomeClock
from driftline.processors.outcomes.side import OutcomeSide
from driftline.processors.reference.profile import Reference
from driftline.processors.segments import OTHER
from driftline.processors.signal_ids import digest
from driftline.schemas.inputs import Input
from driftline.schemas.layout import EventLayout
from driftline.schemas.rejections import RejectionReason
from driftline.schemas.signals import Health, HealthCode, Signal

MODELS_MAX: Final = 1_000
"""Discovered models beyond this are filtered and counted: each costs state, and a name is all an attacker needs."""


class Partition:
    """The monitors of every model on one partition.

    `specs`: the configured models. `discovered`: what an unlisted model is monitored with; None: it is filtered (counted,
    nothing else). `references`: by model, then by version ("" = the model's default). `as_of_ms`: the limit of the future
    for files, which have no record times.

    `outcomes`: labels are joined to their predictions and performance is told of; without it they are only counted.

    `rejected` counts records that could not be read, by reason; `labels` those that could, by model (`__other__` beyond
    MODELS_MAX names); `undecodable` and `filtered` are what no monitor counts.
    """

    def __init__(
        self,
        specs: Mapping[str, ModelSpec],
        references: Mapping[str, Mapping[str, Reference]],
        *,
        discovered: ModelSpec | None = None,
        partition: int = 0,
        as_of_ms: int | None = None,
        outcomes: bool = False,
    ) -> None:
        self.partition = partition
        self.monitors: dict[str, Monitor] = {}
        self.rejected: dict[RejectionReason, int] = {}
        self.labels: dict[str, int] = {}
        self.filtered = Counters()
        self.undecodable = Counters()
        self.models_capped = False
        self.clock = OutcomeClock()
        self.outcomes = OutcomeSide(partition, self.clock) if outcomes else None
        self._configured = frozenset(specs)
        self._discovered = discovered
        for model, spec in specs.items():
            own = references.get(model, {})
            by_version = {version: reference for version, reference in own.items() if version}
            self.monitors[model] = Monitor(spec, own.get(""), partition=partition, references_by_version=by_version)
            if self.outcomes is not None:
                self.outcomes.add_model(spec, own.get(""))
        self.columns = Columnizer(self._layout, as_of_ms=as_of_ms)

    # -- decoding ----------------------------------------------------------------------------------------------------

    def decode_lines(self, buffer: bytes, first_offset: int) -> DecodedBatch:
        """JSON lines of predictions; the offset is the number of the line. Record time is the event's own time."""
        return self.columns.predictions_from_lines(buffer, first_offset)

    def decode_label_lines(self, buffer: bytes, first_offset: int) -> DecodedBatch:
        """The same for labels."""
        return self.columns.labels_from_lines(buffer, first_offset)

    def decode(
        self, records: Sequence[bytes], offsets: Sequence[int], record_ms: Sequence[int] | None = None
    ) -> DecodedBatch:
        """Predictions as they lie in a log."""
        return self.columns.predictions(records, offsets, record_ms)

    def decode_labels(
        self, records: Sequence[bytes], offsets: Sequence[int], record_ms: Sequence[int] | None = None
    ) -> DecodedBatch:
        """Labels as they lie in a log."""
        return self.columns.labels(records, offsets, record_ms)

    def _layout(self, model: str) -> EventLayout | None:
        monitor = self.monitors.get(model)
        return None if monitor is None else monitor.layout

    # -- applying ----------------------------------------------------------------------------------------------------

    def apply(self, decoded: DecodedBatch) -> list[Signal]:
        """Everything that follows from these predictions."""
        self._count_rejected(decoded)
        signals: list[Signal] = []
        for batch in decoded.batches:
            assert isinstance(batch, PredictionBatch), "labels go to apply_labels"
            monitor = self._monitor(batch.model, signals)
            if monitor is None:
                self.filtered.consumed += len(batch)
                self.filtered.filtered += len(batch)
            else:
                signals += monitor.step(batch)
                if self.outcomes is not None:
                    self.outcomes.predictions(batch, monitor)
        if decoded.last_record_ms is not None:
            signals += self.tick(Tick(record_ms=decoded.last_record_ms, offset=-1))
        return signals + self._advance(Input.PREDICTIONS, decoded.last_record_ms)

    def apply_labels(self, decoded: DecodedBatch) -> list[Signal]:
        """Labels are counted by model, and joined to the predictions before them. They move no window of the prediction
        side and discover no model: how the two logs interleave, which is chance, must not show.
        """
        self._count_rejected(decoded)
        for batch in decoded.batches:
            known = batch.model in self._configured or batch.model in self.labels or len(self.labels) < MODELS_MAX
            model = batch.model if known else OTHER
            self.labels[model] = self.labels.get(model, 0) + len(batch)
            if self.outcomes is not None:
                assert isinstance(batch, LabelBatch), "predictions go to apply"
                self.outcomes.labels(batch)
        return self._advance(Input.LABELS, decoded.last_record_ms)

    def apply_again(self, source: Input, decoded: DecodedBatch) -> None:
        """Records that were applied before the state was cut: the outcome side alone takes what it has lost of them."""
        assert self.outcomes is not None, "nothing is read again for the prediction side"
        self.outcomes.again(source, decoded.batches, decoded.last_record_ms)

    def _advance(self, source: Input, record_ms: int | None) -> list[Signal]:
        """One of the logs has been applied up to here: whatever may be joined now is."""
        self.clock.advance(source, record_ms)
        return [] if self.outcomes is None else self.outcomes.advance()

    def _count_rejected(self, decoded: DecodedBatch) -> None:
        for rejection in decoded.rejected:
            self.rejected[rejection.reason] = self.rejected.get(rejection.reason, 0) + 1
        self.undecodable.consumed += len(decoded.rejected)
        self.undecodable.rejected += len(decoded.rejected)

    def tick(self, tick: Tick) -> list[Signal]:
        """Record time has moved on for every model of the partition."""
        return [signal for monitor in self.monitors.values() for signal in monitor.step(tick)]

    def end(self, source: Input) -> list[Signal]:
        """The end of one of the two files. The other one is read on, and need not wait for it to be joined."""
        return [] if self.outcomes is None else self.outcomes.end(source)

    def finish(self) -> list[Signal]:
        """The end of both files: what is open is closed as partial, or told of as not final."""
        signals = [signal for monitor in self.monitors.values() for signal in monitor.finish()]
        return signals if self.outcomes is None else signals + self.outcomes.finish()

    def counters(self) -> Counters:
        """Sums over all models, records that could not be read and those of models nobody asked for; checked."""
        total = Counters(labels=sum(self.labels.values()))
        for part in (self.undecodable, self.filtered, *(monitor.counters for monitor in self.monitors.values())):
            total.add(part)
        total.check()
        return total

    def discover(self, model: str) -> Monitor | None:
        """The monitor of this model, made if need be; None where it is not to be monitored, or there is no more room."""
        monitor = self.monitors.get(model)
        if monitor is None and self._discovered is not None and len(self.monitors) < MODELS_MAX:
            spec = replace(self._discovered, name=model)
            monitor = self.monitors[model] = Monitor(spec, None, partition=self.partition)
            if self.outcomes is not None:
                self.outcomes.add_model(spec, None)
        return monitor

    def _monitor(self, model: str, signals: list[Signal]) -> Monitor | None:
        monitor = self.discover(model)
        if monitor is None and self._discovered is not None and not self.models_capped:
            self.models_capped = True
            signals.append(self._capped())
        return monitor

    def _capped(self) -> Health:
        return Health(
            id=digest("health", HealthCode.MODELS_CAPPED, self.partition),
            partition=self.partition,
            code=HealthCode.MODELS_CAPPED,
            message=f"more than {MODELS_MAX:,} models on one partition: further ones are filtered and counted; "
            "list the models you mean in the configuration",
            detail={"models_max": MODELS_MAX},
        )
