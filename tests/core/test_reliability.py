"""The rows of docs/reliability.md that the core holds by itself; each test is named after its row.

The oracle is the same log without the fault, and the conservation law (checked at every step of a monitor).
"""

from __future__ import annotations

import functools
import itertools
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.config.model_spec import ModelSpec
from driftline.processors.codes import BINS
from driftline.processors.counters import Counters
from driftline.processors.duplicates import DuplicateFilter
from driftline.processors.monitor import Monitor
from driftline.processors.partition import Partition
from driftline.processors.reference.build import build_reference
from driftline.processors.reference.profile import Reference
from driftline.processors.transform import encode_numeric, encode_numeric_plain, padded_edges
from driftline.schemas.codec import decode_signal, encode
from driftline.schemas.exact import read_prediction
from driftline.schemas.rejections import RecordRejected, RejectionReason
from driftline.schemas.signals import FieldWindow, LateEvents, Rejected, Signal, WindowClosed
from tests.core.logs import SPEC, START_MS, Log, event, make_log, partition, reference
from tests.schemas.bad_records import BAD_RECORDS, GOOD, NOT_REJECTED, record

SEEDS = st.integers(0, 2**32 - 1)


@functools.cache
def the_reference() -> Reference:
    return reference()


def play(log: Log, spec: ModelSpec = SPEC) -> tuple[list[Signal], Counters]:
    where = partition(spec, the_reference())
    said = where.apply(where.decode(log.records, range(len(log)), log.record_ms)) + where.finish()
    return said, where.counters()


def counted(said: Sequence[Signal]) -> list[bytes]:
    """The windows as bytes, in the order of their names, without what the online detectors show: these follow the log."""
    windows = [s for s in said if isinstance(s, WindowClosed)]
    return sorted(
        encode(msgspec.structs.replace(w, fields=[_without_online(field) for field in w.fields])) for w in windows
    )


def _without_online(field: FieldWindow) -> FieldWindow:
    return msgspec.structs.replace(
        field, e_value=None, adwin_width=None, adwin_mean=None, adwin_detections=None, page_hinkley=None,
        page_hinkley_detections=None,
    )  # fmt: skip


def orderly(seed: int, n: int, step_ms: int = 15_000) -> Log:
    """n good events in order of time, one every `step_ms`."""
    rng = random.Random(seed)
    at = [START_MS + i * step_ms for i in range(n)]
    return Log([orjson.dumps(event(rng, i, ms, 0.0)) for i, ms in enumerate(at)], at)


# -- duplicates ----------------------------------------------------------------------------------------------------------


@given(seed=SEEDS)
def test_R14_every_event_sent_one_to_three_times_is_counted_once(seed: int) -> None:
    rng = random.Random(seed)
    log = orderly(seed, 120)
    copies: list[tuple[int, bytes, int]] = []
    for i, (raw, ms) in enumerate(zip(log.records, log.record_ms, strict=True)):
        copies.append((i, raw, ms))
        copies += [(i + rng.randrange(1, 12), raw, ms) for _ in range(rng.randrange(3))]
    copies.sort(key=lambda copy: copy[0])
    repeated = Log([raw for _, raw, _ in copies], list(itertools.accumulate((ms for *_, ms in copies), max)))
    once, _ = play(log)
    said, counters = play(repeated)
    assert [encode(s) for s in said if isinstance(s, WindowClosed)] == [
        encode(s) for s in once if isinstance(s, WindowClosed)
    ]
    assert counters.duplicate == len(repeated) - len(log)


def test_R14_an_id_costs_at_most_64_bytes() -> None:
    seen = DuplicateFilter(100_000)
    seen.reserve(100_000)
    assert (seen.ring.nbytes + seen.table.nbytes) / 100_000 <= 64


