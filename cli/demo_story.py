"""What a live demo is waiting for: the alert that names what was planted, and a window that shows all of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from driftline.producers.simulated_drifts import PlantedDrift
from driftline.schemas.alerts import Alert
from driftline.schemas.signals import AlertOpened, Signal, WindowClosed


@dataclass(slots=True)
class Story:
    """Told of signals as they arrive. Times are epoch milliseconds of event time; begins_ms: when the drift begins."""

    planted: PlantedDrift
    begins_ms: int
    alert: Alert | None = None
    """the first that names what was planted, after it was"""
    others: int = 0
    false_alarms: list[Alert] = field(default_factory=list)
    """those from before it"""
    seen_whole: bool = False
    """whether a window closed that lies wholly in the drift"""

    def look_at(self, signal: Signal) -> None:
        """Take over one signal."""
        if isinstance(signal, WindowClosed):
            if signal.model == self.planted.model and signal.start_ms >= self.begins_ms:
                self.seen_whole = True
        elif isinstance(signal, AlertOpened):
            self._alert(signal.alert)

    def _alert(self, alert: Alert) -> None:
        if alert.detected_ms < self.begins_ms:
            self.false_alarms.append(alert)
        elif self.alert is None and self.names_it(alert):
            self.alert = alert
        else:
            self.others += 1

    def names_it(self, alert: Alert) -> bool:
        """Whether this alert says what was planted."""
        return alert.model == self.planted.model and any(one.name == self.planted.field for one in alert.features)

    @property
    def over(self) -> bool:
        """Whether everything has been seen that there is to see."""
        return self.alert is not None and self.seen_whole
