"""Gaps between segments: is the model worse for some of them, and by more than chance explains?

Within one set of segments (regions, say) every segment is compared with the rest of the set: segment and rest share no
prediction, so the variance of the difference is the sum of both. Who looks at many segments finds a bad one by chance; so
all intervals of a set, over all chosen metrics, hold *together* with the stated confidence (Bonferroni). An interval
without 0 is a gap that chance does not explain.

The widest gap, of the highest to the lowest segment, was picked out of all pairs, and its interval allows for all of them.
Half of the risk is spent on it, half on the gaps to the rest.

Sources: Dunn, J. Am. Stat. Assoc. 56, 1961 (simultaneous intervals); Hardt, Price, Srebro, Equality of opportunity in
supervised learning, NeurIPS 2016 (recall and false_positive_rate as what should not differ); Barocas, Hardt, Narayanan,
Fairness and Machine Learning, ch. 3 (predicted_positive_rate: demographic parity).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from driftline.processors.arrays import F64, I64
from driftline.processors.performance.double_double import merged, without
from driftline.schemas.limits import OTHER_NAME

LABELS_MIN: Final = 30
"""A segment with fewer labels is part of the others' rest, and is not compared itself."""
CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Gap:
    """value - other, with the interval [low, high] that holds together with all others of its set.

    other_segment "": the rest of the set. labels: of the segment.
    """

    metric: str
    segment: str
    other_segment: str
    value: float
    other: float
    gap: float
    se: float
    low: float
    high: float
    labels: int

    @property
    def is_clear(self) -> bool:
        """Whether chance does not explain it."""
        return self.low > 0.0 or self.high < 0.0


@dataclass(frozen=True, slots=True)
class MetricGaps:
    """One metric within one set: each segment against the rest in the order of the rows, and highest against lowest."""

    metric: str
    to_rest: list[Gap]
    widest: Gap | None
    """None with fewer than two segments to compare"""


def gaps(
    sums: F64,
    labels: F64,
    names: Sequence[str],
    chosen: Sequence[str],
    metrics: Callable[[F64], dict[str, F64]],
    pairs: tuple[int, ...] = (),
    confidence: float = CONFIDENCE,
) -> list[MetricGaps]:
    """The gaps of chosen metrics within one set of segments.

    sums: float64[s, width], the task's sums by segment: together they are all predictions of the window. labels:
    float64[s], usable labels. names: of the segments; `__other__` is a mixture and never compared itself. chosen: metrics
    that come with a standard error. metrics, pairs: of the `TaskLayout`. A segment whose metric is not defined is left out.
    Raises ValueError for a metric without a standard error.
    """
    of_segment = metrics(sums)
    unknown = [metric for metric in chosen if f"{metric}_se" not in of_segment]
    if unknown:
        known = ", ".join(sorted(name.removesuffix("_se") for name in of_segment if name.endswith("_se")))
        raise ValueError(f"no gap is known of {', '.join(unknown)}: choose of {known}")
    of_rest = metrics(without(merged(sums, pairs), sums, pairs))
    big = (labels >= LABELS_MIN) & np.array([name != OTHER_NAME for name in names], np.bool_)
    found = []
    for metric in chosen:
        value, se = of_segment[metric], of_segment[f"{metric}_se"]
        rest, rest_se = of_rest[metric], of_rest[f"{metric}_se"]
        at = np.flatnonzero(big & np.isfinite(value) & np.isfinite(se))
        to_rest = at[np.isfinite(rest[at]) & np.isfinite(rest_se[at])]
        z = _simultaneous(confidence, len(to_rest) * len(chosen))
        against = [
            _gap(metric, names[i], "", value[i], rest[i], math.hypot(se[i], rest_se[i]), z, labels[i]) for i in to_rest
        ]
        found.append(
            MetricGaps(metric, against, _widest(metric, names, at, value, se, labels, confidence, len(chosen)))
        )
    return found


def _widest(
    metric: str, names: Sequence[str], at: I64, value: F64, se: F64, labels: F64, confidence: float, chosen: int
) -> Gap | None:
    if len(at) < 2:
        return None
    highest, lowest = at[np.argmax(value[at])], at[np.argmin(value[at])]
    z = _simultaneous(confidence, len(at) * (len(at) - 1) // 2 * chosen)
    error = math.hypot(se[highest], se[lowest])
    return _gap(metric, names[highest], names[lowest], value[highest], value[lowest], error, z, labels[highest])


def _simultaneous(confidence: float, intervals: int) -> float:
    """How many standard errors to each side, so that so many intervals hold together, on half of the risk."""
    return float(special.ndtri(1.0 - 0.5 * (1.0 - confidence) / (2.0 * max(intervals, 1))))


def _gap(
    metric: str, segment: str, other: str, value: float, other_value: float, se: float, z: float, labels: float
) -> Gap:
    gap = float(value - other_value)
    return Gap(
        metric=metric,
        segment=segment,
        other_segment=other,
        value=float(value),
        other=float(other_value),
        gap=gap,
        se=se,
        low=gap - z * se,
        high=gap + z * se,
        labels=int(labels),
    )
