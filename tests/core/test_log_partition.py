"""A live partition is a function of what has been applied of both logs: not of runs, of interleaving, or of restarts."""

from __future__ import annotations

import functools
import random
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.processors import partition as partition_module
from driftline.processors.log_partition import LogPartition
from driftline.processors.segments import OTHER
from driftline.schemas.control import TICK_VALUE
from driftline.schemas.inputs import Input
from driftline.schemas.log_records import LogRecords
from driftline.schemas.rejections import RejectionReason
from driftline.schemas.signals import Health, HealthCode, Signal, WindowClosed
from tests.core.fewer import fewer_examples
from tests.core.logs import MINUTE_MS, SPEC, START_MS, event, reference
from tests.core.two_logs import L, Logs, P, Player, World, make_logs, steps_through, stored, whole, world

SEEDS = st.integers(0, 2**32 - 1)
EVENTS = 80


@functools.cache
def the_world() -> World:
    return world(reference())


@functools.lru_cache(maxsize=4)
def logs_of(seed: int) -> Logs:
    return make_logs(seed, EVENTS)


@functools.lru_cache(maxsize=4)
def in_one_run(seed: int) -> Player:
    player = Player(the_world().fresh(), logs_of(seed))
    player.play(whole(player.logs))
    return player


@given(seed=SEEDS, runs=st.integers(0, 20), order=SEEDS, ahead=st.integers(0, 4))
def test_runs_interleaving_and_decoding_ahead_leave_no_trace(seed: int, runs: int, order: int, ahead: int) -> None:
    logs = logs_of(seed)
    player = Player(the_world().fresh(), logs)
    player.play(steps_through(random.Random(order), logs, runs), ahead=ahead)
    assert player.said == in_one_run(seed).said
    assert player.letters == in_one_run(seed).letters
    assert player.where.state() == in_one_run(seed).where.state()


@fewer_examples()
@given(seed=SEEDS, order=SEEDS)
def test_a_restart_at_any_cut_leaves_no_trace(seed: int, order: int) -> None:
    logs, rng = logs_of(seed), random.Random(order)
    player = Player(the_world().fresh(), logs)
    for step in steps_through(rng, logs, 3):
        player.play([step])
        if rng.random() < 0.4:
            player.where = the_world().restored(stored(player.where.cut(full=False)))
    assert player.said == in_one_run(seed).said
    assert player.where.state() == in_one_run(seed).where.state()
    assert player.where.counters() == in_one_run(seed).where.counters()
    assert player.where.skipped == in_one_run(seed).where.skipped


def test_the_logs_of_these_tests_hold_what_they_are_meant_to() -> None:
    player = Player(the_world().fresh(), make_logs(1, 400))
    player.play(whole(player.logs))
    assert {model for _, model in player.said} >= {"", "m", "versions", "learner", "met"}
    assert player.letters[P]
    assert b"" in {value for _, value, _ in player.letters[L]}
    assert all(player.where.skipped.values())
    assert all(log.ticks for log in player.logs.values())
    learner = player.where.monitors["learner"]
    assert learner.learnt is not None
    assert learner.counters.applied > learner.spec.dedup


# -- offsets ---------------------------------------------------------------------------------------------------------


def fresh(**changes: object) -> LogPartition:
    given_world = the_world()
    specs = {"m": replace(SPEC, **changes)}  # type: ignore[arg-type]
    return LogPartition(specs, {"m": given_world.references["m"]}, partition=3, next_offsets={P: 10, L: 0})


def records(offsets: list[int], at_ms: int = START_MS, **fields: object) -> LogRecords:
    values = [orjson.dumps(event(random.Random(offset), offset, at_ms, 0.0)) for offset in offsets]
    return LogRecords(values, offsets, [at_ms] * len(offsets), **fields)  # type: ignore[arg-type]


def again(where: LogPartition) -> LogPartition:
    """Another worker takes over."""
    return LogPartition.restore({"m": SPEC}, {"m": the_world().references["m"]}, stored(where.cut(full=True)))


