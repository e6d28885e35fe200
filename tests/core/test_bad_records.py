"""Records that are no events (S1, R21).

Each test is named after its row of the reliability page. The oracle is the same log without the fault, and the law of
conservation, which a monitor checks at every step.
"""

from __future__ import annotations

import functools
import random
from collections import Counter
from dataclasses import replace

import pytest

from driftline.processors.partition import Partition
from driftline.processors.reference.build import build_reference
from driftline.processors.reference.profile import Reference
from driftline.schemas.codec import encode
from driftline.schemas.exact import read_prediction
from driftline.schemas.rejections import RecordRejected
from driftline.schemas.signals import Rejected, Signal, WindowClosed
from tests.core.logs import SPEC, Log, make_log
from tests.core.reliability import play
from tests.schemas.bad_records import BAD_RECORDS, GOOD, NOT_REJECTED, record

CREDIT = replace(SPEC, name="credit", learn_from=200, idle_after_ms=None)
NOW = int(GOOD["timestamp"])


@functools.cache
def credit_reference() -> Reference:
    rng = random.Random(1)
    rows = []
    for i in range(400):
        features = {
            "income": rng.gauss(1_200, 300),
            "age": rng.randrange(18, 90),
            "channel": rng.choice(["web", "app"]),
        }
        raw = record(
            prediction_id=f"r-{i}", features=features, score=rng.random(), prediction=rng.choice(["yes", "no"])
        )
        rows.append(read_prediction(raw).event)
    return build_reference(CREDIT, rows, "test")


def credit() -> Partition:
    return Partition({"credit": CREDIT}, {"credit": {"": credit_reference()}})


def good_records(n: int) -> list[bytes]:
    return [record(prediction_id=f"good-{i}", timestamp=NOW + 1_000 * i) for i in range(n)]


@functools.cache
def windows_without_bad_ones() -> list[bytes]:
    where = credit()
    said = where.apply(where.decode(good_records(40), range(40), [NOW + 1_000 * i for i in range(40)])) + where.finish()
    return [encode(s) for s in said if isinstance(s, WindowClosed)]


@pytest.mark.parametrize("name", BAD_RECORDS)
def test_S1_each_bad_record_gets_its_reason_and_changes_no_window(name: str) -> None:
    bad = BAD_RECORDS[name]
    good = good_records(40)
    records = [raw for pair in zip(good, [bad.record] * 40, strict=True) for raw in pair]
    times = [NOW + 1_000 * (i // 2) for i in range(80)]
    where = credit()
    said = where.apply(where.decode(records, range(80), times)) + where.finish()
    assert [encode(s) for s in said if isinstance(s, WindowClosed)] == windows_without_bad_ones()
    reasons = Counter(where.rejected)
    for signal in said:
        reasons.update(signal.reasons if isinstance(signal, Rejected) else {})
    assert reasons == {bad.reason: 40}
    assert where.counters().applied == 40


@pytest.mark.parametrize("name", NOT_REJECTED)
def test_S1_odd_records_that_are_events_are_applied(name: str) -> None:
    where = credit()
    said = where.apply(where.decode([NOT_REJECTED[name]], [0], [NOW])) + where.finish()
    assert (
        where.counters().applied
        + where.counters().late
        + sum(sum(s.reasons.values()) for s in said if isinstance(s, Rejected))
        == 1
    )
    assert not where.rejected


def _mutated(rng: random.Random, raw: bytes) -> bytes:
    """One to four edits: bits flipped, bytes cut, doubled or replaced by something that JSON gives a meaning."""
    data = bytearray(raw)
    for _ in range(rng.randrange(1, 5)):
        at, length = rng.randrange(len(data) + 1), rng.randrange(1, 9)
        match rng.randrange(4):
            case 0 if at < len(data):
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                del data[at : at + length]
            case 2:
                data[at:at] = data[at : at + length]
            case _:
                data[at : at + length] = rng.choice(
                    [b'"', b"{", b"}", b"[", b",", b":", b"\\u", b"1e999", b"null", b"\x00"]
                )
    return bytes(data)


def _is_no_event(raw: bytes) -> bool:
    try:
        read_prediction(raw)
    except RecordRejected:
        return True
    return False


@pytest.mark.compiled
def test_S1_a_hundred_thousand_fuzzed_records_crash_nothing_and_change_no_window(test_seed: int) -> None:
    rng = random.Random(test_seed)
    seeds = [bad.record for bad in BAD_RECORDS.values() if len(bad.record) < 2_000] + list(good_records(20))
    mutated = [_mutated(rng, rng.choice(seeds)) for _ in range(100_000)]
    fuzzed = [raw for raw in mutated if _is_no_event(raw)]
    assert len(fuzzed) > 50_000
    good = good_records(40)
    where = credit()
    said: list[Signal] = []
    share = len(fuzzed) // 40
    for i, raw in enumerate(good):
        records = [raw, *fuzzed[i * share : (i + 1) * share]]
        said += where.apply(where.decode(records, range(len(records)), [NOW + 1_000 * i] * len(records)))
    said += where.finish()
    assert [encode(s) for s in said if isinstance(s, WindowClosed)] == windows_without_bad_ones()
    assert sum(where.rejected.values()) == 40 * share
    # those that are events after all are applied or rejected by their time: the law of conservation holds them
    rest = [raw for raw in mutated if not _is_no_event(raw)]
    elsewhere = credit()
    elsewhere.apply(elsewhere.decode(rest, range(len(rest)), [NOW] * len(rest)))
    elsewhere.finish()
    assert elsewhere.counters().consumed == len(rest)


def test_R21_one_percent_poison_is_rejected_and_the_stream_goes_on() -> None:
    rng = random.Random(5)
    poison = [bad.record for bad in BAD_RECORDS.values() if bad.decided_by == "decoder" and len(bad.record) < 100_000]
    log = make_log(5, 400)
    records, times, bad = [], [], 0
    for raw, ms in zip(log.records, log.record_ms, strict=True):
        if rng.random() < 0.02:
            records.append(rng.choice(poison))
            times.append(ms)
            bad += 1
        records.append(raw)
        times.append(ms)
    said, counters = play(Log(records, times))
    clean, clean_counters = play(log)
    # offsets have moved on by the poison, nothing else has
    assert [encode(s) for s in said if isinstance(s, WindowClosed)] == [
        encode(s) for s in clean if isinstance(s, WindowClosed)
    ]
    assert counters.rejected == clean_counters.rejected + bad
    assert counters.applied == clean_counters.applied
