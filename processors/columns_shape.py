"""The msgspec structs that the events of one model are decoded into: their names, types, and what they have learnt.

The structs accept only what cannot be misread; any other record raises and is read by the exact path, which defines the
result. So that nothing common stays on that slower path, the shape learns from what it read: names the layout does not
know become fields that are only counted, and a column of numbers that has met a boolean accepts booleans (as invalid
values). What has been learnt changes the speed and never a result; a test compares both paths on mutated records.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Struct

from driftline.processors.columns_exact import ColumnTables
from driftline.schemas.codec import Identifier, Name, PlainScalar, Probabilities
from driftline.schemas.events import Prediction
from driftline.schemas.exact import ENVELOPE_PREFIX
from driftline.schemas.layout import FieldLayout
from driftline.schemas.limits import FEATURES_MAX, NAME_CHARACTERS_MAX, UNVERSIONED
from driftline.schemas.scalars import Int64

_LEARNT_MAX: Final = 64
"""Names learnt for each object: each costs every event some nanoseconds, so an attacker must not add them at will."""
_SIGHTINGS_TO_LEARN: Final = 3
_SIGHTINGS_REMEMBERED: Final = 1_024

# Lists and objects in the place of a value are left to the exact path, which knows how much of them is too much.
_Scalar: TypeAlias = Int64 | float | str | bool | None
_NoBoolean: TypeAlias = Int64 | float | str | None
_FloatNoBoolean: TypeAlias = float | str | None
"""The cheapest one for plain numeric columns: integers become floats at once."""

ID, TIME, PREDICTION, VERSION, SCORE, FEATURES, CONTEXT, MEASUREMENTS = range(8)
ENVELOPE_LEARNT: Final = 11
"""Positions in the event struct: the eight above, then probabilities, schema_version and model, then learnt names."""


@dataclass(frozen=True, slots=True)
class ObjectShape:
    """One JSON object of the event as a struct. `index`: name -> position; `learnt`: its last names, default UNSET."""

    type: type[Struct]
    index: Mapping[str, int]
    learnt: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventShape:
    """The structs of one model's events. It never changes: what has been learnt gives a new shape."""

    event: type[Struct]
    features: ObjectShape
    measurements: ObjectShape
    context: ObjectShape
    envelope_learnt: tuple[str, ...]
    meets_booleans: frozenset[FieldLayout]