def test_R15_a_duplicate_beyond_the_horizon_is_counted_as_a_new_event_and_no_more_often_than_it_came() -> None:
    log = orderly(1, 100, 1_000)
    spec = replace(SPEC, dedup=20)
    again = Log([*log.records, *log.records[:50], *log.records[95:]], [*log.record_ms, *[log.record_ms[-1]] * 55])
    _, counters = play(again, spec)
    # the newest 20 ids are remembered: 80..99 at first; 50 old ones push them out one by one
    assert (counters.consumed, counters.applied, counters.duplicate) == (155, 155, 0)
    _, counters = play(Log(log.records + log.records[80:], [*log.record_ms, *[log.record_ms[-1]] * 20]), spec)
    assert (counters.applied, counters.duplicate) == (100, 20)


# -- order and lateness --------------------------------------------------------------------------------------------------


@given(seed=SEEDS)
def test_R16_a_permutation_within_the_lateness_counts_the_same_as_the_sorted_log(seed: int) -> None:
    rng = random.Random(seed)
    spec = replace(SPEC, segments_max=100)
    log = orderly(seed, 150, 13_000)
    arrival = [ms + rng.randrange(spec.lateness_ms) for ms in log.record_ms]
    order = sorted(range(len(log)), key=lambda i: arrival[i])
    # the log's own clock is a minute ahead in both, so that an event is never before its time
    shuffled = Log([log.records[i] for i in order], [arrival[i] + 60_000 for i in order])
    in_order = Log(log.records, [ms + 60_000 for ms in log.record_ms])
    said, counters = play(shuffled, spec)
    assert counters.late == 0
    assert counted(said) == counted(play(in_order, spec)[0])


@given(seed=SEEDS)
def test_R17_late_events_are_said_and_counted_and_change_no_window(seed: int) -> None:
    rng = random.Random(seed)
    log = orderly(seed, 200)
    records, times, late = [], [], []
    for i, (raw, ms) in enumerate(zip(log.records, log.record_ms, strict=True)):
        records.append(raw)
        times.append(ms)
        if rng.random() < 0.03:
            pane_end = (ms - SPEC.lateness_ms) // SPEC.windows_ms[0] * SPEC.windows_ms[0]
            at = pane_end - 1 - rng.randrange(10**6)  # its pane has just closed, or long ago
            records.append(orjson.dumps(event(rng, 1_000 + i, at, 5.0)))
            times.append(ms)
            late.append(at)
    said, counters = play(Log(records, times))
    on_time, _ = play(log)
    assert [encode(s) for s in said if isinstance(s, WindowClosed)] == [
        encode(s) for s in on_time if isinstance(s, WindowClosed)
    ]
    assert counters.late == len(late)
    assert counters.consumed == counters.applied + counters.late == len(records)
    signals = [s for s in said if isinstance(s, LateEvents)]
    assert sum(s.count for s in signals) == len(late)
    assert min((s.oldest_ms for s in signals), default=None) == min(late, default=None)


def test_R17_an_event_is_late_from_the_very_millisecond_at_which_its_pane_closes() -> None:
    spec = replace(SPEC, lateness_ms=0, idle_after_ms=None)
    pane = spec.windows_ms[0]
    for now, late in ((START_MS + pane - 1, 0), (START_MS + pane, 1)):
        records = [orjson.dumps(event(random.Random(i), i, at, 0.0)) for i, at in enumerate([START_MS, now, START_MS])]
        _, counters = play(Log(records, [START_MS, now, now]), spec)
        assert counters.late == late


# -- time that cannot be believed ------------------------------------------------------------------------------------------

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


# -- bad records -----------------------------------------------------------------------------------------------------------

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


# -- hostile names and values ----------------------------------------------------------------------------------------------

