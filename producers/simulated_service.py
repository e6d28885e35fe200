"""A service that answers requests and publishes every prediction, as a real one would; its labels follow later."""

from __future__ import annotations

import threading
import time
from typing import Final

from driftline.producers.publisher import Publisher
from driftline.producers.simulated_stream import (
    VERSION,
    SimulatedEvent,
    SimulatedPrediction,
    Simulation,
    simulated_stream,
)

_NAP_S_MAX: Final = 0.05
"""How late an end is noticed."""


class SimulatedService:
    """Plays the simulated stream in real time.

    Every event is published at the time that it says it is of. A service that falls behind, on a machine that was busy,
    publishes at once what is due, with the times at which it was due.

    start_ms: when the stream starts, epoch milliseconds; None = at once.
    """

    def __init__(self, publisher: Publisher, simulation: Simulation, start_ms: int | None = None) -> None:
        self.simulation = simulation
        now_ms = time.time_ns() // 1_000_000
        self.started_ms = now_ms if start_ms is None else start_ms
        self.predictions = 0
        self.labels = 0
        self._publisher = publisher
        self._started = time.monotonic() + (self.started_ms - now_ms) / 1000

    @property
    def drift_begins_ms(self) -> int | None:
        """Epoch milliseconds from which on the planted drift shows; None without one."""
        if self.simulation.drift is None:
            return None
        return self.started_ms + round(self.simulation.drift_after_s * 1000)

    @property
    def drifting(self) -> bool:
        """Whether the planted drift has begun."""
        begins_ms = self.drift_begins_ms
        return begins_ms is not None and time.time_ns() // 1_000_000 >= begins_ms

    def run(self, stop: threading.Event) -> None:
        """Publish until `stop` is set. Nothing here waits for the broker."""
        for event in simulated_stream(self.simulation):
            while not stop.is_set() and (ahead_s := event.at_s - (time.monotonic() - self._started)) > 0:
                stop.wait(min(ahead_s, _NAP_S_MAX))
            if stop.is_set():
                return
            self._publish(event)

    def _publish(self, event: SimulatedEvent) -> None:
        # unique also when the same seed is played twice on one topic
        prediction_id = f"{event.model}-{self.started_ms}-{event.number}"
        timestamp = self.started_ms + int(event.at_s * 1000)
        if not isinstance(event, SimulatedPrediction):
            self._publisher.label(prediction_id, event.model, event.label, timestamp=timestamp)
            self.labels += 1
            return
        self._publisher.prediction(
            event.model,
            event.prediction,
            prediction_id=prediction_id,
            model_version=VERSION,
            timestamp=timestamp,
            score=event.score,
            features=event.features,
            context={"region": event.region},
            measurements={"latency_ms": event.latency_ms},
        )
        self.predictions += 1
