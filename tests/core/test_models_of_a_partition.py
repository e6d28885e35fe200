"""Several models on one partition: none sees another, and time passes for all."""

from __future__ import annotations

import functools
import itertools
import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.processors import partition as partition_module
from driftline.processors.batches import Tick
from driftline.processors.partition import Partition
from driftline.processors.reference.profile import Reference
from driftline.schemas.codec import encode
from driftline.schemas.signals import AlertOpened, Health, HealthCode, LateEvents, Signal, WindowClosed
from tests.core.fewer import fewer_examples
from tests.core.logs import MINUTE_MS, SPEC, START_MS, Log, event, make_log, reference

IDLE_MS = SPEC.idle_after_ms or 0
MODELS = ("m", "other", "learner")


@functools.cache
def the_reference() -> Reference:
    return reference()


def several() -> Partition:
    other = replace(SPEC, name="other", segments=(), lateness_ms=0, idle_after_ms=5 * MINUTE_MS)
    learner = replace(SPEC, name="learner", learn_from=20, idle_after_ms=None)
    specs = {"m": SPEC, "other": other, "learner": learner}
    return Partition(specs, {"m": {"": the_reference()}, "other": {"": the_reference()}, "learner": {}})


def mixed_log(seed: int, n: int) -> Log:
    """A log in which records of three models, and of one that nobody asked for, take turns in runs."""
    log, rng = make_log(seed, n), random.Random(seed)
    model = "m"
    for i, raw in enumerate(log.records):
        if rng.random() < 0.1:
            model = rng.choice([*MODELS, "unlisted"])
        log.records[i] = raw.replace(b'"model":"m"', b'"model":"%b"' % model.encode())
    return log


def play(log: Log, cuts: Iterable[int]) -> tuple[dict[str, list[bytes]], Partition]:
    where = several()
    said: dict[str, list[bytes]] = defaultdict(list)
    for start, stop in itertools.pairwise(sorted({0, len(log), *cuts})):
        for signal in where.apply(where.decode(log.records[start:stop], range(start, stop), log.record_ms[start:stop])):
            said[model_of(signal)].append(encode(signal))
    for signal in where.finish():
        said[model_of(signal)].append(encode(signal))
    return said, where


def model_of(signal: Signal) -> str:
    return signal.alert.model if isinstance(signal, AlertOpened) else signal.model


@fewer_examples()
@given(seed=st.integers(0, 2**32 - 1), cuts=st.sets(st.integers(1, 119), max_size=8))
def test_each_model_says_the_same_however_the_log_is_cut(seed: int, cuts: set[int]) -> None:
    log = mixed_log(seed, 120)
    whole, where = play(log, [])
    assert play(log, cuts)[0] == whole
    counters = where.counters()
    assert counters.consumed == 120
    assert counters.filtered == sum(b'"model":"unlisted"' in raw and raw.endswith(b"}") for raw in log.records)


@fewer_examples()
@given(seed=st.integers(0, 2**32 - 1))
def test_a_model_counts_what_it_would_count_alone(seed: int) -> None:
    """Others only move its clock, which is off here."""
    log = mixed_log(seed, 120)
    spec = replace(SPEC, idle_after_ms=None)
    together = Partition({"m": spec, "other": replace(SPEC, name="other")}, {"m": {"": the_reference()}})
    alone = Partition({"m": spec}, {"m": {"": the_reference()}})
    said = []
    for where in (together, alone):
        signals = where.apply(where.decode(log.records, range(len(log)), log.record_ms)) + where.finish()
        said.append([encode(s) for s in signals if model_of(s) == "m"])
    assert said[0] == said[1]


def one_event(i: int, at_ms: int, model: str = "m") -> bytes:
    return orjson.dumps({**event(random.Random(i), i, at_ms, 0.0), "model": model})


def windows_of(signals: list[Signal]) -> list[WindowClosed]:
    return [s for s in signals if isinstance(s, WindowClosed) and s.segment == ""]


