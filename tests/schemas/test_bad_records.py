"""Every bad record has its one reason, and a sentence that says what to write instead."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from driftline.schemas.codec import PredictionDecoder
from driftline.schemas.exact import LABEL_FIELDS, PREDICTION_FIELDS, ReadPrediction
from driftline.schemas.rejections import REMEDIES, Rejection, RejectionReason
from tests.schemas.bad_records import BAD_RECORDS, NOT_REJECTED

BY_DECODER = [name for name, bad in BAD_RECORDS.items() if bad.decided_by == "decoder"]
BY_MONITOR = [name for name, bad in BAD_RECORDS.items() if bad.decided_by == "monitor"]


@pytest.mark.parametrize("name", BY_DECODER)
def test_a_bad_record_is_rejected_for_its_reason(name: str) -> None:
    bad = BAD_RECORDS[name]
    read = PredictionDecoder().decode(bad.record, offset=42)
    assert isinstance(read, Rejection)
    assert (read.offset, read.reason) == (42, bad.reason), read.message


@pytest.mark.parametrize("name", BY_DECODER)
def test_the_message_says_what_to_write_instead_in_one_printable_line(name: str) -> None:
    read = PredictionDecoder().decode(BAD_RECORDS[name].record)
    assert isinstance(read, Rejection)
    assert read.message.endswith(REMEDIES[read.reason])
    assert read.message.isprintable()
    assert len(read.message) < 250


@pytest.mark.parametrize("name", [*NOT_REJECTED, *BY_MONITOR])
def test_an_odd_record_is_an_event_all_the_same(name: str) -> None:
    record = NOT_REJECTED[name] if name in NOT_REJECTED else BAD_RECORDS[name].record
    read = PredictionDecoder().decode(record)
    assert isinstance(read, ReadPrediction), read


def test_a_message_never_repeats_what_the_record_holds() -> None:
    secret = "4111-1111-1111-1111"
    for field in ("prediction_id", "model", "model_version", "timestamp", "prediction", "score", "features", "context"):
        for value in (f'"{secret}" x', f'["{secret}"]', f'{{"a": ["{secret}"]}}'):
            record = BAD_RECORDS["no prediction"].record[:-1] + f', "{field}": {value}}}'.encode()
            read = PredictionDecoder().decode(record)
            if isinstance(read, Rejection):
                assert secret not in read.message


def test_every_reason_has_a_remedy_and_a_record_that_shows_it() -> None:
    assert set(REMEDIES) == set(RejectionReason)
    assert {bad.reason for bad in BAD_RECORDS.values()} == set(RejectionReason)


@pytest.mark.parametrize("name", sorted(BAD_RECORDS))
def test_no_bad_record_holds_up_the_stream(name: str) -> None:
    record = BAD_RECORDS[name].record
    decoder = PredictionDecoder()
    fastest = min(_seconds(decoder, record) for _ in range(3))
    assert fastest < 0.1  # an order of magnitude above what is seen, so that a busy machine passes too


def _seconds(decoder: PredictionDecoder, record: bytes) -> float:
    start = time.perf_counter()
    decoder.decode(record)
    return time.perf_counter() - start


def test_every_reason_is_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "events.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `(\w+)` \|", page.split("## What is rejected")[1], flags=re.MULTILINE))
    assert documented == {reason.value for reason in RejectionReason}


@pytest.mark.parametrize("fields", [PREDICTION_FIELDS, LABEL_FIELDS])
def test_every_field_of_an_event_is_in_the_documentation(fields: frozenset[str]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "events.md").read_text(encoding="utf-8")
    assert [name for name in sorted(fields) if f"`{name}`" not in page] == []
