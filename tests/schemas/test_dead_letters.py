"""Records that could not be read: kept with where and why, in as much as the policy allows, and never as a flood."""

from __future__ import annotations

import hashlib
import random

import pytest

from driftline.schemas.dead_letters import PAYLOAD_BYTES_MAX, DeadLetter, DeadLetterGate, PayloadPolicy
from driftline.schemas.outputs import OutputTopic, dead_letter_output
from driftline.schemas.rejections import RejectionReason, rejection_message


def _letter(value: bytes = b'{"age": 41', message: str = "m", offset: int = 129_000) -> DeadLetter:
    return DeadLetter(offset, RejectionReason.INVALID_JSON, message, value, 1_769_860_800_250)


def _headers(letter: DeadLetter, payload: PayloadPolicy = "full") -> dict[str, bytes]:
    return dict(dead_letter_output(letter, topic="driftline.predictions", partition=3, payload=payload).headers)


def test_a_dead_letter_says_what_kafka_streams_would_and_the_reason() -> None:
    message = rejection_message(RejectionReason.INVALID_JSON, "the record ends early")
    assert _headers(_letter(message=message)) == {
        "__streams.errors.exception": b"driftline.schemas.rejections.RecordRejected",
        "__streams.errors.message": message.encode(),
        "__streams.errors.topic": b"driftline.predictions",
        "__streams.errors.partition": b"3",
        "__streams.errors.offset": b"129000",
        "driftline-reason": b"invalid_json",
        "driftline-payload": b"full",
        "driftline-payload-bytes": b"10",
    }


@pytest.mark.parametrize(
    ("policy", "value"),
    [("full", b'{"age": 41'), ("hash", hashlib.sha256(b'{"age": 41').hexdigest().encode()), ("none", b"")],
)
def test_S6_the_policy_decides_how_much_of_a_record_is_kept(policy: PayloadPolicy, value: bytes) -> None:
    output = dead_letter_output(_letter(), topic="t", partition=3, payload=policy)
    assert output == (OutputTopic.DEAD_LETTERS, b"t-3", value, output.headers)
    assert dict(output.headers)["driftline-payload"] == policy.encode()
    assert not output.shortened
    kept_elsewhere = [name for name, header in output.headers if b"41" in header]
    assert kept_elsewhere == []


def test_R24_a_record_too_large_to_be_kept_whole_is_kept_as_its_hash() -> None:
    huge = b"x" * (PAYLOAD_BYTES_MAX + 1)
    output = dead_letter_output(_letter(huge), topic="t", partition=0, payload="full")
    assert output.value == hashlib.sha256(huge).hexdigest().encode()
    assert output.shortened
    headers = dict(output.headers)
    assert (headers["driftline-payload"], headers["driftline-payload-bytes"]) == (b"hash", b"900001")
    assert dead_letter_output(_letter(huge[1:]), topic="t", partition=0, payload="full").value == huge[1:]


@pytest.mark.parametrize("message", ["é" * 100_000, "\ud800" * 100_000, "a" + "\U0001f600" * 100_000])
def test_S7_headers_stay_short_and_readable(message: str) -> None:
    headers = _headers(_letter(message=message))
    assert 0 < len(headers["__streams.errors.message"]) <= 1_024
    assert headers["__streams.errors.message"].decode()
    assert sum(map(len, headers.values())) < 2_048


# --- floods -----------------------------------------------------------------------------------------------------------


def test_R22_of_a_flood_the_first_of_each_second_pass_and_then_every_hundredth() -> None:
    gate = DeadLetterGate(10)
    passed = [i for i in range(1_000) if gate.passes(5_000 + i % 1_000)]
    assert passed == [*range(10), *range(109, 1_000, 100)]
    assert [gate.passes(6_000) for _ in range(11)] == [True] * 10 + [False]


def test_few_dead_letters_all_pass() -> None:
    gate = DeadLetterGate(10)
    assert all(gate.passes(second * 1_000 + i) for second in range(500) for i in range(10))


def test_a_clock_that_goes_back_opens_no_gap_in_the_gate() -> None:
    gate = DeadLetterGate(10)
    assert sum(gate.passes(10_000 - i * 1_000) for i in range(1_000)) == 10 + 9


def test_a_gate_goes_on_where_its_state_was_taken(test_seed: int) -> None:
    rng = random.Random(test_seed)
    times = [1_000_000 + i * 7 + rng.randrange(-3_000, 3_000) for i in range(3_000)]
    whole = DeadLetterGate(20)
    expected = [whole.passes(ms) for ms in times]
    cut = rng.randrange(len(times))
    first = DeadLetterGate(20)
    before = [first.passes(ms) for ms in times[:cut]]
    second = DeadLetterGate(20, second=first.second, seen=first.seen)
    assert before + [second.passes(ms) for ms in times[cut:]] == expected
    afresh = DeadLetterGate(20)
    assert sum(afresh.passes(ms) for ms in times[cut:]) >= sum(expected[cut:])
