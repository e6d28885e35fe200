"""Which kind a field is: what the configuration says, else what most of its values are.

Numbers are amounts unless the configuration says otherwise: nobody can tell a class code from a count by looking.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from driftline.config.model_spec import FieldOverride, ModelSpec
from driftline.processors.reference.gather import NO_NAME, ValueColumn
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
    """Whether numbers of this field are names: a declared category, or the class that a classifier predicts."""
    if role == "prediction":
        return spec.task in _CLASS_TASKS
    override = override_of(spec, role, name)
    return override.kind in ("categorical", "boolean") or override.categories is not None


def kind_of(column: ValueColumn, spec: ModelSpec, role: Role, name: str) -> Kind | str:
    """The kind of a field, or the reason for which it is left out."""
    override = override_of(spec, role, name)
    if not override.monitor:
        return "the configuration says monitor: false"
    rows = rows_by_type(column)
    if not any(rows.values()):
        return "it has no value in any row"
    declared: FieldKind | None = "numeric" if role in ("score", "measurement") else override.kind
    if declared == "numeric":
        return _number_kind(column) if rows[float] else "it should be numeric and holds no number"
    if declared == "boolean":
        return Kind("boolean", "boolean")
    if column.as_categories:
        return _category_kind(column, rows)
    if rows[float] >= max(rows[str], rows[bool]):
        return _number_kind(column)
    return _id_like(column) or _category_kind(column, rows)


def rows_by_type(column: ValueColumn) -> dict[type, int]:
    """How many rows hold a text (str), a boolean (bool), a number (float)."""
    rows = {str: 0, bool: 0, float: int(np.isfinite(column.numbers).sum())}
    for (kind, _), count in zip(column.dictionary, names_counted(column), strict=True):
        rows[float if kind is int else kind] += count
    return rows


def names_counted(column: ValueColumn) -> list[int]:
    """Rows of each entry of the dictionary."""
    named = column.names[column.names != NO_NAME]
    return [int(c) for c in np.bincount(named, minlength=len(column.dictionary))]


def _number_kind(column: ValueColumn) -> Kind:
    return Kind("numeric", "number" if column.floats_seen else "integer")


def _category_kind(column: ValueColumn, rows: dict[type, int]) -> Kind:
    """The commonest type; of two equally common ones the simpler."""
    best = max((bool, float, str), key=rows.__getitem__)
    if best is bool:
        return Kind("boolean", "boolean")
    if best is str:
        return Kind("categorical", "string")
    fractions = any(kind is float and not value.is_integer() for kind, value in column.dictionary)
    return Kind("categorical", "number" if fractions else "integer")


def _id_like(column: ValueColumn) -> str:
    """Why a field of texts is not worth monitoring, empty if it is."""
    counts = [count for count in names_counted(column) if count]
    if sum(counts) < _ENOUGH_TO_TELL or len(counts) <= DISTINCT_SHARE_MAX * sum(counts):
        return ""
    return f"{len(counts)} of its {sum(counts)} texts are different, as of an id; write kind: categorical to monitor it"
