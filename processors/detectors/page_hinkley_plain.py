"""Both forms of Page-Hinkley in plain Python, value by value: what the kernel in `page_hinkley` must equal."""

from __future__ import annotations

import math

from driftline.processors.detectors.page_hinkley import CAP_FACTOR, REARM_FACTOR, Mode
from driftline.processors.detectors.protocol import LARGEST_VALUE


class PlainPageHinkley:
    """The fading form, as river 0.26.1 writes it; see `page_hinkley.PageHinkley`."""

    def __init__(
        self, min_instances: int = 30, delta: float = 0.005, threshold: float = 50.0, alpha: float = 0.9999,
        mode: Mode = "both",
    ) -> None:  # fmt: skip
        self.min_instances, self.delta, self.threshold, self.alpha = min_instances, delta, threshold, alpha
        self.mode = mode
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.n = 0
        self.mean = 0.0
        self.up, self.down = 0.0, 0.0
        self.minimum, self.maximum = math.inf, -1.0

    def update(self, x: float) -> bool:
        """Take one value; whether it alarms."""
        if not abs(x) <= LARGEST_VALUE:
            return False
        self.n += 1
        self.mean += (1.0 / self.n) * (x - self.mean)
        deviation = x - self.mean
        self.up = self.alpha * self.up + deviation - self.delta
        self.down = self.alpha * self.down + deviation + self.delta
        self.minimum = min(self.minimum, self.up)
        self.maximum = max(self.maximum, self.down)
        rise, fall = self.up - self.minimum, self.maximum - self.down
        alarm = (self.mode != "down" and rise > self.threshold) or (self.mode != "up" and fall > self.threshold)
        if not alarm or self.n < self.min_instances:
            return False
        self.reset()
        return True


class PlainCusum:
    """The clipped form; see `page_hinkley.Cusum`."""

    def __init__(
        self, threshold: float, delta: float = 0.25, mean: float | None = 0.0, mode: Mode = "both", latch: bool = True,
        min_instances: int = 1, alpha: float = 1.0,
    ) -> None:  # fmt: skip
        self.min_instances, self.delta, self.threshold, self.alpha = min_instances, delta, threshold, alpha
        self.given_mean, self.mode, self.latch = mean, mode, latch
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.n = 0
        self.mean = 0.0 if self.given_mean is None else self.given_mean
        self.up, self.down = 0.0, 0.0
        self.latched = False

    def update(self, x: float) -> bool:
        """Take one value; whether it alarms."""
        if not abs(x) <= LARGEST_VALUE:
            return False
        self.n += 1
        if self.given_mean is None:
            self.mean += (1.0 / self.n) * (x - self.mean)
        deviation = x - self.mean
        self.up = max(0.0, self.alpha * self.up + (deviation - self.delta))
        self.down = max(0.0, self.alpha * self.down + (-deviation - self.delta))
        watched = {"both": [self.up, self.down], "up": [self.up], "down": [self.down]}[self.mode]
        if self.latched:
            self._cap_or_rearm()
            return False
        if max(watched) <= self.threshold or self.n < self.min_instances:
            return False
        if self.latch:
            self.latched = True
        else:
            self.reset()
        return True

    def _cap_or_rearm(self) -> None:
        cap, calm = CAP_FACTOR * self.threshold, REARM_FACTOR * self.threshold
        self.up, self.down = min(self.up, cap), min(self.down, cap)
        watched = {"both": [self.up, self.down], "up": [self.up], "down": [self.down]}[self.mode]
        self.latched = not max(watched) < calm
