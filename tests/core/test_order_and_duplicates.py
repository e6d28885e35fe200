"""Duplicates, disorder and late events (R14, R15, R16, R17).

Each test is named after its row of the reliability page. The oracle is the same log without the fault, and the law of
conservation, which a monitor checks at every step.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import orjson
from hypothesis import given

from driftline.processors.duplicates import DuplicateFilter
from driftline.schemas.codec import encode
from driftline.schemas.signals import LateEvents, WindowClosed
from tests.core.fewer import fewer_examples
from tests.core.logs import SPEC, START_MS, Log, event
from tests.core.reliability import SEEDS, counted, orderly, play


@fewer_examples()
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


@fewer_examples()
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


@fewer_examples()
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
