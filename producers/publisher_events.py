"""Arguments of a call to the bytes of an event, in about two microseconds for twenty features.

The common case is one call of msgspec's encoder. JSON has no NaN, and msgspec writes null; so an event in which "null"
or a number's wrong name stands is looked through once more, value by value. A value in `features` or `measurements`
that JSON has no form for costs that value; in the answer itself (prediction, score, probabilities, label) it costs the
event.
"""

from __future__ import annotations

import math
import time
from datetime import datetime
from typing import Any, Final

from msgspec import Struct, json

from driftline.producers.publisher_counts import DropReason
from driftline.producers.publisher_values import (
    PLAIN,
    VALUE_ERRORS,
    InvalidValue,
    Refused,
    number,
    numbers,
    plain_number,
    plain_values,
    scalar,
)
from driftline.schemas.limits import FEATURES_MAX, ID_CHARACTERS_MAX, NAME_CHARACTERS_MAX, RECORD_BYTES_MAX, UNVERSIONED
from driftline.schemas.rejections import REMEDIES, RejectionReason
from driftline.schemas.timestamps import timestamp_ms, timestamp_problem

EARLIEST_MS: Final = 946_684_800_000
"""2000-01-01T00:00:00Z: a worker rejects what is earlier, as it mostly is seconds."""


class _Prediction(Struct, omit_defaults=True, gc=False):
    """schemas.events.Prediction as it is written: what is not given is not there. Values are not checked by type."""

    prediction_id: str
    model: str
    timestamp: int
    prediction: Any
    model_version: str = UNVERSIONED
    score: float | None = None
    probabilities: dict[str, float] | None = None
    features: Any = None
    context: Any = None
    measurements: Any = None


class _Label(Struct, omit_defaults=True, gc=False):
    prediction_id: str
    model: str
    timestamp: int
    label: Any
    source: str = "outcome"
    weight: float = 1.0


# what is neither JSON's own nor a scalar of numpy raises, and is then looked through value by value
_encode: Final = json.Encoder(enc_hook=plain_number, decimal_format="number").encode


def encode_prediction(
    prediction_id: str,
    model: str,
    timestamp: int,
    prediction: object,
    model_version: str,
    score: object,
    probabilities: object,
    features: object,
    context: object,
    measurements: object,
    replaced: InvalidValue,
) -> bytes:
    """The event as bytes. Raises Refused. `replaced` is told of features and measurements that were replaced."""
    if type(prediction) not in PLAIN:
        prediction = scalar(prediction, "prediction")
    if score is not None and type(score) is not float:
        score = number(score, "score")
    if probabilities is not None:
        probabilities = numbers(probabilities, "probabilities")
    event = _Prediction(
        prediction_id,
        model,
        timestamp,
        prediction,
        model_version,
        score,
        probabilities,
        features,
        context,
        measurements,
    )
    record = None
    if _is_small_dict(features) and _is_small_dict(context) and _is_small_dict(measurements):
        try:
            record = _encode(event)
        except VALUE_ERRORS:
            record = None
    if record is None or _may_be_not_finite(record):
        record = _looked_through(event, replaced)
    if len(record) > RECORD_BYTES_MAX:
        raise _too_large(record)
    return record


def encode_label(prediction_id: str, model: str, timestamp: int, label: object, source: str, weight: object) -> bytes:
    """The label as bytes. Raises Refused."""
    if label is not None:
        label = _finite_answer(scalar(label, "label"), "label")
    weight = number(weight, "weight")
    if weight < 0:
        raise Refused(DropReason.BAD_ARGUMENT, "weight is below zero; pass a number from 0 on")
    record = _encoded(_Label(prediction_id, model, timestamp, label, name(source, "source", "outcome"), weight))
    if len(record) > RECORD_BYTES_MAX:
        raise _too_large(record)
    return record


def now_ms() -> int:
    """Epoch milliseconds."""
    return time.time_ns() // 1_000_000