def take(where: LogPartition, source: Input, run: LogRecords) -> list[Signal]:
    return where.apply(where.decode(source, run)).signals


def test_records_that_were_decoded_are_skipped_when_they_come_again() -> None:
    where = fresh(dedup=0)
    take(where, P, records([10, 11, 12]))
    take(where, P, records([10, 11, 12]))
    take(where, P, records([11, 12, 13]))
    assert where.counters().applied == 4
    assert where.next == {P: 14, L: 0}


def test_a_run_that_begins_above_what_was_decoded_is_refused_until_it_is_known_that_nothing_is_missing() -> None:
    where = fresh()
    run = where.decode(P, records([13, 14]))
    assert (run.gap, run.pieces) == (3, [])
    assert where.apply(run).signals == []
    assert where.next[P] == 10
    where.apply(where.decode(P, records([13, 14]), allow_gap=True))
    assert (where.next[P], where.skipped[P], where.counters().applied) == (15, 3, 2)


def test_gaps_inside_a_run_are_counted() -> None:
    where = fresh()
    run = where.decode(P, records([8, 9, 12, 20]))
    assert (run.gap, run.skipped) == (0, 9)
    where.apply(run)
    assert (where.next[P], where.skipped) == (21, {P: 9, L: 0})


def test_runs_are_applied_once_and_in_the_order_in_which_they_were_decoded() -> None:
    where = fresh()
    first, second = where.decode(P, records([10])), where.decode(P, records([11]))
    with pytest.raises(ValueError, match="offset 10 is next, and this run begins at 11"):
        where.apply(second)
    where.apply(first)
    with pytest.raises(ValueError, match="offset 11 is next, and this run begins at 10"):
        where.apply(first)
    where.apply(second)
    assert where.counters().applied == 2


def test_what_was_decoded_and_dropped_is_decoded_again_after_a_rewind() -> None:
    where, undisturbed = fresh(), fresh()
    take(where, P, records([10]))
    where.decode(P, records([11], START_MS + 50 * MINUTE_MS))
    where.rewind()
    take(where, P, records([11, 12], START_MS + MINUTE_MS))
    take(undisturbed, P, records([10]))
    take(undisturbed, P, records([11, 12], START_MS + MINUTE_MS))
    assert where.state() == undisturbed.state()


def test_an_unreadable_record_is_handed_on_whole_with_its_reason() -> None:
    where = fresh()
    run = records([10, 11, 15])
    run.values[0], run.values[2] = b"", b"[]"
    run.record_ms[2] += 7
    letters = where.apply(where.decode(P, run)).rejected
    assert [(each.offset, each.reason, each.value, each.record_ms) for each in letters] == [
        (10, RejectionReason.INVALID_JSON, b"", START_MS),
        (15, RejectionReason.NOT_AN_OBJECT, b"[]", START_MS + 7),
    ]
    assert "the record is empty" in letters[0].message
    assert where.rejected == {RejectionReason.INVALID_JSON: 1, RejectionReason.NOT_AN_OBJECT: 1}
    assert where.counters().rejected == 2


# -- time ------------------------------------------------------------------------------------------------------------

CLOSES_MS = START_MS + SPEC.windows_ms[0] + (SPEC.idle_after_ms or 0) + SPEC.lateness_ms


def tick(offset: int, at_ms: int) -> LogRecords:
    return LogRecords([TICK_VALUE], [offset], [at_ms], [0])


def ends(signals: list[Signal]) -> list[int]:
    return [s.end_ms for s in signals if isinstance(s, WindowClosed) and s.segment == ""]


def test_a_tick_closes_the_windows_of_a_model_that_is_idle_and_is_no_event() -> None:
    where = fresh()
    take(where, P, records([10]))
    assert ends(take(where, P, tick(11, CLOSES_MS - 1))) == []
    assert ends(take(where, P, tick(12, CLOSES_MS))) == [START_MS + SPEC.windows_ms[0]]
    assert (where.counters().consumed, where.next[P]) == (1, 13)


