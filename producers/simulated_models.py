"""Two models of an invented delivery service, as they answer requests: what they are asked, what they say, what was true.

Every draw comes from the `random.Random` that is passed in, so one seed gives the same requests again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from random import Random
from typing import Final, NamedTuple, Protocol, TypeAlias

from driftline.schemas.events import Value
from driftline.schemas.scalars import Scalar

Features: TypeAlias = dict[str, Value]

REGIONS: Final = {"north": 0.45, "south": 0.35, "west": 0.2}

_MISSING_CARD_AGE_DAYS: Final = 300.0
"""What the fraud model takes for an age that it is not told."""


class Answer(NamedTuple):
    """What a model said. score: the probability of the positive class, None for a regression."""

    prediction: Scalar
    score: float | None


class SimulatedModel(Protocol):
    """One model; it has no state."""

    name: str

    def features(self, chance: Random) -> Features:
        """Of one request, as they are in truth."""
        ...

    def answer(self, features: Mapping[str, Value]) -> Answer:
        """What the model says to the features that reach it, which may not be the true ones."""
        ...

    def outcome(self, features: Mapping[str, Value], chance: Random) -> Scalar:
        """What turns out to be true of the true features."""
        ...


class DeliveryTime:
    """A regression: minutes until an order is at the door."""

    name = "delivery_time"

    def features(self, chance: Random) -> Features:
        """See SimulatedModel."""
        return {
            "distance_km": round(min(chance.lognormvariate(1.4, 0.55), 40.0), 2),
            "items": 1 + min(int(chance.expovariate(0.5)), 11),
            "kitchen_min": round(4 + chance.gammavariate(3.0, 3.0), 1),
            "vehicle": pick(chance, {"bike": 0.55, "scooter": 0.3, "car": 0.15}),
            "weather": pick(chance, {"dry": 0.7, "rain": 0.25, "snow": 0.05}),
        }

    def answer(self, features: Mapping[str, Value]) -> Answer:
        """See SimulatedModel."""
        return Answer(round(self._minutes(features), 1), None)

    def outcome(self, features: Mapping[str, Value], chance: Random) -> Scalar:
        """See SimulatedModel."""
        return round(self._minutes(features) * chance.lognormvariate(0.0, 0.12), 1)

    def _minutes(self, features: Mapping[str, Value]) -> float:
        pace = {"bike": 4.2, "scooter": 2.8, "car": 3.1}[features["vehicle"]]
        slower = {"dry": 1.0, "rain": 1.15, "snow": 1.5}[features["weather"]]
        ride = float(features["distance_km"]) * pace * slower
        return float(features["kitchen_min"]) + ride + 0.4 * int(features["items"])


class CardFraud:
    """A binary classifier: is the payment of an order fraud?"""

    name = "card_fraud"

    def features(self, chance: Random) -> Features:
        """See SimulatedModel."""
        return {
            "amount_eur": round(5 + chance.lognormvariate(3.0, 0.5), 2),
            "card_days": round(chance.expovariate(1 / 400), 1),
            "orders_last_day": min(int(chance.expovariate(1.1)), 9),
            "channel": pick(chance, {"app": 0.5, "web": 0.35, "phone": 0.15}),
            "new_address": chance.random() < 0.08,
        }

    def answer(self, features: Mapping[str, Value]) -> Answer:
        """See SimulatedModel."""
        score = self._probability(features)
        return Answer(score > 0.5, round(score, 4))

    def outcome(self, features: Mapping[str, Value], chance: Random) -> Scalar:
        """See SimulatedModel."""
        return chance.random() < self._probability(features)

    def _probability(self, features: Mapping[str, Value]) -> float:
        age = features["card_days"]
        days = _MISSING_CARD_AGE_DAYS if age is None else float(age)
        logit = -3.0 + 0.02 * float(features["amount_eur"]) + 0.5 * int(features["orders_last_day"])
        logit += 1.4 * bool(features["new_address"]) - 0.002 * days
        logit += {"app": -0.3, "web": 0.2, "phone": 0.6}[features["channel"]]
        return 1 / (1 + math.exp(-logit))


MODELS: Final[tuple[SimulatedModel, ...]] = (DeliveryTime(), CardFraud())


def pick(chance: Random, shares: Mapping[str, float]) -> str:
    """One of the names, each with its share; the shares add up to 1."""
    left = chance.random()
    for name, share in shares.items():
        left -= share
        if left < 0:
            return name
    return name