@pytest.mark.parametrize("by", ["a tick", "another model's record", "an undecodable record", "its own next record"])
def test_R18_an_idle_model_closes_its_windows(by: str) -> None:
    where = several()
    assert where.apply(where.decode([one_event(1, START_MS)], [0], [START_MS])) == []
    pane_end = START_MS + SPEC.windows_ms[0]
    closes_at = pane_end + IDLE_MS + SPEC.lateness_ms

    def advance(now: int, offset: int) -> list[Signal]:
        if by == "a tick":
            return where.tick(Tick(record_ms=now, offset=offset))
        raw = {"another model's record": one_event(2, now, "unlisted"), "an undecodable record": b"{"}
        return where.apply(where.decode([raw.get(by, one_event(offset, now))], [offset], [now]))

    if by != "its own next record":
        assert windows_of(advance(closes_at - 1, 1)) == []
    closed = windows_of(advance(closes_at, 2))
    assert [(w.end_ms, w.n, w.partial) for w in closed if w.model == "m"] == [(pane_end, 1, False)]


def test_idle_closing_that_is_off_waits_for_the_models_own_events() -> None:
    where = Partition({"m": replace(SPEC, idle_after_ms=None)}, {"m": {"": the_reference()}})
    where.apply(where.decode([one_event(1, START_MS)], [0], [START_MS]))
    assert where.tick(Tick(record_ms=START_MS + 10**9, offset=1)) == []
    assert [w.partial for w in windows_of(where.finish())] == [True, True]


def test_a_tick_before_the_first_event_or_from_the_past_moves_nothing() -> None:
    where = several()
    assert where.tick(Tick(record_ms=START_MS, offset=0)) == []
    where.apply(where.decode([one_event(1, START_MS)], [0], [START_MS]))
    assert where.tick(Tick(record_ms=START_MS - 10**12, offset=1)) == []
    assert where.monitors["m"].admission.watermark_ms == START_MS - SPEC.lateness_ms


def test_unlisted_models_are_discovered_up_to_a_cap_and_the_rest_is_filtered(monkeypatch: pytest.MonkeyPatch) -> None:
    """R27 for models: a name is all an attacker needs."""
    monkeypatch.setattr(partition_module, "MODELS_MAX", 5)
    where = Partition({"m": SPEC}, {"m": {"": the_reference()}}, discovered=replace(SPEC, learn_from=50))
    records = [one_event(i, START_MS + i, f"model-{i % 10}") for i in range(100)] + [one_event(200, START_MS)]
    said = where.apply(where.decode(records, range(101), [START_MS] * 101))
    assert [s.code for s in said if isinstance(s, Health)] == [HealthCode.MODELS_CAPPED]
    assert len(where.monitors) == 5
    counters = where.counters()
    assert (counters.consumed, counters.applied, counters.filtered) == (101, 41, 60)
    assert where.apply(where.decode(records, range(101), [START_MS] * 101)) == [], "it is said once"


def test_labels_are_counted_and_change_no_window() -> None:
    where = several()
    label = {"prediction_id": "id-1", "model": "m", "timestamp": START_MS, "label": "yes"}
    decoded = where.decode_labels([orjson.dumps(label), b"{", orjson.dumps({**label, "label": None})], [0, 1, 2])
    where.apply_labels(decoded)
    assert where.counters().labels == 2


def test_late_events_of_one_model_are_not_said_of_another() -> None:
    where = several()
    records = [
        one_event(1, START_MS), one_event(2, START_MS, "other"),
        one_event(3, START_MS + 11 * MINUTE_MS + 1, "other"), one_event(4, START_MS, "other"),
        one_event(5, START_MS, "m"), one_event(6, START_MS + 31 * MINUTE_MS, "other"),
    ]  # fmt: skip
    said = where.apply(where.decode(records, range(6), [START_MS + 11 * MINUTE_MS] * 5 + [START_MS + 31 * MINUTE_MS]))
    assert [(s.model, s.count) for s in said if isinstance(s, LateEvents)] == [("other", 1)]


def test_decoding_lines_gives_what_decoding_records_gives() -> None:
    log = mixed_log(3, 100)
    good = [raw for raw in log.records if raw.endswith(b"}")]
    lines, records = several(), several()
    said = lines.apply(lines.decode_lines(b"\n".join(good) + b"\n", 0)) + lines.finish()
    assert [encode(s) for s in said] == [
        encode(s) for s in records.apply(records.decode(good, range(len(good)))) + records.finish()
    ]
