"""What can be made to go wrong with the simulated models: three changes of the kind that nobody announces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

from driftline.producers.simulated_models import Features

KM_PER_MILE: Final = 1.609344


@dataclass(frozen=True, slots=True)
class PlantedDrift:
    """From some time on the features of one model reach it changed; what is true of its requests stays as it was.

    field: the feature that changes. told: what happened, as somebody would say it who knows.
    """

    model: str
    field: str
    told: str
    change: Callable[[Features, Random], Features]


def _miles(features: Features, chance: Random) -> Features:
    return {**features, "distance_km": round(features["distance_km"] / KM_PER_MILE, 2)}


def _more_phones(features: Features, chance: Random) -> Features:
    return {**features, "channel": "phone"} if chance.random() < 0.2 else features


def _unknown_ages(features: Features, chance: Random) -> Features:
    return {**features, "card_days": None} if chance.random() < 0.15 else features


DRIFTS: Final[Mapping[str, PlantedDrift]] = {
    "unit": PlantedDrift("delivery_time", "distance_km", "a release of the app sends distance_km in miles", _miles),
    "share": PlantedDrift("card_fraud", "channel", "a fifth of the orders moves to channel=phone", _more_phones),
    "missing": PlantedDrift("card_fraud", "card_days", "card_days is missing from 15 % of the requests", _unknown_ages),
}
"""By the name that a user picks one with."""
