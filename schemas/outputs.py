"""What a worker writes to Kafka: one record of one output topic for each signal and each dead letter.

A pure function of the log: a replay makes the same outputs, byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from driftline.schemas import dead_letters
from driftline.schemas.cloud_events import CONTENT_TYPE, CONTENT_TYPE_HEADER, cloud_event, encode_event
from driftline.schemas.codec import encode
from driftline.schemas.dead_letters import DeadLetter, PayloadPolicy
from driftline.schemas.shortening import shorter_and_shorter
from driftline.schemas.signals import AlertOpened, AlertResolved, AlertUpdated, Signal
from driftline.schemas.traceparent import is_traceparent

OUTPUT_BYTES_MAX: Final = 950_000
"""Largest value of an output. Kafka takes 1 MiB for a batch unless told otherwise; key, headers and framing come on top."""

SHORTENED_HEADER: Final = "driftline-shortened"
"""What was left out of an output that was too large; outputs that fit do not have it."""


class OutputTopic(StrEnum):
    """The output topics, by the name of their setting under `topics`."""

    ALERTS = "alerts"
    WINDOWS = "windows"
    DEAD_LETTERS = "dead_letters"


class Output(NamedTuple):
    """One record to be written. Outputs of one topic and key keep their order."""

    topic: OutputTopic
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]

    @property
    def shortened(self) -> bool:
        """Whether something was left out, as the whole would have been too large."""
        return any(name == SHORTENED_HEADER for name, _ in self.headers)


def output_of(signal: Signal, traceparents: Mapping[int, str]) -> Output:
    """The record that says this signal. `traceparents`: offset in predictions -> W3C traceparent; what is none is left out.

    Alerts are CloudEvents with the fingerprint as their key; everything else goes to the windows topic with the model as
    its key. What would be too large for a record is said with less detail, at the least as `Health` (see `shortening`).
    """
    for left_out, said in shorter_and_shorter(signal):
        output = _output(said, traceparents, left_out)
        if len(output.value) <= OUTPUT_BYTES_MAX:
            break
    return output


def _output(signal: Signal, traceparents: Mapping[int, str], left_out: str) -> Output:
    headers = [(SHORTENED_HEADER, left_out.encode())] if left_out else []
    if isinstance(signal, AlertOpened | AlertUpdated | AlertResolved):
        traceparent = traceparents.get(signal.alert.detected_offset)
        event = cloud_event(signal, traceparent if is_traceparent(traceparent) else None)
        headers.insert(0, (CONTENT_TYPE_HEADER, CONTENT_TYPE))
        return Output(OutputTopic.ALERTS, signal.alert.fingerprint.encode(), encode_event(event), headers)
    return Output(OutputTopic.WINDOWS, signal.model.encode(), encode(signal), headers)


def dead_letter_output(letter: DeadLetter, *, topic: str, partition: int, payload: PayloadPolicy) -> Output:
    """The record that keeps a record that could not be read. `topic`, `partition`: where it lies.

    The key names that partition, so that its dead letters stay in order.
    """
    written, value = dead_letters.payload_of(letter.value, payload)
    headers = dead_letters.dead_letter_headers(letter, topic, partition, written)
    if written != payload:
        headers.append((SHORTENED_HEADER, b"payload"))
    return Output(OutputTopic.DEAD_LETTERS, f"{topic}-{partition}".encode(), value, headers)