def test_the_time_of_a_tick_counts_for_the_records_after_it() -> None:
    """Its own next record finds the model idle as of the tick, though that record was written before."""
    where = fresh()
    run = records([10, 11, 12])
    run.values[1], run.ticks, run.record_ms[1] = TICK_VALUE, [1], CLOSES_MS
    assert ends(take(where, P, run)) == [START_MS + SPEC.windows_ms[0]]
    assert where.counters().late == 1


def test_the_time_of_a_tick_counts_after_a_restart_too() -> None:
    where = fresh()
    take(where, P, tick(10, CLOSES_MS))
    where = again(where)
    assert ends(take(where, P, records([11]))) == [START_MS + SPEC.windows_ms[0]]


def test_ticks_and_labels_of_the_labels_log_close_no_window() -> None:
    where = fresh()
    take(where, P, records([10]))
    label = orjson.dumps({"prediction_id": "a", "model": "m", "timestamp": START_MS, "label": 1})
    run = LogRecords([label, TICK_VALUE], [0, 1], [CLOSES_MS, CLOSES_MS + 10**9], [1])
    assert ends(take(where, L, run)) == []
    assert (where.labels, where.counters().labels) == ({"m": 1}, 1)
    assert where.clock.latest_ms == {P: START_MS, L: CLOSES_MS + 10**9}


def test_the_outcome_side_may_go_as_far_as_both_logs_have_been_read() -> None:
    where = fresh()
    steps = [(P, records([10], START_MS + 5)), (L, tick(0, START_MS + 9)), (P, tick(11, START_MS + 20))]
    frontiers = [where.clock.frontier_ms]
    for source, run in [*steps, (L, tick(1, START_MS + 1))]:
        take(where, source, run)
        frontiers.append(where.clock.frontier_ms)
    assert frontiers == [None, None, START_MS + 5, START_MS + 9, START_MS + 9]


# -- what belongs to no model ----------------------------------------------------------------------------------------


def test_record_times_of_producers_are_said_once_for_each_input_also_across_a_restart() -> None:
    where = fresh()
    first = take(where, P, records([10], create_time=True))
    second = take(where, P, records([11], create_time=True))
    assert [(s.code, s.detail) for s in first if isinstance(s, Health)] == [
        (HealthCode.CREATE_TIME_TOPIC, {"input": "predictions"})
    ]
    assert "message.timestamp.type=LogAppendTime" in str(first[0])
    assert second == []
    restored = again(where)
    assert take(restored, P, records([12], create_time=True)) == []
    labels = take(restored, L, LogRecords([b"{"], [0], [START_MS], create_time=True))
    assert [s.detail for s in labels if isinstance(s, Health)] == [{"input": "labels"}]


def test_too_many_models_are_said_once_also_across_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition_module, "MODELS_MAX", 4)
    where, said = the_world().fresh(), []
    for offset in range(4):
        run = records([offset])
        run.values = [raw.replace(b'"model":"m"', b'"model":"met-%d"' % offset) for raw in run.values]
        said += [s.code for s in take(where, P, run) if isinstance(s, Health)]
        where = the_world().restored(stored(where.cut(full=True)))
    assert said == [HealthCode.MODELS_CAPPED]
    assert list(where.monitors) == ["m", "versions", "learner", "met-0"]
    assert where.counters().filtered == 3


def test_a_label_discovers_no_model_and_names_of_labels_are_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition_module, "MODELS_MAX", 2)
    where = the_world().fresh()
    values = [
        orjson.dumps({"prediction_id": "a", "model": model, "timestamp": START_MS, "label": 1})
        for model in ("a", "b", "c", "a", "m", "d")
    ]
    take(where, L, LogRecords(values, list(range(6)), [START_MS] * 6))
    assert list(where.monitors) == ["m", "versions", "learner"]
    assert where.labels == {"a": 2, "b": 1, OTHER: 2, "m": 1}
