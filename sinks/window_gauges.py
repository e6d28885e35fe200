"""The last closed window of each model, field by field, and its worst segments. Of several lengths, the shortest."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final

from driftline.schemas.signals import FieldWindow, WindowClosed
from driftline.sinks import metric_names as names
from driftline.sinks.capped_table import CappedTable, Labels, is_other
from driftline.sinks.label_values import label_value
from driftline.sinks.metric_names import Metric
from driftline.sinks.samples import Sample

SCOPES_MAX: Final = 150
FIELDS_MAX: Final = 600
FIELDS_OF_A_SCOPE_MAX: Final = 200
SEGMENTED_SCOPES_MAX: Final = 60
WORST_SEGMENTS: Final = 5

STATISTICS: Final[dict[Metric, str]] = {
    names.WINDOW_PSI: "psi",
    names.WINDOW_PSI_NULL: "psi_null_mean",
    names.WINDOW_KS: "ks",
    names.WINDOW_JENSEN_SHANNON: "jensen_shannon",
    names.WINDOW_WASSERSTEIN: "wasserstein",
    names.E_VALUE: "e_value",
    names.E_THRESHOLD: "e_threshold",
}
"""Statistics by the name that they have in a closed window."""

_LARGEST_IS_TOLD: Final = {
    names.WINDOW_END,
    names.WINDOW_MISSING,
    names.WINDOW_PSI,
    names.WINDOW_KS,
    names.WINDOW_JENSEN_SHANNON,
    names.WINDOW_WASSERSTEIN,
}
"""Of many models or fields together the largest is told; the other gauges mean nothing without a name."""


class _Shown:
    """What the newest window said, of the shortest length there is; where many are told together, all that ended with it."""

    __slots__ = ("_end_ms", "_length_ms")

    def __init__(self) -> None:
        self._length_ms, self._end_ms = sys.maxsize, -1

    def clear(self) -> None:
        """Forget what an older window said."""
        raise NotImplementedError

    def takes(self, window: WindowClosed) -> bool:
        """Whether this window is to be told. Longer ones are left out: each also closes in shorter ones."""
        if window.length_ms > self._length_ms or (window.length_ms == self._length_ms and window.end_ms < self._end_ms):
            return False
        if (window.length_ms, window.end_ms) != (self._length_ms, self._end_ms):
            self._length_ms, self._end_ms = window.length_ms, window.end_ms
            self.clear()
        return True


class _Values(_Shown):
    """Gauges of one scope or field; those that the last window has no value for are not shown."""

    __slots__ = ("_together", "values")

    def __init__(self, labels: Labels) -> None:
        super().__init__()
        self._together = is_other(labels)
        self.clear()

    def clear(self) -> None:
        self.values: dict[Metric, float] = {}

    def tell(self, window: WindowClosed, values: dict[Metric, float]) -> None:
        """Take these over, if the window is to be told."""
        if not self.takes(window):
            return
        if self._together:
            told = {metric: values[metric] for metric in values.keys() & _LARGEST_IS_TOLD}
            self.values = self.values | {metric: max(x, self.values.get(metric, x)) for metric, x in told.items()}
        else:
            self.values = values


class _WorstSegments(_Shown):
    """The segments furthest from their reference, by label, each with its worst field and its excess."""

    __slots__ = ("worst",)

    def __init__(self, labels: Labels) -> None:
        super().__init__()
        self.clear()

    def clear(self) -> None:
        self.worst: dict[str, tuple[float, FieldWindow]] = {}

    def tell(self, window: WindowClosed) -> None:
        """Weigh one more segment."""
        measured = [field for field in window.fields if field.psi is not None]
        if not measured or not self.takes(window):
            return
        field = max(measured, key=_excess)
        label, excess = label_value(window.segment), _excess(field)
        # two sets of keys can give one label, as values may hold commas: the worse one stands for both
        if label not in self.worst or self.worst[label][0] < excess:
            told = self.worst | {label: (excess, field)}
            # in a full order, so that the same windows always show the same segments
            ranked = sorted(told.items(), key=lambda one: (-one[1][0], one[0]))
            self.worst = dict(ranked[:WORST_SEGMENTS])


def _excess(field: FieldWindow) -> float:
    """How far the index lies above what chance alone gives at this size: small segments have large ones anyway."""
    return (field.psi or 0.0) - (field.psi_null_mean or 0.0)


def _values(field: FieldWindow, events: int) -> dict[Metric, float]:
    values = {names.WINDOW_VALUES: float(field.n), names.WINDOW_MISSING: field.missing / max(events, 1)}
    told = {metric: getattr(field, statistic) for metric, statistic in STATISTICS.items()}
    return values | {metric: value for metric, value in told.items() if value is not None}


class WindowGauges:
    """Takes closed windows, gives samples."""

    def __init__(self) -> None:
        self._scopes: CappedTable[_Values] = CappedTable(_Values, 3, SCOPES_MAX)
        self._fields: CappedTable[_Values] = CappedTable(
            _Values, 5, FIELDS_MAX, group=3, group_max=FIELDS_OF_A_SCOPE_MAX
        )
        self._segments: CappedTable[_WorstSegments] = CappedTable(_WorstSegments, 3, SEGMENTED_SCOPES_MAX)

    @property
    def folded(self) -> int:
        """Updates that went under `__other__`."""
        return self._scopes.folded + self._fields.folded + self._segments.folded

    def observe(self, window: WindowClosed) -> None:
        """Take over what a window says."""
        scope = (str(window.partition), window.model, window.version)
        if window.segment:
            self._segments[scope].tell(window)
            return
        self._scopes[scope].tell(window, {names.WINDOW_EVENTS: float(window.n), names.WINDOW_END: window.end_ms / 1000})
        for field in window.fields:
            self._fields[(*scope, field.kind, field.name)].tell(window, _values(field, window.n))

    def forget_partition(self, partition: str) -> None:
        """Show its models no more."""
        for table in (self._scopes, self._fields):
            table.drop(partition)
        self._segments.drop(partition)

    def samples(self) -> Iterator[Sample]:
        """Everything as it is now."""
        for table in (self._scopes, self._fields):
            for labels, row in table.items():
                yield from (Sample(metric, labels, value) for metric, value in row.values.items())
        for scope, segments in self._segments.items():
            for segment, (_, field) in segments.worst.items():
                labels = (*scope, segment, field.kind, label_value(field.name))
                yield Sample(names.SEGMENT_PSI, labels, field.psi or 0.0)
                yield Sample(names.SEGMENT_PSI_NULL, labels, field.psi_null_mean or 0.0)
