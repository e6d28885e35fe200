"""Which columns a model's events become, in which order: numeric fields first, then categorical and boolean ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Role: TypeAlias = Literal["feature", "prediction", "score", "measurement"]
FieldKind: TypeAlias = Literal["numeric", "categorical", "boolean"]
ValueType: TypeAlias = Literal["number", "integer", "string", "boolean"]
SignalKind: TypeAlias = Literal["data", "prediction", "measurement", "concept", "quality"]

BOOLEAN_CATEGORIES = ("false", "true")


@dataclass(frozen=True, slots=True)
class FieldLayout:
    """One monitored column. `categories` have a code of their own each, those in `known_pooled` share one.

    The categories of an integer field are decimal strings ("3"); those of a boolean field are always ("false", "true").
    """

    name: str
    role: Role
    kind: FieldKind
    value_type: ValueType
    categories: tuple[str, ...] = ()
    known_pooled: frozenset[str] = frozenset()

    @property
    def is_numeric(self) -> bool:
        """Whether the column is a row of numbers; otherwise it is a row of category codes."""
        return self.kind == "numeric"

    @property
    def signal_kind(self) -> SignalKind:
        """What a finding about this column is called; (signal_kind, name) is unique within a model."""
        if self.role == "feature":
            return "data"
        return "measurement" if self.role == "measurement" else "prediction"


@dataclass(frozen=True, slots=True)
class EventLayout:
    """All monitored columns of a model, and the key sets of its segments, e.g. (("region",), ("region", "device")).

    `ignored`: names that are known and not monitored, so that they are not counted as unknown.
    Raises ValueError when a categorical field stands before a numeric one, or two fields share (signal kind, name).
    """

    fields: tuple[FieldLayout, ...]
    segment_sets: tuple[tuple[str, ...], ...] = ()
    ignored: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        numeric = [field.is_numeric for field in self.fields]
        if numeric != sorted(numeric, reverse=True):
            raise ValueError(
                "numeric fields come first: sort the fields of the layout by kind, numeric before the others"
            )
        names = [(field.signal_kind, field.name) for field in self.fields]
        if len(set(names)) != len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise ValueError(f"each (kind, name) may be named once in a layout; named twice: {twice}")

    @property
    def numeric_fields(self) -> tuple[FieldLayout, ...]:
        return tuple(field for field in self.fields if field.is_numeric)

    @property
    def category_fields(self) -> tuple[FieldLayout, ...]:
        return tuple(field for field in self.fields if not field.is_numeric)
