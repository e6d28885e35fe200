"""A reference learnt from the first events, and what happens when they make none."""

from __future__ import annotations

import itertools
from dataclasses import replace

import orjson
import pytest

from driftline.config.model_spec import FieldOverride
from driftline.processors.monitor import Monitor
from driftline.processors.reference.build import build_reference
from driftline.processors.reference.profile import decode_reference
from driftline.schemas.codec import encode
from driftline.schemas.exact import read_prediction
from driftline.schemas.signals import Health, HealthCode, ReferenceLearnt, Signal, WindowClosed
from tests.core.logs import SPEC, START_MS, Log, make_log, partition, run

LEARNING = replace(SPEC, learn_from=100)


def play(log: Log, spec: object = LEARNING) -> list[Signal]:
    where = partition(spec, None)  # type: ignore[arg-type]
    said = where.apply(where.decode(log.records, range(len(log)), log.record_ms))
    return said + where.finish()


def test_what_is_learnt_is_what_reference_build_makes_of_the_same_events() -> None:
    log = make_log(1, 100, late_share=0.0)
    events = {}
    for raw in log.records:
        if raw.endswith(b"}"):
            event, _ = read_prediction(raw)
            events.setdefault(event.prediction_id, event)
    plausible = [e for e in events.values() if abs(e.timestamp_ms - START_MS) < 10**9]
    spec = replace(LEARNING, learn_from=len(plausible), lateness_ms=10**9, future_tolerance_ms=10**9, dedup=1_000)
    learnt = next(s for s in play(log, spec) if isinstance(s, ReferenceLearnt))
    built = build_reference(spec, plausible, f"learnt from {len(plausible)} events")
    assert decode_reference(learnt.reference_json) == built


def test_windows_before_it_is_learnt_judge_nothing_and_later_ones_do() -> None:
    said = play(make_log(2, 300))
    at = next(i for i, s in enumerate(said) if isinstance(s, ReferenceLearnt))
    assert {len(s.fields) for s in said[:at] if isinstance(s, WindowClosed)} == {0}
    after = [s for s in said[at:] if isinstance(s, WindowClosed)]
    assert {s.reference_hash for s in after} == {decode_reference(said[at].reference_json).hash}
    assert all(s.fields for s in after)


ONLY_IDS = {name: FieldOverride(monitor=False) for name in ("amount", "age", "plan", "known")}


def unlearnable(n: int) -> Log:
    """Events whose only field, the prediction, is a different text every time: nothing to profile."""
    records = [
        orjson.dumps(
            {"prediction_id": f"id-{i}", "model": "m", "timestamp": START_MS + 20_000 * i, "prediction": f"t{i}"}
        )
        for i in range(n)
    ]
    return Log(records, [START_MS + 20_000 * i for i in range(n)])


def test_events_that_make_no_reference_are_said_and_the_next_ones_are_tried() -> None:
    spec = replace(SPEC, learn_from=250)
    bad, good = unlearnable(500), make_log(3, 600, late_share=0.0)
    later = Log(bad.records + good.records, bad.record_ms + [ms + 86_400_000 for ms in good.record_ms])
    later.records[500:] = [raw.replace(b'"timestamp":17', b'"timestamp":17') for raw in good.records]
    later = Log(bad.records + good.records, [*bad.record_ms, *(max(ms, bad.record_ms[-1]) for ms in good.record_ms)])
    spec = replace(spec, lateness_ms=7 * 86_400_000)
    said = play(later, spec)
    health = [s for s in said if isinstance(s, Health) and s.code is HealthCode.NO_REFERENCE]
    assert len(health) == 2
    assert "no field is left to monitor" in health[0].message
    assert sum(isinstance(s, ReferenceLearnt) for s in said) == 1
    for cuts in ([250], [249], [251, 500], list(range(0, 1_100, 90))):
        assert run(later, cuts, spec, None) == [encode(s) for s in said]
    assert run(later, [], spec, None, restart_at=[100, 250, 700]) == [encode(s) for s in said]


def test_unknown_envelope_names_are_counted_wherever_the_log_is_cut_while_learning() -> None:
    log = make_log(4, 200)
    log.records[:] = [raw.replace(b'{"prediction_id"', b'{"novel":1,"prediction_id"') for raw in log.records]
    whole = play(log)
    counted = sum(
        s.unknown_features.get("envelope:novel", 0)
        for s in whole
        if isinstance(s, WindowClosed) and s.length_ms == SPEC.windows_ms[0] and s.segment == ""
    )
    applied = sum(
        s.n for s in whole if isinstance(s, WindowClosed) and s.length_ms == SPEC.windows_ms[0] and not s.segment
    )
    assert counted == applied
    for cuts in ([100], [103], [150], list(range(200))):
        assert run(log, cuts, LEARNING, None) == [encode(s) for s in whole]


def test_values_near_the_end_of_the_floating_point_range_can_be_learnt_and_restored() -> None:
    records = []
    for i in range(300):
        features = {"amount": [1.7e308, -1.7e308, 0.0, 5e-324][i % 4], "tied": 1.0}
        raw = {
            "prediction_id": f"id-{i}",
            "model": "m",
            "timestamp": START_MS + i,
            "prediction": 1,
            "features": features,
        }
        records.append(orjson.dumps(raw))
    log = Log(records, [START_MS + i for i in range(300)])
    assert run(log, [], LEARNING, None, restart_at=[50, 150]) == run(log, [], LEARNING, None)


def test_a_batch_decoded_before_the_reference_was_learnt_is_applied_after_it() -> None:
    log = make_log(6, 300)
    ahead, in_turn = partition(LEARNING, None), partition(LEARNING, None)
    pieces = [(0, 150), (150, 300)]
    decoded = [ahead.decode(log.records[a:b], range(a, b), log.record_ms[a:b]) for a, b in pieces]
    said = [s for batch in decoded for s in ahead.apply(batch)]
    for a, b in pieces:
        for signal in in_turn.apply(in_turn.decode(log.records[a:b], range(a, b), log.record_ms[a:b])):
            assert signal == said.pop(0)
    assert not said


def test_another_number_of_events_to_learn_from_begins_to_learn_anew() -> None:
    log = make_log(7, 60, late_share=0.0)
    where = partition(LEARNING, None)
    where.apply(where.decode(log.records, range(60), log.record_ms))
    snapshot = where.monitors["m"].snapshot()
    assert len(Monitor.restore(LEARNING, None, snapshot).learnt_rows) == where.monitors["m"].counters.applied
    assert Monitor.restore(replace(LEARNING, learn_from=50), None, snapshot).learnt_rows == []


@pytest.mark.parametrize("learn_from", [1, 2, 99])
def test_any_number_of_events_is_enough_to_begin_with(learn_from: int) -> None:
    spec = replace(SPEC, learn_from=learn_from)
    log = make_log(8, 120)
    whole = run(log, [], spec, None)
    assert whole == run(log, range(120), spec, None)
    assert list(itertools.islice((w for w in whole if b"reference_learnt" in w), 1))
