"""What the parts of an exposition have in common."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from driftline.sinks.metric_names import Metric


class Sample(NamedTuple):
    """One line to be shown; `labels` in the order of `metric.labels`."""

    metric: Metric
    labels: tuple[str, ...]
    value: float


class Number:
    """A counter, or a gauge: starts at 0."""

    __slots__ = ("value",)

    def __init__(self, labels: Sequence[str] = ()) -> None:
        self.value = 0.0


class Histogram:
    """How often an observation was at most each of `bounds`, which rise."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Take one in."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.sum += value

    def cumulative(self) -> Iterator[tuple[str, float]]:
        """(upper bound, how many were at most that), with +Inf at the end."""
        total = 0
        for bound, count in zip([*map(str, self._bounds), "+Inf"], self._counts, strict=True):
            total += count
            yield bound, float(total)
