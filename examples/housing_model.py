"""The model of both example services: is a Californian district expensive? Trained when the service starts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

NAME = "housing"
VERSION = "2021-06"
FEATURES = ("MedInc", "HouseAge", "AveRooms", "AveBedrms", "Population", "AveOccup", "Latitude", "Longitude")

ROWS = Path(__file__).parent / "data" / "california_housing_reference.csv"


class HousingModel:
    """A logistic regression on eight features."""

    def __init__(self) -> None:
        self._pipeline = _trained(ROWS)

    def predict(self, features: Mapping[str, float]) -> tuple[bool, float]:
        """Whether the district is expensive, and the probability of that. Raises KeyError for a feature that is missing."""
        row = np.array([[features[name] for name in FEATURES]])
        probability = float(self._pipeline.predict_proba(row)[0, 1])
        return probability >= 0.5, probability


def _trained(rows: Path) -> Pipeline:
    with rows.open(encoding="utf-8") as file:
        names = file.readline().strip().split(",")
        columns = [names.index(name) for name in (*FEATURES, "clf_target")]
        table = np.loadtxt(file, delimiter=",", usecols=columns)
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(table[:, :-1], table[:, -1])
