"""What the error stream may cost of a model's false-alarm budget, and the thresholds that follow.

    budget of the model, per event
      a fifth to the error stream                                   (before the fields share the rest)
        half to the whole model, half to versions and segment sets, equally
          to the detectors that alarm, in the ratio of `budget.DETECTOR_WEIGHTS`

An event lies in one version and in one segment of each set, so rates are per labelled prediction of the version or segment.
Not every prediction gets a label; so what is realised a week is at most what is stated. Detectors of river take no share:
their false alarms cannot be set, they are what their own parameters make them.
"""

from __future__ import annotations

import math
from typing import Final

from driftline.processors.budget import DETECTOR_WEIGHTS, PAGE_HINKLEY_ALLOWANCE, root_between

ERROR_STREAM_SHARE: Final = 0.2
"""Proposed by the statistics of the design; errors are the one thing that is known to matter."""

LEAST_RATE: Final = 1e-100
"""Thresholds go no further."""

BUDGETED: Final = ("shiryaev_roberts", "adwin", "page_hinkley")


def error_stream_rates(model_rate: float, segment_sets: int) -> tuple[float, ...]:
    """False alarms per labelled prediction of the whole model, its versions, and the segments of each set, in this order.

    model_rate: false alarms per event, the whole budget of the model.

    >>> [round(1 / rate) for rate in error_stream_rates(1e-6, segment_sets=1)]
    [10000000, 20000000, 20000000]
    """
    rate = model_rate * ERROR_STREAM_SHARE
    others = 1 + segment_sets
    return (0.5 * rate, *[0.5 * rate / others] * others)


def detector_rate(detector: str, detectors: tuple[str, ...], rate: float, dependence: float = 1.0) -> float:
    """What one of the budgeted `detectors` that alarm together gets of `rate`, as if errors were independent.

    The e-detector and Page-Hinkley alarm when the log of a likelihood, a sum over values, exceeds about ln(1 / rate). Sums
    over dependent values with `dependence` times the variance exceed so many times that limit equally seldom: to first
    order (the exponent of a random walk is inverse to its variance), and so measured on the public data of the tests.
    """
    total = math.fsum(DETECTOR_WEIGHTS[name] for name in detectors if name in BUDGETED)
    return max(math.pow(rate * DETECTOR_WEIGHTS[detector] / total, dependence), LEAST_RATE)


def page_hinkley_error_threshold(rate: float, p: float) -> float:
    """h at which Page-Hinkley (upwards, k = .1, known p) alarms at `rate` per value; at least 1, in standard deviations.

    For values that are 1 with probability p, else 0, taken less their mean and divided by their standard deviation s.
    Average run length = (e^z - z - 1) / (k theta) with z = theta (h + 1 / (2 s)), theta > 0 the root of
    (1 - p) exp(-theta (p / s + k)) + p exp(theta ((1 - p) / s - k)) = 1. Source: D. Siegmund, "Sequential Analysis" (1985),
    section 2.6; as overshoot half a step, 1 / s, is taken. Simulated: docs/concept-drift.md.
    """
    k, s = PAGE_HINKLEY_ALLOWANCE, math.sqrt(p * (1.0 - p))

    def log_mean(t: float) -> float:
        rise = t * (1.0 - p) / s
        return rise + math.log(p + (1.0 - p) * math.exp(-t / s)) - t * k

    theta = root_between(log_mean, 0.01 * k, 100.0)

    def surplus(z: float) -> float:
        return (math.expm1(z) - z) / (k * theta) - 1.0 / rate

    return max(root_between(surplus, 0.0, 700.0) / theta - 0.5 / s, 1.0)
