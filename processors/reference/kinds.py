"""Which kind a field is: what the configuration says, else what most of its values are.

Whole numbers are amounts unless the configuration says otherwise: nobody can tell a class code from a count by looking.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from driftline.config.model_spec import FieldOverride, ModelSpec
from driftline.processors.reference.gather import NO_TEXT, ValueColumn
from driftline.schemas.layout import FieldKind, Role, ValueType

DISTINCT_SHARE_MAX: Final = 0.5
"""Texts of which more than half are different are ids or free text: their distribution says nothing."""

_ENOUGH_TO_TELL: Final = 200
"""Values from which on DISTINCT_SHARE_MAX is looked at."""

_CLASS_TASKS: Final = ("binary", "multiclass")
_DEFAULT: Final = FieldOverride()


@dataclass(frozen=True, slots=True)
class Kind:
    """How a field is monitored."""

    kind: FieldKind
    value_type: ValueType


def override_of(spec: ModelSpec, role: Role, name: str) -> FieldOverride:
    """What the configuration says about a field; only features have a say there."""
    return spec.fields.get(name, _DEFAULT) if role == "feature" else _DEFAULT


def wants_categories(spec: ModelSpec, role: Role, name: str) -> bool:
    """Whether whole numbers of this field are names: a declared category, or the class that a classifier predicts."""
    if role == "prediction":
        return spec.task in _CLASS_TASKS
    return override_of(spec, role, name).kind in ("categorical", "boolean")


def kind_of(column: ValueColumn, spec: ModelSpec, role: Role, name: str) -> Kind | str:
    """The kind of a field, or the reason for which it is left out."""
    override = override_of(spec, role, name)
    if not override.monitor:
        return "the configuration says monitor: false"
    numbers = int(np.isfinite(column.numbers).sum())
    by_type = rows_by_type(column)
    if numbers + sum(by_type.values()) == 0:
        return "it has no value in any row"
    declared: FieldKind | None = "numeric" if role in ("score", "measurement") else override.kind
    if declared == "numeric":
        return _number_kind(column) if numbers else "it is declared numeric and has no number; write kind: categorical"
    if declared == "boolean":
        return _boolean_kind(by_type)
    if column.as_categories:
        return _category_kind(by_type)
    if numbers >= max(by_type.values(), default=0):
        return _number_kind(column)
    return _id_like(column) or _category_kind(by_type)


def rows_by_type(column: ValueColumn) -> dict[type, int]:
    """How many rows hold each type of name (str, bool, and int where whole numbers are names)."""
    counts = texts_counted(column)
    rows: dict[type, int] = {}
    for (kind, _), count in zip(column.dictionary, counts, strict=True):
        rows[kind] = rows.get(kind, 0) + count
    return rows


def texts_counted(column: ValueColumn) -> list[int]:
    """Rows of each entry of the dictionary."""
    texts = column.texts
    counts = np.bincount(texts[texts != NO_TEXT], minlength=len(column.dictionary))
    return [int(c) for c in counts]


def _number_kind(column: ValueColumn) -> Kind:
    return Kind("numeric", "number" if column.floats_seen else "integer")


def _boolean_kind(by_type: dict[type, int]) -> Kind | str:
    if by_type.get(bool):
        return Kind("boolean", "boolean")
    return "it is declared boolean and is never true or false; write kind: categorical"


def _category_kind(by_type: dict[type, int]) -> Kind | str:
    """The commonest type of name; of two equally common ones the simpler."""
    best = max((bool, int, str), key=lambda kind: by_type.get(kind, 0))
    if not by_type.get(best):
        return "it is declared categorical and holds numbers with a fraction; write kind: numeric"
    kinds: dict[type, Kind] = {
        bool: Kind("boolean", "boolean"),
        int: Kind("categorical", "integer"),
        str: Kind("categorical", "string"),
    }
    return kinds[best]


def _id_like(column: ValueColumn) -> str:
    """Why a field of texts is not worth monitoring, empty if it is."""
    counts = [count for count in texts_counted(column) if count]
    if sum(counts) < _ENOUGH_TO_TELL or len(counts) <= DISTINCT_SHARE_MAX * sum(counts):
        return ""
    return f"{len(counts)} of its {sum(counts)} texts are different, as of an id; write kind: categorical to monitor it"
