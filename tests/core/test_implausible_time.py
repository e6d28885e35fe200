"""Time that cannot be believed (R26).

Each test is named after its row of the reliability page. The oracle is the same log without the fault, and the law of
conservation, which a monitor checks at every step.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import msgspec
import orjson
import pytest

from driftline.schemas.rejections import RejectionReason
from driftline.schemas.signals import Rejected, WindowClosed
from tests.core.logs import SPEC, START_MS, Log, event, partition
from tests.core.reliability import play, the_reference

IMPLAUSIBLE: dict[str, tuple[object, RejectionReason]] = {
    "a day ahead": (START_MS + 86_400_000, RejectionReason.TIMESTAMP_IN_FUTURE),
    "year 9999": ("9999-12-31T23:59:59.999Z", RejectionReason.TIMESTAMP_IN_FUTURE),
    "a millisecond past the tolerance": (START_MS + SPEC.future_tolerance_ms + 1, RejectionReason.TIMESTAMP_IN_FUTURE),
    "zero": (0, RejectionReason.TIMESTAMP_TOO_OLD),
    "negative": (-1, RejectionReason.TIMESTAMP_TOO_OLD),
    "seconds": (START_MS // 1_000, RejectionReason.TIMESTAMP_TOO_OLD),
    "the last millisecond of 1999": (946_684_799_999, RejectionReason.TIMESTAMP_TOO_OLD),
    "NaN": (float("nan"), RejectionReason.NOT_FINITE),
    "microseconds": (START_MS * 1_000, RejectionReason.BAD_TIMESTAMP),
}


@pytest.mark.parametrize("name", IMPLAUSIBLE)
def test_R26_implausible_timestamps_close_no_window_and_are_rejected_by_reason(name: str) -> None:
    timestamp, reason = IMPLAUSIBLE[name]
    where = partition(SPEC, the_reference())
    raw = msgspec.json.encode({**event(random.Random(1), 1, 0, 0.0), "timestamp": "@"})
    shown = b"NaN" if timestamp != timestamp else orjson.dumps(timestamp)
    bad = raw.replace(b'"@"', shown)
    good = [orjson.dumps(event(random.Random(i), i + 10, START_MS, 0.0)) for i in range(3)]
    before = where.apply(where.decode(good, range(3), [START_MS] * 3))
    watermark = where.monitors["m"].admission.watermark_ms
    assert before + where.apply(where.decode([bad] * 4, range(4), [START_MS] * 4)) == []
    assert where.monitors["m"].admission.watermark_ms == watermark
    counters = where.counters()
    assert (counters.consumed, counters.applied, counters.rejected) == (7, 3, 4)
    said = where.finish()
    reasons = Counter(where.rejected)
    for signal in said:
        reasons.update(signal.reasons if isinstance(signal, Rejected) else {})
    assert reasons == {reason: 4}


def test_R26_the_ends_of_what_is_plausible_are_accepted() -> None:
    spec = replace(SPEC, idle_after_ms=None)
    at = [946_684_800_000, START_MS, START_MS + SPEC.future_tolerance_ms]
    records = [orjson.dumps(event(random.Random(i), i, ms, 0.0)) for i, ms in enumerate(at)]
    said, counters = play(Log(records, [946_684_800_000, START_MS, START_MS]), spec)
    assert counters.applied == 3
    assert {s.n for s in said if isinstance(s, WindowClosed) and not s.segment} == {1, 2}


def test_R26_a_log_of_nothing_but_implausible_events_says_so_in_the_end() -> None:
    log = Log([orjson.dumps(event(random.Random(i), i, 0, 0.0)) for i in range(5)], [START_MS] * 5)
    said, _ = play(log)
    assert [s.reasons for s in said if isinstance(s, Rejected)] == [{RejectionReason.TIMESTAMP_TOO_OLD: 5}]
    assert [s.pane_end_ms for s in said if isinstance(s, Rejected)] == [START_MS + SPEC.windows_ms[0]]


@pytest.mark.parametrize("record_ms", [2**63 - 1, 2**62, -(2**63), -1])
def test_R26_record_times_near_the_ends_of_64_bits_overflow_nothing(record_ms: int) -> None:
    """A broker stamps records; where producers do, one may lie. Time that ran ahead stays ahead, and events are late."""
    where = partition(SPEC, the_reference())
    raw = [orjson.dumps(event(random.Random(i), i, START_MS, 0.0)) for i in range(3)]
    for i, ms in enumerate([START_MS, record_ms, START_MS]):
        where.apply(where.decode(raw[i : i + 1], [i], [ms]))
    where.finish()
    counters = where.counters()
    assert (counters.applied, counters.late) == ((1, 2) if record_ms > 0 else (3, 0))
