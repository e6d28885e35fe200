"""The two events that go in. Names on the wire are the attribute names, except `timestamp_ms`, written "timestamp".

Decoded events are already checked: ids within their limits, time as integer milliseconds, numbers finite.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from msgspec import Struct, field

from driftline.schemas.limits import UNVERSIONED
from driftline.schemas.scalars import Scalar

Value: TypeAlias = Any
"""A feature or measurement value as it came: a JSON scalar or null; a list or object is kept and counts as invalid."""


class Prediction(Struct, frozen=True, kw_only=True):
    """One answer of a model. `context` values are strings, or numbers and booleans shown as their JSON text."""

    prediction_id: str
    model: str
    model_version: str = UNVERSIONED
    timestamp_ms: int = field(name="timestamp")
    prediction: Scalar
    score: float | None = None
    probabilities: dict[str, float] | None = None
    features: dict[str, Value] = {}
    context: dict[str, str] = {}
    measurements: dict[str, Value] = {}
    schema_version: int = 1


class Label(Struct, frozen=True, kw_only=True):
    """What turned out to be true. `label` None retracts an earlier label; a later label of the same id replaces it."""

    prediction_id: str
    model: str
    timestamp_ms: int = field(name="timestamp")
    label: Scalar | None
    source: str = "outcome"
    weight: float = 1.0
    schema_version: int = 1
