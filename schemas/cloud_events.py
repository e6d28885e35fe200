"""Alerts as CloudEvents 1.0 in structured mode: the whole event is the value of the record, as JSON.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md and, for Kafka, its bindings/kafka-protocol-binding.md.
Equal signals are equal bytes: nothing here reads a clock, and the time of an event is the event time of the detection.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypeAlias
from urllib.parse import quote

import msgspec
from msgspec import Struct

from driftline.schemas.alerts import Alert
from driftline.schemas.signals import AlertOpened, AlertResolved, AlertUpdated

AlertSignal: TypeAlias = AlertOpened | AlertUpdated | AlertResolved
CloudEventType: TypeAlias = Literal[
    "driftline.alert.opened.v1", "driftline.alert.updated.v1", "driftline.alert.resolved.v1"
]

CONTENT_TYPE_HEADER: Final = "content-type"
CONTENT_TYPE: Final = b"application/cloudevents+json"

TYPES: Final[dict[type[AlertSignal], CloudEventType]] = {
    AlertOpened: "driftline.alert.opened.v1",
    AlertUpdated: "driftline.alert.updated.v1",
    AlertResolved: "driftline.alert.resolved.v1",
}

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_IN_TEXT: Final = re.compile("[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")
"""What the type String of CloudEvents leaves out (section 3.1 of the specification)."""


class CloudEvent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One alert event as it lies on the alerts topic; the attributes are those of the specification."""

    specversion: Literal["1.0"]
    id: str
    source: str
    type: CloudEventType
    subject: str
    time: str
    datacontenttype: Literal["application/json"]
    traceparent: str | None = None
    """the extension Distributed Tracing: the request whose record crossed the threshold, if it was traced"""
    data: Alert


_encoder: Final = msgspec.json.Encoder(order="deterministic")
_decoder: Final = msgspec.json.Decoder(CloudEvent)


def cloud_event(signal: AlertSignal, traceparent: str | None = None) -> CloudEvent:
    """The event that says this. `traceparent`: of the record that crossed the threshold; `is_traceparent` has to hold."""
    alert = signal.alert
    return CloudEvent(
        specversion="1.0",
        id=signal.id,
        source="/driftline/" + quote(alert.model, safe=""),
        type=TYPES[type(signal)],
        subject=subject_of(alert),
        time=rfc3339(alert.detected_ms),
        datacontenttype="application/json",
        traceparent=traceparent,
        data=alert,
    )


def encode_event(event: CloudEvent) -> bytes:
    """The value of a record of the alerts topic."""
    return _encoder.encode(event)


def decode_event(value: bytes) -> CloudEvent:
    """An event that `encode_event` wrote, of this or an earlier version. Raises msgspec.DecodeError."""
    return _decoder.decode(value)


def subject_of(alert: Alert) -> str:
    """What about the model the alert is: `kind/field`, and the segment, for consumers that filter by attributes."""
    parts = [alert.kind, *(feature.name for feature in alert.features[:1]), alert.segment]
    return _NOT_IN_TEXT.sub("\ufffd", "/".join(part for part in parts if part))


def rfc3339(ms: int) -> str:
    """Epoch milliseconds as RFC 3339 in UTC.

    >>> rfc3339(1769860800250)
    '2026-01-31T12:00:00.250Z'
    """
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
