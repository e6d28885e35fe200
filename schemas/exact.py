"""Prediction and label records, read field by field: the definition of what is accepted and why the rest is not.

Faster decoders exist for the common case; each hands over to this one whenever anything is unusual, and tests hold them
equal. Rules beyond the types of the event schema:

- An optional field given as null is absent, and an empty `model_version` or `source` too. A required one must not be
  null (except `label`: null retracts).
- `context` values may also be numbers and booleans; they are taken as their JSON text. Null is absent.
- Feature and measurement values of any JSON type are kept; what does not fit its column is an invalid value there.
- Any integer `schema_version` >= 1 is read: types never change and new fields have defaults, so nothing is unreadable.
- Unknown envelope fields are reported as "envelope:<name>", in the order in which they stand; never fatal.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from driftline.schemas.events import Label, Prediction
from driftline.schemas.json_object import read_object
from driftline.schemas.limits import FEATURES_MAX, ID_CHARACTERS_MAX, NAME_CHARACTERS_MAX, UNVERSIONED
from driftline.schemas.rejections import RecordRejected, RejectionReason
from driftline.schemas.scalars import Scalar, scalar_text
from driftline.schemas.timestamps import timestamp_ms, timestamp_problem

ENVELOPE_PREFIX: Final = "envelope:"

_BOTH: Final = frozenset(["prediction_id", "model", "timestamp", "schema_version"])
PREDICTION_FIELDS: Final = _BOTH | frozenset(
    ["prediction", "model_version", "score", "probabilities", "features", "context", "measurements"]
)
LABEL_FIELDS: Final = _BOTH | frozenset(["label", "source", "weight"])


class ReadPrediction(NamedTuple):
    event: Prediction
    unknown: tuple[str, ...]  # "envelope:<name>"


class ReadLabel(NamedTuple):
    event: Label
    unknown: tuple[str, ...]


def read_prediction(record: bytes) -> ReadPrediction:
    """The record's prediction. Raises RecordRejected."""
    fields = read_object(record)
    unknown = _unknown(fields, PREDICTION_FIELDS)
    event = Prediction(
        prediction_id=_identifier(fields, "prediction_id"),
        model=_identifier(fields, "model"),
        timestamp_ms=_timestamp(fields),
        prediction=_scalar(fields, "prediction"),
        model_version=_name(fields, "model_version", UNVERSIONED),
        score=_number(fields, "score"),
        probabilities=_probabilities(fields),
        features=_mapping(fields, "features"),
        context=_context(fields),
        measurements=_mapping(fields, "measurements"),
        schema_version=_schema_version(fields),
    )
    return ReadPrediction(event, unknown)


def read_label(record: bytes) -> ReadLabel:
    """The record's label. Raises RecordRejected."""
    fields = read_object(record)
    unknown = _unknown(fields, LABEL_FIELDS)
    weight = _number(fields, "weight")
    if weight is not None and weight < 0:
        raise RecordRejected(RejectionReason.WRONG_TYPE, "weight is below zero")
    event = Label(
        prediction_id=_identifier(fields, "prediction_id"),
        model=_identifier(fields, "model"),
        timestamp_ms=_timestamp(fields),
        label=_label(fields),
        source=_name(fields, "source", "outcome"),
        weight=1.0 if weight is None else weight,
        schema_version=_schema_version(fields),
    )
    return ReadLabel(event, unknown)


_TYPE_NAMES: Final = {
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "a boolean",
    list: "an array",
    dict: "an object",
    type(None): "null",
}


def _wrong_type(name: str, value: object, expected: str) -> RecordRejected:
    return RecordRejected(RejectionReason.WRONG_TYPE, f"{name} is {_TYPE_NAMES[type(value)]} and not {expected}")


def _required(fields: dict[str, Any], name: str) -> Any:
    value = fields.get(name)
    if value is None:
        how = "null" if name in fields else "not there"
        raise RecordRejected(RejectionReason.MISSING_FIELD, f"{name} is {how}")
    return value


def _identifier(fields: dict[str, Any], name: str) -> str:
    value = _required(fields, name)
    if not isinstance(value, str):
        raise _wrong_type(name, value, "a string")
    if not value:
        raise RecordRejected(RejectionReason.EMPTY_ID, f"{name} is empty")
    if len(value) > ID_CHARACTERS_MAX:
        raise RecordRejected(RejectionReason.ID_TOO_LONG, f"{name} has {len(value):,} characters")
    return value


def _timestamp(fields: dict[str, Any]) -> int:
    value = _required(fields, "timestamp")
    ms = timestamp_ms(value)
    if ms is None:
        raise RecordRejected(RejectionReason.BAD_TIMESTAMP, timestamp_problem(value))
    return ms


def _scalar(fields: dict[str, Any], name: str) -> Scalar:
    value = _required(fields, name)
    if not isinstance(value, str | int | float | bool):
        raise _wrong_type(name, value, "a number, string or boolean")
    return value


def _label(fields: dict[str, Any]) -> Scalar | None:
    if "label" in fields and fields["label"] is None:
        return None
    return _scalar(fields, "label")


def _name(fields: dict[str, Any], name: str, default: str) -> str:
    value = fields.get(name)
    if value is None or value == "":
        return default
    if not isinstance(value, str):
        raise _wrong_type(name, value, "a string")
    if len(value) > NAME_CHARACTERS_MAX:
        raise RecordRejected(RejectionReason.NAME_TOO_LONG, f"{name} has {len(value):,} characters")
    return value


def _number(fields: dict[str, Any], name: str) -> float | None:
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong_type(name, value, "a number")
    return float(value)


def _schema_version(fields: dict[str, Any]) -> int:
    value = fields.get("schema_version")
    if value is None:
        return 1
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value) or value < 1:
        raise RecordRejected(RejectionReason.WRONG_TYPE, "schema_version is not an integer from 1 on")
    return int(value)


def _mapping(fields: dict[str, Any], name: str) -> dict[str, Any]:
    value = fields.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong_type(name, value, "an object")
    _check_names(value, name)
    return value


def _probabilities(fields: dict[str, Any]) -> dict[str, float] | None:
    if fields.get("probabilities") is None:
        return None
    values = _mapping(fields, "probabilities")
    for value in values.values():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _wrong_type("a value in probabilities", value, "a number")
    return {name: float(value) for name, value in values.items()}


def _context(fields: dict[str, Any]) -> dict[str, str]:
    texts = {}
    for name, value in _mapping(fields, "context").items():
        if isinstance(value, list | dict):
            raise _wrong_type("a value in context", value, "a string")
        if value is not None:
            texts[name] = scalar_text(value)
    return texts


def _unknown(fields: dict[str, Any], known: frozenset[str]) -> tuple[str, ...]:
    names = [name for name in fields if name not in known]
    if names:
        _check_names(fields, "the event")
    return tuple(ENVELOPE_PREFIX + name for name in names)


def _check_names(values: dict[str, Any], where: str) -> None:
    if len(values) > FEATURES_MAX:
        raise RecordRejected(RejectionReason.TOO_MANY_FEATURES, f"{where} holds {len(values):,} names")
    for name in values:
        if len(name) > NAME_CHARACTERS_MAX:
            raise RecordRejected(RejectionReason.NAME_TOO_LONG, f"a name in {where} has {len(name):,} characters")
