"""Bytes in, events or rejections out; signals in, bytes out.

`PredictionDecoder`, `LabelledDecoder` and `LabelDecoder` give generic rows, one record at a time: what a learnt or built
reference and the label side work on. Monitored predictions take the columnar path instead. All agree with `exact` on every
record.
"""

from __future__ import annotations

import math
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta, Struct

from driftline.schemas.alerts import Alert
from driftline.schemas.events import Label, Prediction
from driftline.schemas.exact import ReadLabel, ReadPrediction, read_label, read_prediction
from driftline.schemas.json_object import read_object
from driftline.schemas.limits import (
    FEATURES_MAX,
    ID_CHARACTERS_MAX,
    NAME_CHARACTERS_MAX,
    TYPED_BYTES_MAX,
    UNVERSIONED,
)
from driftline.schemas.rejections import RecordRejected, Rejection
from driftline.schemas.scalars import Int64, Scalar
from driftline.schemas.signals import Signal
from driftline.schemas.timestamps import timestamp_ms

Identifier = Annotated[str, Meta(min_length=1, max_length=ID_CHARACTERS_MAX)]
Name = Annotated[str, Meta(max_length=NAME_CHARACTERS_MAX)]
PlainScalar: TypeAlias = str | Int64 | float | bool
Probabilities = Annotated[dict[Name, float], Meta(max_length=FEATURES_MAX)]
_Values = Annotated[dict[Name, PlainScalar | None], Meta(max_length=FEATURES_MAX)]
_Texts = Annotated[dict[Name, str], Meta(max_length=FEATURES_MAX)]

# What msgspec raises for records that the typed decoders leave to `exact`; ValidationError is a DecodeError.
NOT_TYPED: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_EMPTY: Final[tuple[str, ...]] = ()


class _PlainPrediction(Struct, gc=False, kw_only=True, forbid_unknown_fields=True):
    """The common shape of a prediction. Anything else in a record raises, and is then read by `exact`."""

    prediction_id: Identifier
    model: Identifier
    timestamp: Int64 | float | str
    prediction: PlainScalar
    model_version: Name = UNVERSIONED
    score: float | None = None
    probabilities: Probabilities | None = None
    features: _Values = {}
    context: _Texts = {}
    measurements: _Values = {}
    schema_version: Annotated[int, Meta(ge=1, le=1_000_000)] = 1


class _PlainLabelled(_PlainPrediction, gc=False, kw_only=True, forbid_unknown_fields=True):
    """The same with the label that turned out, as rows of a reference may have it."""

    label: PlainScalar | None = None


class _PlainLabel(Struct, gc=False, kw_only=True, forbid_unknown_fields=True):
    prediction_id: Identifier
    model: Identifier
    timestamp: Int64 | float | str
    label: PlainScalar | None
    source: Name = "outcome"
    weight: Annotated[float, Meta(ge=0)] = 1.0
    schema_version: Annotated[int, Meta(ge=1, le=1_000_000)] = 1


class PredictionDecoder:
    """Reads prediction records of any model.

    >>> decoder = PredictionDecoder()
    >>> read = decoder.decode(b'{"prediction_id":"a1","model":"m","timestamp":1769860800250,"prediction":1,"extra":0}')
    >>> read.event.timestamp_ms, read.unknown
    (1769860800250, ('envelope:extra',))
    >>> decoder.decode(b'{"prediction_id":"a1"}', offset=7).reason
    <RejectionReason.MISSING_FIELD: 'missing_field'>
    """

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(_PlainPrediction).decode

    def decode(self, record: bytes, offset: int = 0) -> ReadPrediction | Rejection:
        """The event and the names of unknown envelope fields, or the rejection at this offset."""
        if len(record) > TYPED_BYTES_MAX:
            return self._exact(record, offset)
        try:
            plain = self._decode(record)
        except NOT_TYPED:
            return self._exact(record, offset)
        ms = timestamp_ms(plain.timestamp)
        if ms is None:
            return self._exact(record, offset)
        return ReadPrediction(_prediction(plain, ms), _EMPTY)

    @staticmethod
    def _exact(record: bytes, offset: int) -> ReadPrediction | Rejection:
        try:
            return read_prediction(record)
        except RecordRejected as rejected:
            return Rejection(offset, rejected.reason, rejected.message)


