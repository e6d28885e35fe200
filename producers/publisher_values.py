"""Values as services have them to values that JSON has: numpy's scalars, decimals, enums; and what has no form there.

None of these libraries is imported here: their scalars all have a method `item` that gives the plain Python value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from operator import methodcaller
from typing import Any, Final
from uuid import UUID

import msgspec

from driftline.producers.publisher_counts import DropReason
from driftline.schemas.events import Value
from driftline.schemas.scalars import Scalar

PLAIN: Final = frozenset((str, int, float, bool))
"""Types that go into JSON as they are (a float only if it is finite)."""

VALUE_ERRORS: Final = (
    ArithmeticError, AssertionError, AttributeError, BufferError, LookupError, MemoryError, OSError, RuntimeError,
    TypeError, ValueError, msgspec.MsgspecError,
)  # fmt: skip
"""What an object of a service may raise while it is looked at or encoded: the publisher has to live with any of it."""

InvalidValue = Callable[[str], None]
"""Told of a value that was replaced, with a sentence that says what to pass instead."""


class Refused(ValueError):
    """An event that cannot be sent, with its reason; raised and caught within the publisher."""

    def __init__(self, reason: DropReason, message: str) -> None:
        self.reason, self.message = reason, message
        super().__init__(message)


def plain_number(value: Any) -> Any:
    """A scalar of numpy or its like as a plain value, for the encoder. Raises one of VALUE_ERRORS for anything else."""
    convert = _converters.get(type(value))
    return convert(value) if convert is not None else _converter_of(value)(value)


_converters: Final[dict[type, Callable[[Any], Any]]] = {}
_CONVERTERS_MAX: Final = 256
_BY_KIND: Final = {"f": float, "i": int, "u": int, "b": bool}
_item: Final = methodcaller("item")


def _converter_of(value: Any) -> Callable[[Any], Any]:
    """How values of this type become plain. `float` and `int` are ten times as fast as `item`, which all of them have."""
    is_array = hasattr(value, "__len__")
    kind = "" if is_array else getattr(getattr(value, "dtype", None), "kind", "")
    convert = _BY_KIND.get(kind, _item)
    if len(_converters) < _CONVERTERS_MAX:
        _converters[type(value)] = convert
    return convert


def scalar(value: object, name: str) -> Scalar:
    """The answer of a model, or a label, as a plain value; its finiteness is looked at elsewhere. Raises Refused."""
    plain = _unwrapped(value)
    if type(plain) in PLAIN:
        return plain  # type: ignore[no-any-return]
    what = f"{name} is {_kind(value)}; pass one number, string or boolean"
    raise Refused(DropReason.BAD_ARGUMENT if value is None else DropReason.NOT_SERIALISABLE, what)


def number(value: object, name: str) -> float:
    """A score or a weight. Raises Refused for what is no finite number."""
    plain = _unwrapped(value)
    if type(plain) not in (int, float):
        raise Refused(DropReason.BAD_ARGUMENT, f"{name} is {_kind(value)}; pass one number, or leave it out")
    if not _finite(plain):
        raise Refused(DropReason.NOT_FINITE, f"{name} is {plain}; pass a finite number, or leave it out")
    return float(plain)


def numbers(values: object, name: str) -> dict[str, float]:
    """Probabilities by class. Raises Refused."""
    return {str(key): number(value, f"a value in {name}") for key, value in _mapping(values, name).items()}


def plain_values(values: object, name: str, replaced: InvalidValue, *, texts: bool = False) -> dict[str, Value] | None:
    """Features or measurements with every value in a form that JSON has. Raises Refused for what is no mapping.

    NaN is a missing value (null). Any other value without a form becomes a list that names its type: whatever the kind
    of the field, a list counts as an invalid value and the event is kept. texts: context, where it is left out instead.
    """
    if values is None:
        return None
    plain: dict[str, Value] = {}
    for key, value in _mapping(values, name).items():
        found, problem = _plain_value(value)
        if problem is not None:
            replaced(f"{key!r} in {name} {problem}")
            found = None if texts else found
        plain[key if type(key) is str else str(key)] = found
    return plain


def _mapping(values: object, name: str) -> Mapping[Any, Any]:
    if isinstance(values, Mapping):
        return values
    if hasattr(values, "keys"):  # a row of a data frame
        return dict(values)  # type: ignore[call-overload,no-any-return]
    raise Refused(DropReason.BAD_ARGUMENT, f"{name} is {_kind(values)}; pass a dictionary of names to values")


def _plain_value(value: object) -> tuple[Value, str | None]:
    """The value for JSON, and what is wrong with it if it is not what was passed."""
    try:
        plain = _unwrapped(value)
        if type(plain) is float and not math.isfinite(plain):
            return (None, _NAN) if plain != plain else ([str(plain)], _INFINITE)
        if type(plain) not in PLAIN and plain is not None:
            return [
                type(value).__name__
            ], f"is {_kind(value)}, which counts as an invalid value; pass a number, a string, a boolean or None"
        if type(plain) is str:
            plain.encode()  # raises for half a surrogate pair, which UTF-8 has no form for
    except VALUE_ERRORS as error:
        return [type(value).__name__], f"({_kind(value)}) raised {type(error).__name__}; pass a plain value"
    return plain, None


_NAN: Final = "is NaN, which is sent as a missing value; pass None for those"
_INFINITE: Final = "is infinite, which counts as an invalid value; pass finite numbers, or None for a missing value"


def _unwrapped(value: Any) -> Any:
    """The plain value inside of an enum, of a scalar or an array of one element, or of a subclass of a plain type."""
    if type(value) in PLAIN or value is None:
        return value
    if isinstance(value, Enum):
        return _unwrapped(value.value)
    if hasattr(value, "item"):
        return _unwrapped_item(value)
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime | date):
        return None if value != value else value.isoformat()  # pandas' NaT is a datetime that is unequal to itself
    if isinstance(value, UUID):
        return str(value)
    if type(value).__name__ == "NAType":  # pandas.NA
        return None
    return _base_of(value)


def _unwrapped_item(value: Any) -> Any:
    try:
        plain = plain_number(value)
    except VALUE_ERRORS:  # an array of several elements
        return value
    return plain if type(plain) in PLAIN else _base_of(plain) if plain is not value else value


def _base_of(value: Any) -> Any:
    return next((kind(value) for kind in (str, float, int) if isinstance(value, kind)), value)


def _finite(value: Any) -> bool:
    return type(value) is not float or math.isfinite(value)


def _kind(value: object) -> str:
    return "None" if value is None else f"of type {type(value).__name__}"
