"""JSON scalars: their one spelling as text, and the type of an integer that fits a column."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta

Scalar: TypeAlias = str | int | float | bool

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
Int64 = Annotated[int, Meta(ge=INT64_MIN, le=INT64_MAX)]

_EXACT_INTEGERS = 2.0**53  # every float integer below it has exactly one spelling


def scalar_text(value: Scalar) -> str:
    """The value as a segment or category name: JSON's spelling, and an integral number always without a fraction.

    >>> [scalar_text(v) for v in ("eu", 3, 3.0, -0.0, 0.5, 1e300, True)]
    ['eu', '3', '3', '0', '0.5', '1e+300', 'true']
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < _EXACT_INTEGERS else repr(value)
    return str(value)
