"""The monitor of one model on one partition: a machine without I/O. Columnar batches in, signals out.

Nothing here knows the time, a file or a topic: time arrives in the records. Any batching of the same log gives the same
signals; a snapshot restored at any point changes nothing (both are property tests).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from driftline.config.model_spec import ModelSpec
from driftline.processors import admission as verdict
from driftline.processors.admission import Admission
from driftline.processors.arrays import I32, I64, U8
from driftline.processors.batches import PredictionBatch, Tick
from driftline.processors.counters import Counters
from driftline.processors.crossings import Crossing
from driftline.processors.monitor_parts import MonitorParts
from driftline.processors.monitor_restore import restore
from driftline.processors.notices import Notices
from driftline.processors.panes import Due, OpenWindows
from driftline.processors.reference.build import build_reference
from driftline.processors.reference.profile import Reference
from driftline.processors.scope import Scope
from driftline.processors.scope_columns import ScopeColumns
from driftline.processors.snapshot import Part, read_parts, write_parts
from driftline.schemas.errors import BadReference
from driftline.schemas.events import Prediction
from driftline.schemas.layout import EventLayout
from driftline.schemas.rejections import RejectionReason
from driftline.schemas.signals import Signal, WindowClosed

VERSIONS_MAX = 1_024
"""Model versions that are told apart in health signals; a version without its own reference costs nothing else."""


class Monitor:
    """Windows, sketches and detectors of one model.

    `reference` None: it is learnt from the first `spec.learn_from` applied events. `references_by_version` gives versions
    with a profile of their own; all other versions share the model's (and only they are learnt from).
    """

    def __init__(
        self,
        spec: ModelSpec,
        reference: Reference | None,
        *,
        partition: int = 0,
        references_by_version: Mapping[str, Reference] | None = None,
    ) -> None:
        self.spec = spec
        self.partition = partition
        self.counters = Counters()
        self.admission = Admission(
            spec.windows_ms[0], spec.lateness_ms, spec.idle_after_ms, spec.future_tolerance_ms, spec.dedup
        )
        self.windows = OpenWindows(spec.windows_ms, self.admission.open_panes)
        self.notices = Notices(spec.name, partition)
        self.learnt_rows: list[Prediction] = []
        self.learnt: Reference | None = None
        self.learnt_offset: int | None = None
        self.cut_windows: set[tuple[int, int]] = set()
        self.scopes = [Scope(spec, "", reference, self.windows, partition)]
        for version, own in sorted((references_by_version or {}).items()):
            self.scopes.append(Scope(spec, version, own, self.windows, partition))
        self._scope_of_version = {scope.version: i for i, scope in enumerate(self.scopes)}
        self.versions_seen: set[str] = set()
        self.rate_checked = False

    # -- what the decoder needs to know ------------------------------------------------------------------------------

    @property
    def layout(self) -> EventLayout | None:
        """Which columns events become. None: generic events are wanted, as the reference is being learnt, or that of a
        version has other fields or categories (see `scope_columns`).
        """
        layout = self.scopes[0].layout
        return layout if all(scope.layout == layout for scope in self.scopes) else None

    # -- events in, signals out --------------------------------------------------------------------------------------

    def step(self, batch: PredictionBatch | Tick) -> list[Signal]:
        """Everything that follows from these records, in log order."""
        if isinstance(batch, Tick):
            self.admission.tick(batch.record_ms)
            return self._close_due()
        return self._step_predictions(batch)

    def finish(self) -> list[Signal]:
        """The end of a file: close what is open as `partial`, and say what is still to be said."""
        signals: list[Signal] = []
        while (due := self.windows.due(verdict.NEVER)) is not None:
            signals += self._close(due, partial=True)
        self._check_caps()
        return [*signals, *self.notices.said_at(self.admission.latest_pane_end_ms())]

    def _step_predictions(self, batch: PredictionBatch) -> list[Signal]:
        n = len(batch)
        status: U8 = np.zeros(n, np.uint8)
        slot: I32 = np.zeros(n, np.int32)
        columns = ScopeColumns(batch, self._scope_of_version)
        signals: list[Signal] = []
        start = 0
        while start < n:
            stop = self.admission.admit(
                start, batch.event_ms, batch.record_ms, batch.partition_ms, batch.id_hash, status, slot
            )
            self._count(batch, status[start:stop], start)
            events = np.flatnonzero(status[start:stop] == verdict.APPLIED) + start
            signals += self._apply(columns, events, slot)
            signals += self._close_due()
            start = stop
        self.counters.check()
        return signals

    # -- applying ----------------------------------------------------------------------------------------------------

    def _apply(self, columns: ScopeColumns, events: I64, slot: I32) -> list[Signal]:
        """Apply admitted events (positions in the batch); no window ends in between."""
        signals: list[Signal] = []
        while len(events):
            here = self._until_learnt(columns, events)
            signals += self._apply_events(columns, events[:here], slot)
            if self.scopes[0].reference is None and len(self.learnt_rows) >= self.spec.learn_from:
                signals += self._learn(int(columns.batch.offsets[events[here - 1]]))
            events = events[here:]
        return signals

    def _count(self, batch: PredictionBatch, decided: U8, start: int) -> None:
        counts = np.bincount(decided, minlength=5)
        self.counters.consumed += len(decided)
        self.counters.applied += int(counts[verdict.APPLIED])
        self.counters.duplicate += int(counts[verdict.DUPLICATE])
        if counts[verdict.LATE]:
            self.counters.late += int(counts[verdict.LATE])
            self.notices.late(batch.event_ms[start : start + len(decided)][decided == verdict.LATE])
        for code, reason in (
            (verdict.REJECTED_FUTURE, RejectionReason.TIMESTAMP_IN_FUTURE),
            (verdict.REJECTED_PAST, RejectionReason.TIMESTAMP_TOO_OLD),
        ):
            if counts[code]:
                self.counters.rejected += int(counts[code])
                self.notices.rejected(reason, int(counts[code]))

    def _until_learnt(self, columns: ScopeColumns, events: I64) -> int:
        """How many of the events may be applied before the reference has to be made."""
        if self.scopes[0].reference is not None:
            return len(events)
        own = columns.events_of(0, events)
        wanted = self.spec.learn_from - len(self.learnt_rows)
        return len(events) if len(own) < wanted else int(np.searchsorted(events, own[wanted - 1])) + 1

    def _apply_events(self, columns: ScopeColumns, events: I64, slot: I32) -> list[Signal]:
        batch = columns.batch
        if self.scopes[0].reference is None:
            assert batch.rows is not None, "a batch has rows as long as the model has no layout"
            self.learnt_rows.extend(batch.rows[i] for i in columns.events_of(0, events).tolist())
        self._note_versions(batch, events)
        crossings: list[Crossing] = []
        for index, scope in enumerate(self.scopes):
            crossings += scope.crossings(columns.of(index, scope), columns.events_of(index, events), slot)
        return [signal for crossing in sorted(crossings) for signal in crossing.signals()]

    def _note_versions(self, batch: PredictionBatch, events: I64) -> None:
        if len(self.scopes) == 1:
            return
        codes, first = np.unique(batch.version_codes[events], return_index=True)
        for i in np.argsort(first).tolist():
            version = batch.versions[codes[i]]
            if version not in self.versions_seen and len(self.versions_seen) < VERSIONS_MAX:
                self.versions_seen.add(version)
                if version not in self._scope_of_version:
                    self.notices.new_version(version)

    # -- learning ----------------------------------------------------------------------------------------------------

    def _learn(self, offset: int) -> list[Signal]:
        """The first events, up to this offset, have become the reference: close the unjudged windows and start to judge.

        Both halves of a window that is cut here are `partial`; together they hold its events once.
        """
        rows, self.learnt_rows = self.learnt_rows, []
        try:
            reference = build_reference(self.spec, rows, source=f"learnt from {len(rows)} events")
        except BadReference as error:
            self.notices.not_learnt(error)
            return []
        signals = self._cut_windows()
        self.cut_windows = {(s.start_ms, s.length_ms) for s in signals if isinstance(s, WindowClosed)}
        self.use_learnt(reference)
        self.learnt_offset = offset
        return [*signals, self.notices.learnt(reference)]

    def _cut_windows(self) -> list[Signal]:
        """Close what the model's own scope holds and leave its windows open; versions with a reference go on."""
        windows = self.windows
        panes, longer = windows.open_panes.copy(), windows.longer_starts.copy()
        signals: list[Signal] = []
        while (due := windows.due(verdict.NEVER)) is not None:
            signals += self.scopes[0].close(due, partial=True)
            windows.close(due)
        windows.open_panes[:], windows.longer_starts[:] = panes, longer
        return signals

    def use_learnt(self, reference: Reference) -> None:
        """From now on events are judged by this reference, and only new state counts."""
        self.learnt = reference
        self.scopes[0] = Scope(self.spec, "", reference, self.windows, self.partition)

    # -- closing -----------------------------------------------------------------------------------------------------

    def _close_due(self) -> list[Signal]:
        signals: list[Signal] = []
        while (due := self.windows.due(self.admission.watermark_ms)) is not None:
            signals += self._close(due, partial=False)
            self.cut_windows.discard((due.start_ms, due.length_ms))
            if due.is_pane:
                self._check_rate()
                self._check_caps()
                signals += self.notices.said_at(due.end_ms)
        self.admission.clock[verdict.NEXT_CLOSE] = self.windows.next_close_ms()
        return signals

    def _check_rate(self) -> None:
        """Say once that thresholds rest on an assumed traffic, when neither configuration nor reference knows it."""
        rates = self.scopes[0].thresholds.rates
        if not self.rate_checked and self.scopes[0].reference is not None:
            self.rate_checked = True
            if rates.events_source == "default":
                self.notices.rate_unknown(rates.events_per_week, rates.reason)

    def _check_caps(self) -> None:
        """Say once for each segment set that further segments are not told apart."""
        for scope in self.scopes:
            capped = scope.rows.capped
            for index in sorted(index for index, said in capped.items() if not said):
                capped[index] = True
                self.notices.segments_capped(scope.version, self.spec.segments[index], self.spec.segments_max)

    def _close(self, due: Due, partial: bool) -> list[Signal]:
        cut = (due.start_ms, due.length_ms) in self.cut_windows
        signals: list[Signal] = []
        for index, scope in enumerate(self.scopes):
            signals += scope.close(due, partial or (cut and index == 0))
        self.windows.close(due)
        return signals

    # -- state -------------------------------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """The whole state as bytes (see `snapshot` for the layout)."""
        parts = MonitorParts(self).take()
        return write_parts([Part(p.name.name, p.fingerprint, p.encode() if p.encode else b"") for p in parts])

    @classmethod
    def restore(
        cls,
        spec: ModelSpec,
        reference: Reference | None,
        snapshot: bytes,
        *,
        partition: int = 0,
        references_by_version: Mapping[str, Reference] | None = None,
    ) -> Monitor:
        """A monitor that goes on where the snapshot was taken.

        Parts that other settings or another reference shaped start afresh and are named in a `Health` signal at the next
        pane close. Raises DamagedSnapshot when the bytes are no snapshot at all.
        """
        monitor = cls(spec, reference, partition=partition, references_by_version=references_by_version)
        restore(monitor, partial(read_parts, snapshot))
        return monitor
