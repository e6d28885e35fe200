"""What holds for every log: the invariants of the core (docs/concepts.md), each a property.

Logs are made from a seed with disorder, duplicates, late, implausible and undecodable records, gaps and a drift.
"""

from __future__ import annotations

import functools
import itertools
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.processors.merge import WindowMerger
from driftline.processors.reference.profile import Reference
from driftline.schemas.codec import decode_signal
from driftline.schemas.signals import FieldWindow, WindowClosed
from tests.core.fewer import fewer_examples
from tests.core.logs import MINUTE_MS, SPEC, Log, event, make_log, partition, reference, run

EVENTS = 320
SEEDS = st.integers(0, 2**32 - 1)
CUTS = st.lists(st.integers(0, EVENTS), max_size=40)
LEARNING = replace(SPEC, learn_from=150)


@functools.cache
def the_reference() -> Reference:
    return reference()


@functools.lru_cache(maxsize=8)
def a_log(seed: int) -> Log:
    return make_log(seed, EVENTS)


@given(seed=SEEDS, cuts=CUTS)
def test_any_batching_of_the_same_log_says_the_same(seed: int, cuts: list[int]) -> None:
    log = a_log(seed)
    assert run(log, cuts, SPEC, the_reference()) == run(log, [], SPEC, the_reference())


@fewer_examples()
@given(seed=SEEDS, cuts=CUTS)
def test_any_batching_says_the_same_while_the_reference_is_being_learnt(seed: int, cuts: list[int]) -> None:
    log = a_log(seed)
    assert run(log, cuts, LEARNING, None) == run(log, [], LEARNING, None)


@given(seed=SEEDS, crashes=st.lists(st.integers(1, EVENTS - 1), min_size=1, max_size=4), learning=st.booleans())
def test_a_crash_at_any_event_changes_nothing(seed: int, crashes: list[int], learning: bool) -> None:
    log = a_log(seed)
    spec, given_reference = (LEARNING, None) if learning else (SPEC, the_reference())
    assert run(log, [], spec, given_reference, restart_at=crashes) == run(log, [], spec, given_reference)


@given(seed=SEEDS)
def test_a_permutation_within_the_lateness_leaves_the_windows_as_they_were(seed: int) -> None:
    rng = random.Random(seed)
    spec = replace(SPEC, segments_max=100)
    at = [1_767_225_600_000 + rng.randrange(90 * MINUTE_MS) for _ in range(120)]
    events = [(ms, msgspec.json.encode(event(rng, i, ms, rng.random()))) for i, ms in enumerate(sorted(at))]
    shuffled = sorted(events, key=lambda e: e[0] + rng.randrange(spec.lateness_ms))
    assert _time_windows(events, spec) == _time_windows(shuffled, spec)


def _time_windows(events: Sequence[tuple[int, bytes]], spec: object) -> list[WindowClosed]:
    """The windows of a log without what the online detectors show: these run in log order."""
    log, latest = Log(), 0
    for ms, raw in events:
        latest = max(latest, ms)
        log.records.append(raw)
        log.record_ms.append(latest + 1_000)
    windows = _windows(run(log, [], spec, the_reference()))  # type: ignore[arg-type]
    return sorted(
        (msgspec.structs.replace(w, fields=[_without_online(f) for f in w.fields]) for w in windows), key=lambda w: w.id
    )


def _without_online(field: FieldWindow) -> FieldWindow:
    return msgspec.structs.replace(
        field, e_value=None, adwin_width=None, adwin_mean=None, adwin_detections=None, page_hinkley=None,
        page_hinkley_detections=None,
    )  # fmt: skip


def _windows(said: Sequence[bytes]) -> list[WindowClosed]:
    signals = [decode_signal(line) for line in said]
    return [signal for signal in signals if isinstance(signal, WindowClosed)]


