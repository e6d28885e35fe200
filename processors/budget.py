"""From a false-alarm budget to thresholds: the budget is split, and what each detector gets becomes its threshold.

    budget a week / events a week = false alarms per event of the model
      half to the whole model, half to the segment sets, equally        (all to the model if there are none)
        equally to the fields
          to the detectors that alarm, in the ratio .6 : .4 : .2 : .2

The rate of a segment is per event *of that segment*: an event lies in exactly one segment of a set, so however many
segments a set has, together they raise as many false alarms per event of the model as one would, and idle ones none.
Sums of rates are an upper bound under any dependence between fields, segments and detectors; a finer split costs
delay only in proportion to its logarithm.

What the rate becomes: the threshold A = 1/rate of the e-detector, whose average run length is at least A; the significance
level of the windows of the cascade (`detectors.cascade_plan.window_alpha`); the delta of ADWIN and the threshold of
Page-Hinkley, from their run lengths below. A detector that does not alarm gets the threshold it would have if it were
added, so that what is shown of it keeps its meaning.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from driftline.config.model_spec import ModelSpec
from driftline.processors.detectors.shiryaev_roberts import LARGEST_THRESHOLD, SMALLEST_THRESHOLD

DETECTOR_WEIGHTS: Final = {"shiryaev_roberts": 0.6, "chi_square": 0.4, "adwin": 0.2, "page_hinkley": 0.2}
WHOLE_MODEL_SHARE: Final = 0.5

DEFAULT_EVENTS_PER_WEEK: Final = 1_000_000.0
"""Assumed when neither the configuration nor the reference knows the rate of events."""

PAGE_HINKLEY_ALLOWANCE: Final = 0.1
"""k, in standard deviations of the transformed value: half of the shift that is found soonest."""

_ADWIN_SCALE, _ADWIN_POWER = 6200.0, 1.26
_ADWIN_DELTA_RANGE: Final = (1e-10, 0.5)

EventsSource = Literal["configuration", "reference", "default"]
_SOURCES: Final[dict[EventsSource, str]] = {
    "configuration": "events_per_week of the configuration",
    "reference": "the rate of the reference",
    "default": "assumed, as neither the configuration nor the reference says how many: set events_per_week",
}


@dataclass(frozen=True, slots=True)
class DetectorBudget:
    """What one detector of one field may do. rate: false alarms per event; threshold: what that makes of it.

    threshold: A of shiryaev_roberts, delta of adwin, h of page_hinkley in standard deviations; of chi_square the rate
    itself, as its critical values depend on the cells of the field.
    """

    detector: str
    alarms: bool
    rate: float
    threshold: float


@dataclass(frozen=True, slots=True)
class ScopeBudget:
    """The whole model (`segment_set` empty) or the segments of one set: share of the budget, rate of each field."""

    segment_set: tuple[str, ...]
    share: float
    field_rate: float
    detectors: dict[str, DetectorBudget]


@dataclass(frozen=True, slots=True)
class MonitorRates:
    """How the budget of a model is split. rate: false alarms per event of the model."""

    alarms_per_week: float
    events_per_week: float
    events_source: EventsSource
    rate: float
    fields: int
    whole_model: ScopeBudget
    segment_sets: tuple[ScopeBudget, ...]

    @property
    def reason(self) -> str:
        """Where the number of events a week is from, in words."""
        return _SOURCES[self.events_source]

    def explain(self) -> list[str]:
        """The split, a line for each step, for people."""
        lines = [
            f"false alarms: {self.alarms_per_week:g} a week on {self.events_per_week:,.0f} events a week ({self.reason}): "
            f"one in {1 / self.rate:,.0f} events"
        ]
        for scope in (self.whole_model, *self.segment_sets):
            where = f"segments by {', '.join(scope.segment_set)}" if scope.segment_set else "whole model"
            lines.append(
                f"{where}: {scope.share:.0%}, over {self.fields} fields: one in {1 / scope.field_rate:,.0f} each"
            )
            for budget in scope.detectors.values():
                told = f"one in {1 / budget.rate:,.0f} events" if budget.alarms else "shown only"
                lines.append(f"  {budget.detector}: {told}, threshold {budget.threshold:.4g}")
        return lines


def monitor_rates(spec: ModelSpec, fields: int, reference_events_per_week: float | None = None) -> MonitorRates:
    """Split the budget of `spec` over its scopes, `fields` monitored fields and the detectors that alarm.

    >>> rates = monitor_rates(ModelSpec(name="churn", events_per_week=200_000.0), fields=17)
    >>> round(rates.whole_model.detectors["shiryaev_roberts"].threshold)  # 200,000 x 17 / .6
    5666667
    """
    events, source = _events_per_week(spec.events_per_week, reference_events_per_week)
    rate = spec.false_alarms.per_week / events
    whole_share = WHOLE_MODEL_SHARE if spec.segments else 1.0
    sets = tuple(
        _scope(names, (1.0 - whole_share) / len(spec.segments), rate, fields, spec.detectors) for names in spec.segments
    )
    whole = _scope((), whole_share, rate, fields, spec.detectors)
    return MonitorRates(spec.false_alarms.per_week, events, source, rate, fields, whole, sets)


def _events_per_week(configured: float | None, of_reference: float | None) -> tuple[float, EventsSource]:
    if configured is not None:
        return configured, "configuration"
    if of_reference is not None:
        return of_reference, "reference"
    return DEFAULT_EVENTS_PER_WEEK, "default"


def _scope(names: tuple[str, ...], share: float, rate: float, fields: int, alarming: tuple[str, ...]) -> ScopeBudget:
    field_rate = rate * share / max(fields, 1)
    detectors = {}
    for name, weight in DETECTOR_WEIGHTS.items():
        alarms = name in alarming
        total = math.fsum(w for other, w in DETECTOR_WEIGHTS.items() if other in alarming or other == name)
        own = field_rate * weight / total
        detectors[name] = DetectorBudget(name, alarms, own, _THRESHOLDS[name](own))
    return ScopeBudget(names, share, field_rate, detectors)


def shiryaev_roberts_threshold(rate: float) -> float:
    """A = 1/rate, at least 10: the e-detector's average run length is at least its threshold."""
    return min(max(1.0 / rate, SMALLEST_THRESHOLD), LARGEST_THRESHOLD)