class ShapeLearner:
    """Makes the shape of one model's events under one layout, and better ones as it meets more of them."""

    def __init__(self, model: str, tables: ColumnTables) -> None:
        fields = tables.layout.fields
        self._model = model
        self._tables = tables
        self._feature_fields = {field.name: field for field in fields if field.role == "feature"}
        self._measurement_fields = {field.name: field for field in fields if field.role == "measurement"}
        self._prediction_field = next((field for field in fields if field.role == "prediction"), None)
        self._learnt: dict[str, dict[str, None]] = {"features": {}, "context": {}, "measurements": {}, "envelope": {}}
        self._sightings: dict[tuple[str, str], int] = {}
        self._meets_booleans: set[FieldLayout] = set()
        self.shape = self._build()

    def _build(self) -> EventShape:
        tables = self._tables
        other_features = sorted(tables.known_features - self._feature_fields.keys())
        other_measurements = sorted(tables.known_measurements - self._measurement_fields.keys())
        features = self._object("features", self._feature_fields, other_features)
        measurements = self._object("measurements", self._measurement_fields, other_measurements)
        context = self._object("context", {}, sorted(tables.segment_keys))
        learnt = tuple(self._learnt["envelope"])
        event: type[Struct] = msgspec.defstruct(
            "Event",
            [
                ("prediction_id", Identifier),
                ("timestamp", Int64 | float | str),
                ("prediction", self._prediction_type()),
                ("model_version", Name, UNVERSIONED),
                ("score", float | None, None),
                ("features", features.type, msgspec.field(default_factory=features.type)),
                ("context", context.type, msgspec.field(default_factory=context.type)),
                ("measurements", measurements.type, msgspec.field(default_factory=measurements.type)),
                ("probabilities", Probabilities | None, None),
                ("schema_version", Annotated[int, Meta(ge=1, le=1_000_000)], 1),
                ("model", Literal[self._model]),
                *((f"learnt{i}", _Scalar, UNSET) for i in range(len(learnt))),
            ],
            rename={f"learnt{i}": name for i, name in enumerate(learnt)},
            kw_only=True,
            gc=False,
            forbid_unknown_fields=True,
        )
        return EventShape(event, features, measurements, context, learnt, frozenset(self._meets_booleans))

    def _object(self, where: str, fields: dict[str, FieldLayout], others: Iterable[str]) -> ObjectShape:
        definitions: list[tuple[str, Any, Any]] = [
            (name, self._value_type(field), self._default(field)) for name, field in fields.items()
        ]
        definitions += [(name, _Scalar, None) for name in others]
        definitions = [definition for definition in definitions if usable_name(definition[0])]
        learnt = tuple(self._learnt[where])
        definitions += [(name, _Scalar, UNSET) for name in learnt]
        struct_type = msgspec.defstruct(
            where.capitalize(),
            [(f"f{i}", type_, default) for i, (_, type_, default) in enumerate(definitions)],
            rename={f"f{i}": name for i, (name, _, _) in enumerate(definitions)},
            gc=False,
            forbid_unknown_fields=True,
        )
        return ObjectShape(struct_type, {name: i for i, (name, _, _) in enumerate(definitions)}, learnt)

    def _value_type(self, field: FieldLayout) -> Any:
        if field in self._meets_booleans or _booleans_are_safe(field):
            return _Scalar
        # a segment shows an integer as it was written, a plain numeric column only needs the float
        if field.is_numeric and field.name not in self._tables.segment_keys:
            return _FloatNoBoolean
        return _NoBoolean

    def _default(self, field: FieldLayout) -> float | None:
        return math.nan if field.is_numeric and field.name not in self._tables.segment_keys else None

    def _prediction_type(self) -> Any:
        field = self._prediction_field
        if field is None or field in self._meets_booleans or _booleans_are_safe(field):
            return PlainScalar
        return Int64 | float | str

    def learn(self, event: Prediction, unknown: tuple[str, ...]) -> bool:
        """Take note of an event that only the exact path could read; whether there is a new shape because of it."""
        envelope = (name.removeprefix(ENVELOPE_PREFIX) for name in unknown)
        changed = [
            self._learn_names("features", event.features, self.shape.features.index),
            self._learn_names("measurements", event.measurements, self.shape.measurements.index),
            self._learn_names("context", event.context, self.shape.context.index),
            self._learn_names("envelope", envelope, {}),
            self._learn_booleans(self._feature_fields, event.features),
            self._learn_booleans(self._measurement_fields, event.measurements),
        ]
        if self._prediction_field is not None:
            name = self._prediction_field.name
            changed.append(self._learn_booleans({name: self._prediction_field}, {name: event.prediction}))
        if any(changed):
            self.shape = self._build()
        return any(changed)

    def _learn_names(self, where: str, names: Iterable[str], known: Mapping[str, int]) -> bool:
        learnt = self._learnt[where]
        before = len(learnt)
        # the structs hold at most as many names as an event may: so they need not count them
        most = min(_LEARNT_MAX, FEATURES_MAX - len(known) + before)
        for name in names:
            if name not in known and len(learnt) < most and usable_name(name) and self._has_come_again(where, name):
                learnt[name] = None
        return len(learnt) > before

    def _has_come_again(self, where: str, name: str) -> bool:
        """Names that come once are typing errors and torn bytes; there is no end to them."""
        if len(self._sightings) > _SIGHTINGS_REMEMBERED:
            self._sightings.clear()
        times = self._sightings[where, name] = self._sightings.get((where, name), 0) + 1
        return times >= _SIGHTINGS_TO_LEARN

    def _learn_booleans(self, fields: Mapping[str, FieldLayout], values: Mapping[str, Any]) -> bool:
        met = {
            fields[name]
            for name, value in values.items()
            if isinstance(value, bool) and name in fields and not _booleans_are_safe(fields[name])
        }
        new = met - self._meets_booleans
        self._meets_booleans |= new
        return bool(new)


def _booleans_are_safe(field: FieldLayout) -> bool:
    """Whether a column can be coded by look-up although True == 1: it holds booleans, or no number at all is valid."""
    return not field.is_numeric and (field.kind == "boolean" or field.value_type in ("boolean", "string"))


def usable_name(name: str) -> bool:
    """Whether JSON may write it as it is, and msgspec takes it for a name. Others are left to the exact path."""
    return len(name) <= NAME_CHARACTERS_MAX and not any(c in '"\\' or c < " " for c in name)