@given(seed=SEEDS, learning=st.booleans())
def test_windows_partition_time_and_hold_every_applied_event_once(seed: int, learning: bool) -> None:
    spec, given_reference = (LEARNING, None) if learning else (SPEC, the_reference())
    log = a_log(seed)
    where = partition(spec, given_reference)
    signals = where.apply(where.decode(log.records, range(len(log)), log.record_ms)) + where.finish()
    total: dict[tuple[int, int], int] = defaultdict(int)
    spans: dict[tuple[int, tuple[str, ...]], list[tuple[int, int]]] = defaultdict(list)
    for window in signals:
        if not isinstance(window, WindowClosed):
            continue
        assert window.end_ms - window.start_ms == window.length_ms
        assert window.start_ms % window.length_ms == 0
        total[window.length_ms, len(window.segment_set)] += window.n
        if not window.partial:
            spans[window.length_ms, (*window.segment_set, window.segment)].append((window.start_ms, window.end_ms))
        for field in window.fields:
            assert field.n == sum(field.counts[:64])
            assert window.n == field.n + field.missing + field.invalid
    applied = where.counters().applied
    assert {n for (_, keys), n in total.items() if keys == 0} == {applied}
    # segments are known once the reference is
    judged = applied - spec.learn_from if learning else applied
    assert {n for (_, keys), n in total.items() if keys > 0} == {judged}
    assert len(total) == 6
    for intervals in spans.values():
        assert len(set(intervals)) == len(intervals), "a window closed twice"
        assert intervals == sorted(intervals), "windows close in the order of time"


@given(seed=SEEDS, cuts=CUTS)
def test_no_event_is_unaccounted_for_at_any_time(seed: int, cuts: list[int]) -> None:
    log = a_log(seed)
    where = partition(SPEC, the_reference())
    bounds = sorted({0, len(log), *cuts})
    for start, stop in itertools.pairwise(bounds):
        where.apply(where.decode(log.records[start:stop], range(start, stop), log.record_ms[start:stop]))
        counters = where.counters()
        assert counters.consumed == stop
        assert counters.consumed == sum(
            (counters.applied, counters.duplicate, counters.late, counters.rejected, counters.filtered)
        )


@given(seed=SEEDS)
def test_halves_of_a_window_merge_to_the_whole(seed: int) -> None:
    rng = random.Random(seed)
    log = make_log(seed, 150, late_share=0.0)
    whole = {_key(w): w for w in _windows(run(log, [], replace(SPEC, dedup=0, segments_max=100), the_reference()))}
    halves: list[dict[tuple[object, ...], WindowClosed]] = []
    chosen = [rng.random() < 0.5 for _ in log.records]
    for side in (True, False):
        half = Log(
            [raw for raw, c in zip(log.records, chosen, strict=True) if c is side],
            [ms for ms, c in zip(log.record_ms, chosen, strict=True) if c is side],
        )
        # no lateness to lose events by: which event is late depends on the other half
        spec = replace(SPEC, dedup=0, segments_max=100, lateness_ms=2 * 60 * MINUTE_MS, idle_after_ms=None)
        halves.append({_key(w): w for w in _windows(run(half, [], spec, the_reference()))})
    merger = WindowMerger(SPEC, the_reference())
    for key, window in whole.items():
        parts = [half[key] for half in halves if key in half]
        if sum(part.n for part in parts) != window.n:
            continue  # late in the whole log
        merged = merger.merge(*parts) if len(parts) == 2 else parts[0]
        assert merged.n == window.n
        for ours, theirs in zip(merged.fields, window.fields, strict=True):
            assert ours.counts == theirs.counts
            for name in ("psi", "jensen_shannon", "ks", "chi_square", "chi_square_p", "min", "max"):
                assert getattr(ours, name) == getattr(theirs, name)
            for name, tolerance in (("mean", 1e-9), ("wasserstein", 1e-9), ("sd", 1e-6)):
                a, b = getattr(ours, name), getattr(theirs, name)
                assert a is None if b is None else a == pytest.approx(b, rel=tolerance, abs=tolerance)


def _key(window: WindowClosed) -> tuple[object, ...]:
    return window.start_ms, window.length_ms, tuple(window.segment_set), window.segment