def event_time_ms(timestamp: object) -> int:
    """Epoch milliseconds of what a caller gave: those, a datetime with an offset, or RFC 3339. Raises Refused."""
    if isinstance(timestamp, datetime):
        if timestamp.tzinfo is None:
            what = "timestamp has no time zone; pass datetime.now(UTC), or epoch milliseconds"
            raise Refused(DropReason.BAD_ARGUMENT, what)
        return math.floor(timestamp.timestamp() * 1000)
    plain = scalar(timestamp, "timestamp")
    ms = timestamp_ms(plain)
    if ms is None:
        remedy = REMEDIES[RejectionReason.BAD_TIMESTAMP]
        raise Refused(DropReason.BAD_ARGUMENT, f"{timestamp_problem(plain)}: {remedy}")
    if ms < EARLIEST_MS:
        remedy = REMEDIES[RejectionReason.TIMESTAMP_TOO_OLD]
        raise Refused(DropReason.BAD_ARGUMENT, f"timestamp is before the year 2000: {remedy}")
    return ms


def identifier(value: object, what: str) -> str:
    """An id within its limits; whole numbers and UUIDs become their text. Raises Refused."""
    plain = scalar(value, what)
    text = str(plain) if type(plain) is int else plain
    if type(text) is not str:
        raise Refused(DropReason.BAD_ARGUMENT, f"{what} is of type {type(value).__name__}; pass a string")
    if not text:
        raise Refused(DropReason.BAD_ARGUMENT, f"{what} is empty: {REMEDIES[RejectionReason.EMPTY_ID]}")
    if len(text) > ID_CHARACTERS_MAX:
        remedy = REMEDIES[RejectionReason.ID_TOO_LONG]
        raise Refused(DropReason.BAD_ARGUMENT, f"{what} has {len(text):,} characters: {remedy}")
    return text


def name(value: object, what: str, default: str) -> str:
    """A version or a source within its limit. Raises Refused."""
    if value is None:
        return default
    text = str(scalar(value, what))
    if len(text) > NAME_CHARACTERS_MAX:
        remedy = REMEDIES[RejectionReason.NAME_TOO_LONG]
        raise Refused(DropReason.BAD_ARGUMENT, f"{what} has {len(text):,} characters: {remedy}")
    return text


def _is_small_dict(values: object) -> bool:
    return values is None or (type(values) is dict and len(values) <= FEATURES_MAX)


def _may_be_not_finite(record: bytes) -> bool:
    # single letters first: they are found, or not, several times as fast
    return (
        b"null" in record
        or (b"N" in record and b"NaN" in record)
        or (b"I" in record and b"Infinity" in record)
    )  # fmt: skip


def _looked_through(event: _Prediction, replaced: InvalidValue) -> bytes:
    """The event with every value in a form that JSON has."""
    _finite_answer(event.prediction, "prediction")
    _finite_answer(event.score, "score")
    for where in ("features", "context", "measurements"):
        values = plain_values(getattr(event, where), where, replaced, texts=where == "context")
        if values is not None and len(values) > FEATURES_MAX:
            remedy = REMEDIES[RejectionReason.TOO_MANY_FEATURES]
            raise Refused(DropReason.TOO_LARGE, f"{where} holds {len(values):,} names: {remedy}")
        setattr(event, where, values)
    return _encoded(event)


def _finite_answer(value: Any, what: str) -> Any:
    if type(value) is float and not math.isfinite(value):
        raise Refused(DropReason.NOT_FINITE, f"{what} is {value}; publish only answers that are finite numbers")
    return value


def _encoded(event: Struct) -> bytes:
    try:
        return _encode(event)
    except VALUE_ERRORS as error:
        what = f"the event cannot be written as JSON ({type(error).__name__}); pass plain strings and numbers"
        raise Refused(DropReason.NOT_SERIALISABLE, what) from error


def _too_large(record: bytes) -> Refused:
    remedy = REMEDIES[RejectionReason.TOO_LARGE]
    return Refused(DropReason.TOO_LARGE, f"an event has {len(record):,} bytes: {remedy}")
