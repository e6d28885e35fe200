"""Records that could not be read, for the dead-letter topic: what, where and why, and how many of a flood.

The headers have the names that Kafka Streams gives them (KIP-1034), so that tools for its dead letters read these too.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from driftline.schemas.rejections import RecordRejected, RejectionReason

PayloadPolicy: TypeAlias = Literal["full", "hash", "none"]

EXCEPTION_HEADER: Final = "__streams.errors.exception"
MESSAGE_HEADER: Final = "__streams.errors.message"
TOPIC_HEADER: Final = "__streams.errors.topic"
PARTITION_HEADER: Final = "__streams.errors.partition"
OFFSET_HEADER: Final = "__streams.errors.offset"
REASON_HEADER: Final = "driftline-reason"
PAYLOAD_HEADER: Final = "driftline-payload"
"""What the value is: the record's own (`full`), its SHA-256 in hex (`hash`), or nothing (`none`)."""
PAYLOAD_BYTES_HEADER: Final = "driftline-payload-bytes"

PAYLOAD_BYTES_MAX: Final = 900_000
"""A larger payload is written as its hash whatever the policy, so that the dead letter itself can be written."""

_EXCEPTION: Final = f"{RecordRejected.__module__}.{RecordRejected.__qualname__}".encode()
_MESSAGE_BYTES_MAX: Final = 1_024
_SAMPLE_EVERY: Final = 100


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One record that could not be read. `record_ms`: what the log says of when it was written."""

    offset: int
    reason: RejectionReason
    message: str
    value: bytes
    record_ms: int


def payload_of(value: bytes, policy: PayloadPolicy) -> tuple[PayloadPolicy, bytes]:
    """What is written of a record's value, and which policy that is.

    >>> payload_of(b"{", "hash")
    ('hash', b'021fb596db81e6d02bf3d2586ee3981fe519f275c0ac9ca76bbcf2ebb4097d96')
    """
    if policy == "full" and len(value) > PAYLOAD_BYTES_MAX:
        policy = "hash"
    if policy == "full":
        return policy, value
    return policy, hashlib.sha256(value).hexdigest().encode() if policy == "hash" else b""


def dead_letter_headers(
    letter: DeadLetter, topic: str, partition: int, payload: PayloadPolicy
) -> list[tuple[str, bytes]]:
    """All headers of one dead letter, in a fixed order; no header is longer than about a thousand bytes."""
    message = letter.message.encode("utf-8", "replace")[:_MESSAGE_BYTES_MAX].decode("utf-8", "ignore")
    return [
        (EXCEPTION_HEADER, _EXCEPTION),
        (MESSAGE_HEADER, message.encode()),
        (TOPIC_HEADER, topic.encode()),
        (PARTITION_HEADER, str(partition).encode()),
        (OFFSET_HEADER, str(letter.offset).encode()),
        (REASON_HEADER, letter.reason.encode()),
        (PAYLOAD_HEADER, payload.encode()),
        (PAYLOAD_BYTES_HEADER, str(len(letter.value)).encode()),
    ]


class DeadLetterGate:
    """Which dead letters of one input of one partition are written, so that a flood of them costs little.

    The first `per_second` of each second of record time are; of those beyond, each hundredth; the rest are only counted.
    It depends on the log alone, so a replay lets the same ones pass. `second` and `seen` are the whole state, for a
    snapshot: a gate that starts afresh in mid-second lets a few more pass, never fewer.
    """

    def __init__(self, per_second: int, *, second: int = -1, seen: int = 0) -> None:
        self._per_second = per_second
        self.second = second
        self.seen = seen

    def passes(self, record_ms: int) -> bool:
        """Whether the next dead letter, of this record time, is written. To be asked once for each, by rising offset."""
        # record times of producers may go back; then the second that was reached goes on
        second = max(record_ms // 1000, self.second)
        if second > self.second:
            self.second, self.seen = second, 0
        self.seen += 1
        beyond = self.seen - self._per_second
        return beyond <= 0 or beyond % _SAMPLE_EVERY == 0
