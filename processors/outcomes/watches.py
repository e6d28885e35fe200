"""What is watched besides windows: the errors that labels reveal, one after another, and how the labels themselves come.

Errors are taken at the first match of each prediction with its label, in merged order. Labels are looked at whenever the
whole model's pane is told of. Both say `Drift` and open an alert; neither changes a window.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec
import numpy as np

from driftline.config.fingerprint import config_hash
from driftline.config.model_spec import ModelSpec, Task
from driftline.processors.arrays import F64, I32, I64
from driftline.processors.budget import monitor_rates
from driftline.processors.concept.error_stream import ERROR_VALUES, ErrorStream, reference_of
from driftline.processors.concept.rates import error_stream_rates
from driftline.processors.concept.settings import ErrorSettings
from driftline.processors.crossings import Place
from driftline.processors.outcomes.fold import Matches
from driftline.processors.outcomes.groups import Groups
from driftline.processors.outcomes.label_findings import label_signals
from driftline.processors.outcomes.label_watch import LABEL_SHARE, LabelWatch
from driftline.processors.outcomes.pane_rows import PaneRows
from driftline.processors.outcomes.schedule import Due
from driftline.processors.performance.common import LABELLED, RETRACTED, N
from driftline.processors.performance.delay_curves import delay_cells_by_class
from driftline.processors.performance.task_layout import TaskLayout
from driftline.processors.reference.profile import Reference
from driftline.schemas.errors import DamagedSnapshot
from driftline.schemas.signals import Signal

ERRORS: Final = "outcomes/errors"
LABELS: Final = "outcomes/labels"

_NOT_TOLD: Final = -1


class _Pairs(NamedTuple):
    """First matches, in merged order; groups that are not told of are -1."""

    prediction: F64
    label: F64
    offset: I64
    event_ms: I64
    groups: I32


class Watches:
    """Of one model. A ranked item has no error of its own, so a ranking has no error stream."""

    def __init__(
        self, spec: ModelSpec, reference: Reference, task: Task, layout: TaskLayout, groups: Groups, partition: int
    ) -> None:
        self._spec = spec
        self._partition = partition
        self._groups = groups
        self._hashes = config_hash(spec), reference.hash
        self._classes = layout.strata // 2
        rate = monitor_rates(spec, max(len(reference.fields), 1), reference.events_per_week).rate
        self._labels = LabelWatch(rate * LABEL_SHARE, self._classes)
        self._errors: ErrorStream | None = None
        values = ERROR_VALUES.get(task)
        if values is not None:
            settings = ErrorSettings(values=values, rates=error_stream_rates(rate, len(spec.segments)))
            self._errors = ErrorStream(task, settings, self._place, reference_of(reference.performance))

    # -- what happens ------------------------------------------------------------------------------------------------

    def matched(self, matches: Matches, start: int) -> list[Signal]:
        """First matches from the one of this number on; what they make the detectors say."""
        stop = int(matches.n[0])
        if self._errors is None or start == stop:
            return []
        some = slice(start, stop)
        groups = matches.groups[some]
        told = np.array([self._groups.group(number).told for number in range(len(self._groups))])
        return self._errors.step(
            _Pairs(
                prediction=matches.prediction[some],
                label=matches.label[some],
                offset=matches.offset[some],
                event_ms=matches.event_ms[some],
                groups=np.where(told[groups], groups, _NOT_TOLD).astype(np.int32),
            )
        )

    def told(self, due: Due, rows: PaneRows, delays: PaneRows) -> list[Signal]:
        """A pane is told of: its labels are looked at, and at the last time those of each class too."""
        pane = due.start_ms // due.length_ms
        of_pane = rows.sums[(rows.pane == pane) & (rows.group == 0)]
        if not len(of_pane):
            return []
        row = of_pane[0]
        findings = self._labels.told(due.revision, due.end_ms, int(row[N]), int(row[LABELLED]))
        if due.final:
            classes: I64 = np.zeros(self._classes, np.int64)
            for table in delays.sums[delays.pane == pane] if self._classes else ():
                classes += delay_cells_by_class(table).sum(axis=1).astype(np.int64)
            findings += self._labels.final(due.end_ms, int(row[LABELLED]), int(row[RETRACTED]), classes)
        return [
            signal
            for finding in findings
            for signal in label_signals(finding, self._place(0), self._labels.fingerprint, due.length_ms)
        ]

    # -- state -------------------------------------------------------------------------------------------------------

    def parts(self) -> dict[str, bytes]:
        """The state by name of part, each with the fingerprint of what shaped it."""
        parts = {LABELS: msgspec.msgpack.encode((self._labels.fingerprint, self._labels.state()))}
        for part in self._errors.parts() if self._errors is not None else ():
            parts[ERRORS] = msgspec.msgpack.encode((part.fingerprint, part.data))
        return parts

    def restore(self, parts: Mapping[str, bytes]) -> list[str]:
        """Take the state from these parts; the names of those that begin afresh, as other settings shaped them.

        Raises DamagedSnapshot.
        """
        afresh = []
        watches: list[tuple[str, LabelWatch | ErrorStream | None]] = [(LABELS, self._labels), (ERRORS, self._errors)]
        for name, watch in watches:
            if watch is None or name not in parts:
                continue
            try:
                fingerprint, data = msgspec.msgpack.decode(parts[name], type=tuple[str, bytes])
            except msgspec.MsgspecError as error:
                raise DamagedSnapshot(f"the part {name!r} cannot be read ({error}): take an older snapshot") from error
            if fingerprint == watch.fingerprint:
                watch.restore(data)
            else:
                afresh.append(name)
        return afresh

    def _place(self, number: int) -> Place:
        group = self._groups.group(number)
        return Place(self._spec.name, group.version, self._partition, group.segment_set, group.segment, *self._hashes)
