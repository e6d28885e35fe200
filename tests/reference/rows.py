"""Makes events for the tests of references."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from driftline.config.model_spec import FieldOverride, ModelSpec
from driftline.processors.reference.build import build_reference
from driftline.processors.reference.profile import FieldProfile, Reference
from driftline.schemas.events import Prediction

START_MS = 1_700_000_000_000
HOUR_MS = 3_600_000


def prediction(number: int = 0, **values: Any) -> Prediction:
    """An event of model "m", one an hour; keywords replace its fields."""
    return Prediction(
        **{
            "prediction_id": f"id-{number}",
            "model": "m",
            "timestamp_ms": START_MS + number * HOUR_MS,
            "prediction": 1,
            **values,
        }
    )


def events_of(**features: Sequence[Any]) -> list[Prediction]:
    """One event for each value; ABSENT leaves the name out."""
    names = list(features)
    return [
        prediction(i, features={n: v for n, v in zip(names, values, strict=True) if v is not ABSENT})
        for i, values in enumerate(zip(*features.values(), strict=True))
    ]


class _Absent:
    pass


ABSENT = _Absent()


def reference_of(events: Sequence[Prediction], **settings: Any) -> Reference:
    """The reference of events of model "m" with these settings of its specification."""
    return build_reference(ModelSpec(name="m", **settings), events, source="test")


def profile_of(values: Sequence[Any], override: FieldOverride | None = None, **settings: Any) -> FieldProfile:
    """The profile of one feature "x" with these values."""
    fields = {} if override is None else {"x": override}
    return field(reference_of(events_of(x=values), fields=fields, **settings), "x")


def field(reference: Reference, name: str, role: str | None = None) -> FieldProfile:
    """The field of that name."""
    (found,) = [f for f in reference.fields if f.name == name and role in (None, f.role)]
    return found
