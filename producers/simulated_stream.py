"""The events of the simulated service in order of time, without a clock: the same settings give the same events.

Requests arrive as a Poisson process whose rate follows the day; labels follow their predictions by a while, not all of
them ever. Times are seconds from the start; who plays the stream says when that was.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final, TypeAlias

from driftline.producers.simulated_drifts import PlantedDrift
from driftline.producers.simulated_models import MODELS, REGIONS, Features, SimulatedModel, pick
from driftline.schemas.events import Prediction
from driftline.schemas.scalars import Scalar

SWING: Final = 0.4
"""How far the rate goes up and down over a day, as a share of its mean."""

VERSION: Final = "2026-01"

_LABELLED: Final = 0.9
_DELAY_SIGMA: Final = 0.5  # of the logarithm: a tenth of the labels takes about twice the median


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What is simulated.

    rate_per_s: predictions of all models together, on average over a day. label_delay_s: the median.
    drift: None = everything stays as it is.
    """

    seed: int = 1
    rate_per_s: float = 100.0
    day_s: float = 86_400.0
    label_delay_s: float = 60.0
    drift: PlantedDrift | None = None
    drift_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class SimulatedPrediction:
    """number: counts the predictions of all models, from 0."""

    at_s: float
    number: int
    model: str
    prediction: Scalar
    score: float | None
    features: Features
    region: str
    latency_ms: float


@dataclass(frozen=True, slots=True)
class SimulatedLabel:
    """number: of the prediction that it is about."""

    at_s: float
    number: int
    model: str
    label: Scalar


SimulatedEvent: TypeAlias = SimulatedPrediction | SimulatedLabel


def simulated_stream(simulation: Simulation) -> Iterator[SimulatedEvent]:
    """The events, in order of their times, without end."""
    # each kind of chance has a generator of its own, so that planting a drift changes nothing else
    arrivals, requests, outcomes, drifting = (
        Random(f"{simulation.seed}/{name}") for name in ("arrivals", "requests", "outcomes", "drift")
    )
    waiting: list[tuple[float, int, SimulatedLabel]] = []
    for number, at_s in enumerate(arrival_times(simulation, arrivals)):
        while waiting and waiting[0][0] <= at_s:
            yield heapq.heappop(waiting)[2]
        model = requests.choice(MODELS)
        true = model.features(requests)
        drift = simulation.drift
        drifted = drift is not None and drift.model == model.name and at_s >= simulation.drift_after_s
        seen = drift.change(true, drifting) if drift is not None and drifted else true
        yield _prediction(at_s, number, model, seen, requests)
        outcome, labelled = model.outcome(true, outcomes), outcomes.random() < _LABELLED
        delay_s = simulation.label_delay_s * outcomes.lognormvariate(0.0, _DELAY_SIGMA)
        if labelled:
            label = SimulatedLabel(at_s + delay_s, number, model.name, outcome)
            heapq.heappush(waiting, (label.at_s, number, label))


def arrival_times(simulation: Simulation, chance: Random) -> Iterator[float]:
    """When requests arrive: a Poisson process of varying rate, by thinning one of the highest rate.

    Lewis, Shedler: Simulation of nonhomogeneous Poisson processes by thinning. Naval Research Logistics 26 (1979).
    """
    highest = simulation.rate_per_s * (1 + SWING)
    at_s = 0.0
    while True:
        at_s += chance.expovariate(highest)
        if chance.random() * highest < rate_at(simulation, at_s):
            yield at_s


def rate_at(simulation: Simulation, at_s: float) -> float:
    """Predictions a second at this time: a wave over the day that starts at its mean and rises first."""
    return simulation.rate_per_s * (1 + SWING * math.sin(2 * math.pi * at_s / simulation.day_s))


def reference_sample(model: SimulatedModel, rows: int, seed: int) -> list[Prediction]:
    """Predictions of the model when all is well, none of which is in the stream. Their times mean nothing."""
    chance = Random(f"{seed}/reference/{model.name}")
    drawn = (_prediction(0.0, i, model, model.features(chance), chance) for i in range(rows))
    return [
        Prediction(
            prediction_id=f"reference-{one.number}",
            model=model.name,
            model_version=VERSION,
            timestamp_ms=0,
            prediction=one.prediction,
            score=one.score,
            features=one.features,
            context={"region": one.region},
            measurements={"latency_ms": one.latency_ms},
        )
        for one in drawn
    ]


def _prediction(
    at_s: float, number: int, model: SimulatedModel, features: Features, chance: Random
) -> SimulatedPrediction:
    answer = model.answer(features)
    region = pick(chance, REGIONS)
    latency_ms = round(2 + chance.lognormvariate(1.8, 0.4), 2)
    return SimulatedPrediction(at_s, number, model.name, answer.prediction, answer.score, features, region, latency_ms)
