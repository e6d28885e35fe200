"""The apply kernel against its plain twin: the state of every detector and every alarm, bit for bit."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from driftline.config.budget import FalseAlarmBudget
from driftline.processors.detectors.cascade_plan import BASE_EVENTS
from driftline.processors.reference.profile import Reference
from driftline.processors.scope import Scope
from driftline.processors.segments import Segment
from driftline.schemas.signals import Drift
from tests.core.fewer import fewer_examples
from tests.core.logs import SPEC, START_MS, Log, make_log, partition, reference
from tests.core.plain_detectors import PlainDetectors, PlainJudge
from tests.core.plain_monitor import PlainMonitor

# the loudest budget there is, so that detectors alarm, latch and arm again within few events
LOUD = replace(SPEC, false_alarms=FalseAlarmBudget(100_000.0, "week"), events_per_week=100_000.0, segments_max=2)


@functools.cache
def the_reference() -> Reference:
    return reference(n=4_000)


def check(log: Log, cuts: list[int]) -> None:
    plain = PlainMonitor(LOUD, the_reference())
    plain.read(log)
    where = partition(LOUD, the_reference())
    signals = []
    for start, stop in zip([0, *cuts], [*cuts, len(log)], strict=True):
        signals += where.apply(where.decode(log.records[start:stop], range(start, stop), log.record_ms[start:stop]))
    scope = where.monitors["m"].scopes[0]
    twin = PlainDetectors("m", scope.tables, scope.thresholds.judges)
    for applied in plain.applied:
        twin.take(applied)
    fields = {
        (kind, name): m for m, (kind, name) in enumerate(zip(scope.tables.kinds, scope.tables.names, strict=True))
    }
    found = [
        (s.offset, (LOUD.segments.index(tuple(s.segment_set)) if s.segment_set else -1, s.segment), fields[s.kind, s.field],
         s.detector)
        for s in signals
        if isinstance(s, Drift)
    ]  # fmt: skip
    assert sorted(found) == sorted(twin.alarms)
    for (segment, m), judge in twin.judges.items():
        check_state(scope, scope.rows.segments.index(Segment(*segment)), m, judge)


def check_state(scope: Scope, g: int, m: int, judge: PlainJudge) -> None:
    state = scope.detectors
    if judge.bets is not None:
        assert state.bets[g, m].tolist() == judge.bets.stakes
        assert bool(state.bets_latched[g, m, 0]) == judge.bets.latched
    if judge.cascade is not None:
        under_way = np.zeros(18, np.int64)
        for level, window in enumerate(judge.cascade.windows):
            under_way += state.cascade[g, m, level]
            assert under_way.tolist() == np.bincount(np.array(window, np.int64), minlength=18).tolist()
            assert len(window) == int(state.seen[g]) % (BASE_EVENTS << level)
        assert state.cascade_latched[g, m, 0] == sum(1 << level for level in judge.cascade.latched)
    adwin = judge.adwin
    assert state.adwin_head[g, m].tolist() == [adwin.tick, adwin.width, adwin.total, adwin.variance]
    for r, row in enumerate(adwin.rows):
        assert state.adwin_sums[g, m, r, : len(row)].tolist() == row
        assert state.adwin_counts[g, m, r] == len(row)
    sums = judge.page_hinkley
    assert state.page_hinkley[g, m, [0, 2, 3]].tolist() == [sums.n, sums.up, sums.down]
    assert bool(state.page_hinkley_latched[g, m, 0]) == sums.latched


@fewer_examples()
@given(seed=st.integers(0, 2**32 - 1), cuts=st.sets(st.integers(1, 59), max_size=5))
def test_state_and_alarms_are_those_of_the_plain_detectors(seed: int, cuts: set[int]) -> None:
    check(make_log(seed, 60, drift_at=0.2), sorted(cuts))


@settings(max_examples=3)
@given(seed=st.integers(0, 2**32 - 1))
def test_they_are_over_windows_of_the_cascade_too(seed: int) -> None:
    check(make_log(seed, 700, drift_at=0.2, late_share=0.0), [300])


def test_values_that_never_change_and_values_that_are_never_there() -> None:
    log = make_log(1, 0)
    for i in range(300):
        features = b'"amount": 1.5, "plan": null' if i % 2 else b'"amount": 1.5, "plan": "x"'
        log.records.append(
            b'{"prediction_id": "%d", "model": "m", "timestamp": %d, "prediction": "yes", "features": {%b}}'
            % (i, START_MS + i, features)
        )
        log.record_ms.append(START_MS + i)
    check(log, [])
