"""One value -> the number its column holds. What a value of each JSON type means in each kind of field is decided here.

| field | valid | invalid |
|---|---|---|
| numeric | numbers | strings, booleans, arrays, objects |
| categorical of strings | strings | everything else |
| categorical of integers | integers, also as integral floats; the category is the decimal string | everything else |
| categorical of numbers | numbers; the category is the JSON text | everything else |
| boolean | booleans, 0 and 1 | everything else |

null, like an absent name, is missing.
"""

from __future__ import annotations

import math
from typing import Final

from driftline.processors.codes import INVALID_CODE, MISSING_CODE, NEW_CATEGORY_CODE, POOLED_CODE
from driftline.schemas.layout import FieldLayout
from driftline.schemas.limits import (
    MISSING_VALUE,
    NAME_CHARACTERS_MAX,
    SEGMENT_LABELS_MAX,
    SEGMENT_VALUE_CHARACTERS_MAX,
    UNVERSIONED,
)
from driftline.schemas.scalars import scalar_text

_REMEMBERED_MAX: Final = 4_096  # values outside the reference whose code is remembered, for each field


def numeric_value(value: object) -> float:
    """The value of a numeric field: finite, NaN = missing, +inf = invalid."""
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.inf
    return float(value)


def category_text(value: object, field: FieldLayout) -> str | None:
    """The category of a value of this categorical or boolean field; None when it is of the wrong type (or null)."""
    if field.kind == "boolean" or field.value_type == "boolean":
        if isinstance(value, bool | int | float) and value in (0, 1):
            return "true" if value else "false"
        return None
    if field.value_type == "string":
        return value if isinstance(value, str) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if field.value_type == "number":
        return scalar_text(value)
    return str(int(value)) if value == int(value) else None


class CategoryCodes(dict[object, int]):
    """value -> uint16 code of one categorical or boolean field; a dictionary, so that a column is coded by `map`.

    Looking up a value of another type is safe except for two traps of Python's equality: True is 1 and False is 0. A
    column of integers or numbers that may hold booleans has to be coded by `code`.
    """

    def __init__(self, field: FieldLayout) -> None:
        super().__init__({None: MISSING_CODE})
        self._field = field
        self._code_of = {category: code for code, category in enumerate(field.categories)}
        self._code_of.update(dict.fromkeys(field.known_pooled, POOLED_CODE))
        self._limit = len(self._code_of) + _REMEMBERED_MAX

    def code(self, value: object) -> int:
        """The code of a value of any JSON type."""
        if value is None:
            return MISSING_CODE
        text = category_text(value, self._field)
        return INVALID_CODE if text is None else self._code_of.get(text, NEW_CATEGORY_CODE)

    def __missing__(self, value: object) -> int:
        code = self.code(value)
        if len(self) < self._limit and (not isinstance(value, str) or len(value) <= NAME_CHARACTERS_MAX):
            self[value] = code
        return code


class LabelCodes(dict[object, int]):
    """key -> position of its label in `labels`, which only grows; when full, a new list is started."""

    def __init__(self) -> None:
        super().__init__()
        self.labels: list[str] = []
        self._position: dict[str, int] = {}

    def label_of(self, key: object) -> str:
        """The label of a key not met before."""
        return str(key)

    def __missing__(self, key: object) -> int:
        label = self.label_of(key)
        position = self._position.get(label)
        if position is None:
            position = self._position[label] = len(self.labels)
            self.labels.append(label)
        self[key] = position
        return position

    def start_afresh_when_full(self) -> None:
        """Call between batches: within one batch all codes refer to one list."""
        if len(self) > SEGMENT_LABELS_MAX:
            self.clear()
            self.labels = []
            self._position = {}


class VersionCodes(LabelCodes):
    """Model versions; the empty one is "unversioned"."""

    def label_of(self, key: object) -> str:
        return str(key) or UNVERSIONED


class SegmentCodes(LabelCodes):
    """Segments of one key set. A key is the text of the one value, or the tuple of all of them; None = missing."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__()
        self.names = names

    def label_of(self, key: object) -> str:
        values = key if isinstance(key, tuple) else (key,)
        return segment_label(self.names, values)


def segment_label(names: tuple[str, ...], values: tuple[str | None, ...]) -> str:
    """The label of one segment.

    >>> segment_label(("region", "device"), ("eu=west", None))
    'region=eu%3Dwest,device=__missing__'
    """
    return ",".join(f"{name}={_escaped(value)}" for name, value in zip(names, values, strict=True))


def _escaped(value: str | None) -> str:
    if value is None:
        return MISSING_VALUE
    cut = value[:SEGMENT_VALUE_CHARACTERS_MAX]
    return cut.replace("%", "%25").replace(",", "%2C").replace("=", "%3D")