def adwin_delta(rate: float) -> float:
    """The delta at which ADWIN (clock 32, values uniform on [0, 1)) alarms at `rate` per value; within 1e-10..0.5.

    Average run length = 6200 delta^-1.26, fitted to simulations at ten deltas from .001 to .5 (docs/decisions/
    delta-of-adwin.md); nominally delta is a confidence, and as such it would alarm far less often.

    >>> round(adwin_delta(1e-6), 3)
    0.018
    """
    low, high = _ADWIN_DELTA_RANGE
    return min(max(math.pow(_ADWIN_SCALE * rate, 1.0 / _ADWIN_POWER), low), high)


def page_hinkley_threshold(rate: float) -> float:
    """h at which Page-Hinkley (CUSUM, both directions, k = .1, a known mean) alarms at `rate` per value; at least 1.

    For values uniform with mean 0 and standard deviation 1. Average run length one way = (e^z - z - 1) / (k theta) with
    z = theta (h + 1.02), theta the root of ln(sinh(r t) / (r t)) = k t, r = sqrt 3; both ways half of it. Source:
    D. Siegmund, "Sequential Analysis" (1985), section 2.6, with the exponent of the uniform distribution in place of the
    Gaussian one. Simulated up to a run length of 2.5e5 (within 6 %).

    >>> round(page_hinkley_threshold(1e-6), 1)
    51.8
    """
    k = PAGE_HINKLEY_ALLOWANCE
    theta = _uniform_exponent(k)
    both_ways = 2.0 / rate

    def surplus(z: float) -> float:
        return (math.expm1(z) - z) / (k * theta) - both_ways

    return max(root_between(surplus, 0.0, 700.0) / theta - 1.02, 1.0)


@functools.cache
def _uniform_exponent(k: float) -> float:
    """theta > 0 with E exp(theta (X - k)) = 1, X uniform with mean 0 and standard deviation 1."""
    r = math.sqrt(3.0)

    def log_mean(t: float) -> float:
        # ln sinh(r t) without overflow
        return r * t + math.log1p(-math.exp(-2.0 * r * t)) - math.log(2.0 * r * t) - t * k

    return root_between(log_mean, 0.5 * k, 10.0)


def root_between(f: Callable[[float], float], low: float, high: float) -> float:
    """Where `f`, negative at `low` and positive at `high`, turns: by halving down to neighbouring numbers.

    (scipy.optimize would do, but takes a quarter of a second to load, and nothing else needs it.)
    """
    while low < (middle := 0.5 * (low + high)) < high:
        low, high = (middle, high) if f(middle) < 0.0 else (low, middle)
    return high


def _same(rate: float) -> float:
    return rate


_THRESHOLDS: Final = {
    "shiryaev_roberts": shiryaev_roberts_threshold,
    "chi_square": _same,
    "adwin": adwin_delta,
    "page_hinkley": page_hinkley_threshold,
}