class LabelledDecoder:
    """Reads rows of a reference: predictions that may have their true label with them, under `label`.

    >>> row = b'{"prediction_id":"a1","model":"m","timestamp":1769860800250,"prediction":1,"label":0}'
    >>> read, label = LabelledDecoder().decode(row)
    >>> read.event.prediction, label
    (1, 0)
    """

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(_PlainLabelled).decode
        self._generic = PredictionDecoder()

    def decode(self, record: bytes, offset: int = 0) -> tuple[ReadPrediction, Scalar | None] | Rejection:
        """As PredictionDecoder, and the label; None where there is none, or none that a label can be."""
        try:
            plain = self._decode(record)
        except NOT_TYPED:
            return self._generically(record, offset)
        ms = timestamp_ms(plain.timestamp)
        if ms is None or len(record) > TYPED_BYTES_MAX:
            return self._generically(record, offset)
        return ReadPrediction(_prediction(plain, ms), _EMPTY), plain.label

    def _generically(self, record: bytes, offset: int) -> tuple[ReadPrediction, Scalar | None] | Rejection:
        read = self._generic.decode(record, offset)
        if isinstance(read, Rejection):
            return read
        label = read_object(record).get("label")
        unknown = tuple(name for name in read.unknown if name != "envelope:label")
        return ReadPrediction(read.event, unknown), label if isinstance(label, Scalar) else None


class LabelDecoder:
    """Reads label records of any model.

    >>> read = LabelDecoder().decode(b'{"prediction_id":"a1","model":"m","timestamp":1769860800250,"label":null}')
    >>> read.event.label is None, read.event.source, read.event.weight
    (True, 'outcome', 1.0)
    """

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(_PlainLabel).decode

    def decode(self, record: bytes, offset: int = 0) -> ReadLabel | Rejection:
        """The event and the names of unknown envelope fields, or the rejection at this offset."""
        if len(record) > TYPED_BYTES_MAX:
            return self._exact(record, offset)
        try:
            plain = self._decode(record)
        except NOT_TYPED:
            return self._exact(record, offset)
        ms = timestamp_ms(plain.timestamp)
        if ms is None:
            return self._exact(record, offset)
        event = Label(
            prediction_id=plain.prediction_id,
            model=plain.model,
            timestamp_ms=ms,
            label=plain.label,
            source=plain.source or "outcome",
            weight=plain.weight,
            schema_version=plain.schema_version,
        )
        return ReadLabel(event, _EMPTY)

    @staticmethod
    def _exact(record: bytes, offset: int) -> ReadLabel | Rejection:
        try:
            return read_label(record)
        except RecordRejected as rejected:
            return Rejection(offset, rejected.reason, rejected.message)


def _prediction(plain: _PlainPrediction, ms: int) -> Prediction:
    return Prediction(
        prediction_id=plain.prediction_id,
        model=plain.model,
        timestamp_ms=ms,
        prediction=plain.prediction,
        model_version=plain.model_version or UNVERSIONED,
        score=plain.score,
        probabilities=plain.probabilities,
        features=plain.features,
        context=plain.context,
        measurements=plain.measurements,
        schema_version=plain.schema_version,
    )


# Structs keep the order of their definition, and with this dictionaries are sorted: equal signals are equal bytes.
_encoder = msgspec.json.Encoder(order="deterministic")
_signal_decoder = msgspec.json.Decoder(Signal)


def encode(value: Signal | Alert | Prediction | Label) -> bytes:
    """The value as one line of JSON, without a newline. Floats are written as they are: see `round12`."""
    return _encoder.encode(value)


def decode_signal(line: bytes) -> Signal:
    """A signal that `encode` wrote, of this or an earlier version. Raises msgspec.DecodeError."""
    signal: Signal = _signal_decoder.decode(line)
    return signal


def round12(x: float) -> float:
    """`x` with 12 significant digits, as all floats of signals are written; what is not finite stays as it is.

    >>> round12(0.1 + 0.2), round12(1 / 3)
    (0.3, 0.333333333333)
    """
    return float(f"{x:.12g}") if math.isfinite(x) else x
