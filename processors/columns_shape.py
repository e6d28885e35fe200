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

# Inside lists and objects only scalars: deeper nesting is for the exact path, which counts levels.
_Leaf: TypeAlias = float | str | bool | None
_Nested: TypeAlias = list[_Leaf] | dict[str, _Leaf]
_Scalar: TypeAlias = Int64 | float | str | bool | None
_Value: TypeAlias = _Scalar | _Nested
_ValueNoBoolean: TypeAlias = Int64 | float | str | _Nested | None
_FloatNoBoolean: TypeAlias = float | str | _Nested | None
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


class EventShape:
    """The structs of one model's events under one layout."""

    def __init__(self, model: str, tables: ColumnTables) -> None:
        fields = tables.layout.fields
        self._model = model
        self._tables = tables
        self._feature_fields = {field.name: field for field in fields if field.role == "feature"}
        self._measurement_fields = {field.name: field for field in fields if field.role == "measurement"}
        self._prediction_field = next((field for field in fields if field.role == "prediction"), None)
        self._learnt: dict[str, dict[str, None]] = {"features": {}, "context": {}, "measurements": {}, "envelope": {}}
        self.meets_booleans: set[FieldLayout] = set()
        self._build()

    def _build(self) -> None:
        tables = self._tables
        other_features = sorted(tables.known_features - self._feature_fields.keys())
        other_measurements = sorted(tables.known_measurements - self._measurement_fields.keys())
        self.features = self._object("features", self._feature_fields, other_features)
        self.measurements = self._object("measurements", self._measurement_fields, other_measurements)
        self.context = self._object("context", {}, sorted(tables.segment_keys))
        self.envelope_learnt = tuple(self._learnt["envelope"])
        self.event: type[Struct] = msgspec.defstruct(
            "Event",
            [
                ("prediction_id", Identifier),
                ("timestamp", Int64 | float | str),
                ("prediction", self._prediction_type()),
                ("model_version", Name, UNVERSIONED),
                ("score", float | None, None),
                ("features", self.features.type, msgspec.field(default_factory=self.features.type)),
                ("context", self.context.type, msgspec.field(default_factory=self.context.type)),
                ("measurements", self.measurements.type, msgspec.field(default_factory=self.measurements.type)),
                ("probabilities", Probabilities | None, None),
                ("schema_version", Annotated[int, Meta(ge=1, le=1_000_000)], 1),
                ("model", Literal[self._model]),
                *((f"learnt{i}", _Value, UNSET) for i in range(len(self.envelope_learnt))),
            ],
            rename={f"learnt{i}": name for i, name in enumerate(self.envelope_learnt)},
            kw_only=True,
            gc=False,
            forbid_unknown_fields=True,
        )

    def _object(self, where: str, fields: dict[str, FieldLayout], others: Iterable[str]) -> ObjectShape:
        plain: Any = _Scalar if where == "context" else _Value
        definitions: list[tuple[str, Any, Any]] = [
            (name, self._value_type(field), self._default(field)) for name, field in fields.items()
        ]
        definitions += [(name, plain, None) for name in others]
        definitions = [definition for definition in definitions if _usable(definition[0])]
        learnt = tuple(self._learnt[where])
        definitions += [(name, plain, UNSET) for name in learnt]
        struct_type = msgspec.defstruct(
            where.capitalize(),
            [(f"f{i}", type_, default) for i, (_, type_, default) in enumerate(definitions)],
            rename={f"f{i}": name for i, (name, _, _) in enumerate(definitions)},
            gc=False,
            forbid_unknown_fields=True,
        )
        return ObjectShape(struct_type, {name: i for i, (name, _, _) in enumerate(definitions)}, learnt)

    def _value_type(self, field: FieldLayout) -> Any:
        if field in self.meets_booleans or _booleans_are_safe(field):
            return _Value
        # a segment shows an integer as it was written, a plain numeric column only needs the float
        if field.is_numeric and field.name not in self._tables.segment_keys:
            return _FloatNoBoolean
        return _ValueNoBoolean

    def _default(self, field: FieldLayout) -> float | None:
        return math.nan if field.is_numeric and field.name not in self._tables.segment_keys else None

    def _prediction_type(self) -> Any:
        field = self._prediction_field
        if field is None or field in self.meets_booleans or _booleans_are_safe(field):
            return PlainScalar
        return Int64 | float | str

    def learn(self, event: Prediction, unknown: tuple[str, ...]) -> bool:
        """Take note of an event that only the exact path could read; whether the structs have changed by it."""
        envelope = (name.removeprefix(ENVELOPE_PREFIX) for name in unknown)
        changed = [
            self._learn_names("features", event.features, self.features.index),
            self._learn_names("measurements", event.measurements, self.measurements.index),
            self._learn_names("context", event.context, self.context.index),
            self._learn_names("envelope", envelope, {}),
            self._learn_booleans(self._feature_fields, event.features),
            self._learn_booleans(self._measurement_fields, event.measurements),
        ]
        if self._prediction_field is not None:
            name = self._prediction_field.name
            changed.append(self._learn_booleans({name: self._prediction_field}, {name: event.prediction}))
        if any(changed):
            self._build()
        return any(changed)

    def _learn_names(self, where: str, names: Iterable[str], known: Mapping[str, int]) -> bool:
        learnt = self._learnt[where]
        before = len(learnt)
        for name in names:
            # the structs hold at most as many names as an event may: so they need not count them
            if (
                name not in known
                and _usable(name)
                and len(learnt) < min(_LEARNT_MAX, FEATURES_MAX - len(known) + before)
            ):
                learnt[name] = None
        return len(learnt) > before

    def _learn_booleans(self, fields: Mapping[str, FieldLayout], values: Mapping[str, Any]) -> bool:
        met = {
            fields[name]
            for name, value in values.items()
            if isinstance(value, bool) and name in fields and not _booleans_are_safe(fields[name])
        }
        new = met - self.meets_booleans
        self.meets_booleans |= new
        return bool(new)


def _booleans_are_safe(field: FieldLayout) -> bool:
    """Whether a column can be coded by look-up although True == 1: it holds booleans, or no number at all is valid."""
    return not field.is_numeric and (field.kind == "boolean" or field.value_type in ("boolean", "string"))


def _usable(name: str) -> bool:
    """Whether msgspec takes it for the name of a field. Events with other names are read by the exact path."""
    return len(name) <= NAME_CHARACTERS_MAX and not any(c in '"\\' or c < " " for c in name)
