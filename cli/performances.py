"""What the labels of a replay say of each model, in its one figure that people know: accuracy, mean error, clicks.

Gathered from the windows of the greatest length while the signals pass, in memory that grows with their number. A window
that is told again, with more labels, replaces what was told before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from driftline.processors.reference.profile import Reference
from driftline.schemas.signals import AlertOpened, PerformanceWindow, Signal

HEADLINES: Final = {"accuracy": max, "mae": min, "ctr": max}
"""The first of these that a window has is told; and which of two values is the better one."""


class Labelled(NamedTuple):
    """One window: predictions, labels, and the figure as labels and as the label-free estimate say it."""

    n: int
    labelled: int
    value: float | None
    estimated: float | None


@dataclass(frozen=True, slots=True)
class Performance:
    """One model over the whole replay. windows: start in epoch ms -> what its labels say, in the order of time.

    reference: the figure on the rows that its profile was made of; None where those had no labels. alarms: title -> when
    (epoch ms of event time) labels said so.
    """

    model: str
    metric: str
    length_ms: int
    reference: float | None
    windows: dict[int, Labelled]
    alarms: dict[str, list[int]]

    @property
    def n(self) -> int:
        """Predictions."""
        return sum(window.n for window in self.windows.values())

    @property
    def labelled(self) -> int:
        """Those of them with a label."""
        return sum(window.labelled for window in self.windows.values())

    @property
    def overall(self) -> float | None:
        """The figure over all labels, as if each had the same weight; None without any."""
        return _mean([(window.value, window.labelled) for window in self.windows.values()])

    @property
    def estimated(self) -> float | None:
        """What the predictions alone made expect."""
        return _mean([(window.estimated, window.n) for window in self.windows.values()])

    @property
    def worst(self) -> tuple[int, float] | None:
        """Start and figure of the worst window."""
        valued = {start: window.value for start, window in self.windows.items() if window.value is not None}
        if not valued:
            return None
        worse = min if HEADLINES[self.metric] is max else max
        start = worse(valued, key=lambda at: valued[at])
        return start, valued[start]


class Performances:
    """Looks at signals as they pass."""

    def __init__(self) -> None:
        self._windows: dict[str, dict[int, dict[int, PerformanceWindow]]] = {}
        self._alarms: dict[str, dict[str, list[int]]] = {}

    def look_at(self, signals: Iterable[Signal]) -> None:
        """Signals in order; of performance windows and alarms those of a whole model are kept."""
        for signal in signals:
            if isinstance(signal, AlertOpened) and signal.alert.kind == "concept" and not signal.alert.segment_set:
                alert = signal.alert
                title = alert.title.removeprefix(f"{alert.model}: ")
                self._alarms.setdefault(alert.model, {}).setdefault(title, []).append(alert.detected_ms)
            if isinstance(signal, PerformanceWindow) and not signal.version and not signal.segment_set:
                lengths = self._windows.setdefault(signal.model, {})
                if signal.length_ms >= max(lengths, default=0):
                    if signal.length_ms not in lengths:
                        lengths.clear()
                    lengths.setdefault(signal.length_ms, {})[signal.start_ms] = signal

    def result(self, references: Mapping[tuple[str, str], Reference]) -> list[Performance]:
        """By model; one without any label is left out."""
        found = []
        for model, lengths in sorted(self._windows.items()):
            (length_ms, windows), reference = next(iter(lengths.items())), references.get((model, ""))
            metric = _headline(windows.values())
            if metric is not None:
                known = None if reference is None or reference.performance is None else reference.performance.metrics
                told = {start: _labelled(window, metric) for start, window in sorted(windows.items())}
                alarms = self._alarms.get(model, {})
                found.append(Performance(model, metric, length_ms, (known or {}).get(metric), told, alarms))
        return found


def _headline(windows: Iterable[PerformanceWindow]) -> str | None:
    names = {name for window in windows for name, value in window.metrics.items() if value is not None}
    return next((name for name in HEADLINES if name in names), None)


def _labelled(window: PerformanceWindow, metric: str) -> Labelled:
    value, estimated = window.metrics.get(metric), window.estimated.get(metric)
    return Labelled(window.n, window.labelled, value, estimated)


def _mean(values: Iterable[tuple[float | None, int]]) -> float | None:
    known = [(value, weight) for value, weight in values if value is not None and weight]
    total = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / total if total else None
