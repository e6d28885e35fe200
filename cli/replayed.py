"""What a replay came to, whatever it read."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import msgspec

from driftline.processors.estimation.reconciliation import Reconciliation
from driftline.processors.outcomes.counts import OutcomeCounters
from driftline.schemas.rejections import RejectionReason
from driftline.schemas.signals import AlertOpened, PerformanceWindow, Signal, WindowClosed
from driftline.sinks.protocol import Sink


@dataclass(slots=True)
class Replayed:
    """Counts and times in seconds. `decode_s` and `apply_s` overlap. `outcomes`, `estimates`: empty without labels."""

    counters: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    alerts: dict[str, int] = field(default_factory=dict)
    windows: int = 0
    performance_windows: int = 0
    wall_s: float = 0.0
    decode_s: float = 0.0
    apply_s: float = 0.0
    write_s: float = 0.0
    estimates: Reconciliation = field(default_factory=Reconciliation)

    @property
    def events_per_s(self) -> float:
        """Events consumed per second of wall time."""
        return self.counters["consumed"] / self.wall_s if self.wall_s else 0.0

    def summary(self) -> dict[str, Any]:
        """For `summary.json`."""
        seconds = {name: round(getattr(self, name), 3) for name in ("wall_s", "decode_s", "apply_s", "write_s")}
        rates = {**seconds, "events_per_s": round(self.events_per_s)}
        return {**asdict(self), "estimates": self.estimates.summary(), **rates}

    def write(self, signals: list[Signal], sink: Sink) -> None:
        """Hand signals to the sink, and note how many and how long that took."""
        self._note(signals)
        started = time.perf_counter()
        sink.write(signals)
        self.write_s += time.perf_counter() - started

    def _note(self, signals: Iterable[Signal]) -> None:
        for signal in signals:
            if isinstance(signal, AlertOpened):
                kind = signal.alert.kind
                self.alerts[kind] = self.alerts.get(kind, 0) + 1
            elif isinstance(signal, WindowClosed):
                self.windows += 1
            elif isinstance(signal, PerformanceWindow):
                self.performance_windows += 1
                self.estimates.add(signal)

    def add_outcomes(self, counters: OutcomeCounters) -> None:
        """What became of the labels of a partition."""
        for name, count in msgspec.structs.asdict(counters).items():
            self.outcomes[name] = self.outcomes.get(name, 0) + count

    def add_rejected(self, rejected: Mapping[RejectionReason, int]) -> None:
        """Records that could not be read, by reason; sorted."""
        for reason, count in rejected.items():
            self.rejected[str(reason)] = self.rejected.get(str(reason), 0) + count
        self.rejected = dict(sorted(self.rejected.items()))