HOSTILE = [
    'new\nline "quoted" back\\slash', "\x00\x1b[31m", "\u202eright to left", "a=b,c%d", "{{ template }}", "../../etc",
    "__other__", "__missing__", "ｈｏｍｏｇｌｙｐｈ", "x" * 128, "\U0001f600", "\u2028", "",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_S4_hostile_names_survive_as_data(name: str) -> None:
    model = name or "m"
    spec = replace(SPEC, name=model, segments=(("region",), ("region", "device")), learn_from=60)
    where = Partition({}, {}, discovered=spec)
    records = []
    for i in range(200):
        raw = event(random.Random(i), i, START_MS + 1_000 * i, 0.0)
        features = {name: i % 5, f"text {name}"[:128]: name, "plain": 1.0}
        context = {"region": name if i % 2 else "eu", "device": name}
        records.append(
            orjson.dumps({**raw, "model": model, "features": features, "context": context, "model_version": name})
        )
    said: list[Signal] = []
    for start in range(0, 200, 50):
        batch = records[start : start + 50]
        said += where.apply(where.decode(batch, range(start, start + 50), [START_MS + 1_000 * (start + 49)] * 50))
    snapshot = where.monitors[model].snapshot()
    restored = Monitor.restore(spec, None, snapshot)
    assert restored.snapshot() == snapshot
    ending = where.finish()
    assert restored.finish() == ending
    said += ending
    assert where.counters().applied == 200
    for signal in said:
        line = encode(signal)
        assert b"\n" not in line
        assert decode_signal(line) == signal
    windows = [s for s in said if isinstance(s, WindowClosed) and s.fields and s.length_ms == spec.windows_ms[0]]
    assert {s.model for s in windows} == {model}
    assert all(name in {f.name for f in s.fields} for s in windows)
    by_region = {s.segment: s.n for s in windows if s.segment_set == ["region"]}
    assert sum(by_region.values()) == 140
    assert set(by_region) == {"region=eu", "region=" + name.replace("%", "%25").replace(",", "%2C").replace("=", "%3D")}


ADVERSARIAL = [
    0.0, -0.0, 5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, -1.7976931348623157e308, 1e-300, 1e300,
    1.0, float(np.nextafter(1.0, 2.0)), float(np.nextafter(1.0, 0.0)), 2.0**53, 2.0**53 + 2, 0.1 + 0.2, 0.3,
]  # fmt: skip


@given(
    edges=st.lists(st.sampled_from(ADVERSARIAL) | st.floats(allow_nan=False, allow_infinity=False), max_size=255),
    values=st.lists(
        st.sampled_from([*ADVERSARIAL, float("nan"), float("inf")]) | st.floats(allow_infinity=False),
        min_size=1,
        max_size=50,
    ),
)
def test_S21_any_value_finds_its_bin_in_the_same_eight_comparisons(edges: list[float], values: list[float]) -> None:
    """The search has no branch on data, so that no value is slow; here it also finds what numpy finds."""
    table = padded_edges([sorted(set(edges))])
    x = np.array(values).reshape(-1, 1)
    codes, columns = np.empty((1, len(values)), np.uint16), np.empty((1, len(values)))
    encode_numeric(x, table, codes, columns)
    assert codes.tolist() == encode_numeric_plain(x, table).tolist()
    assert columns.tobytes() == x.T.tobytes()
    assert (codes[0][np.isfinite(x[:, 0])] < BINS).all()


@pytest.mark.parametrize("name", ["ties", "extremes", "alternating"])
def test_S21_adversarial_values_keep_state_finite_and_batching_invisible(name: str) -> None:
    values = {
        "ties": [1.0],
        "extremes": [v for v in ADVERSARIAL if v],
        "alternating": [1.7e308, -1.7e308],
    }[name]
    records = []
    for i in range(300):
        features = {"amount": values[i % len(values)], "age": values[-i % len(values)], "plan": "free", "known": True}
        raw = {**event(random.Random(i), i, START_MS + 5_000 * i, 0.0), "features": features}
        records.append(orjson.dumps(raw))
    log = Log(records, [START_MS + 5_000 * i for i in range(300)])
    whole = partition(SPEC, the_reference())
    said = whole.apply(whole.decode(records, range(300), log.record_ms))
    state = whole.monitors["m"].scopes[0]
    for array in vars(state.detectors).values():
        assert np.isfinite(array).all()
    pieces = partition(SPEC, the_reference())
    one_by_one = [
        signal
        for i in range(300)
        for signal in pieces.apply(pieces.decode(records[i : i + 1], [i], log.record_ms[i : i + 1]))
    ]
    assert [encode(s) for s in said] == [encode(s) for s in one_by_one]
    assert said, "windows close, whatever the values"


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
