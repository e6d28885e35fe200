"""What state costs, and what becomes of segments and names beyond their caps."""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import replace

import numpy as np
import orjson
import pytest

from driftline.config.model_spec import DAY_MS, HOUR_MS, ModelSpec
from driftline.processors.admission import Admission
from driftline.processors.panes import OpenWindows
from driftline.processors.partition import Partition
from driftline.processors.reference.profile import Reference
from driftline.processors.scope import Scope
from driftline.processors.segments import OTHER
from driftline.processors.state import COUNT_MAX, DetectorState, WindowState, arrays_of, nbytes
from driftline.processors.unknown_names import UNKNOWN_NAMES_MAX
from driftline.schemas.signals import WindowClosed
from tests.core.logs import MINUTE_MS, SPEC, START_MS, Log, make_log, partition, reference, run
from tests.core.plain_monitor import PlainMonitor

TUMBLING = (10 * MINUTE_MS, HOUR_MS, DAY_MS)
BYTES_MAX = 3_072


@functools.cache
def the_reference() -> Reference:
    return reference()


def bytes_of_a_field(spec: ModelSpec) -> float:
    """Bytes of state for each segment and numeric field (others keep no moments)."""
    fields = 20
    panes = Admission(
        spec.windows_ms[0], spec.lateness_ms, spec.idle_after_ms, spec.future_tolerance_ms, spec.dedup
    ).open_panes
    windows = WindowState(OpenWindows(spec.windows_ms, panes).slots, fields, fields)
    return (nbytes(windows) + nbytes(DetectorState(fields))) / fields / windows.events.shape[0]


def test_a_feature_of_a_segment_costs_at_most_3_kilobytes_at_the_default_windows() -> None:
    assert bytes_of_a_field(ModelSpec(name="m", windows_ms=TUMBLING)) <= BYTES_MAX


def segment_event(i: int, region: str, amount: float) -> bytes:
    fields = {"features": {"amount": amount}, "context": {"region": region, "device": "web"}}
    return orjson.dumps(
        {"prediction_id": f"{i}", "model": "m", "timestamp": START_MS + i, "prediction": "no", **fields}
    )


@pytest.mark.compiled
def test_R27_ten_thousand_segments_in_bounded_memory_and_the_rest_in_other() -> None:
    spec = replace(SPEC, segments=(("region",),), segments_max=10_000, dedup=0, windows_ms=TUMBLING)
    where = partition(spec, the_reference())
    n = 25_000
    for start in range(0, n, 5_000):
        events = range(start, start + 5_000)
        records = [segment_event(i, f"r{i % 12_500}", float(i % 7)) for i in events]
        where.apply(where.decode(records, events, [START_MS + i for i in events]))
    scope = where.monitors["m"].scopes[0]
    own = sum(segment.set_index == 0 for segment in scope.tables.rows)
    assert len(scope.rows) == 10_000 + 2  # the whole model and the rest; the reference's own segments did not come
    assert own == 3
    fields = scope.tables.n_fields
    assert nbytes(scope.window_state) + nbytes(scope.detectors) <= 2 * 10_002 * fields * BYTES_MAX
    for name, array in [*arrays_of(scope.window_state), *arrays_of(scope.detectors)]:
        assert array.shape[0] < 2 * 10_002, f"{name} grows by doubling"
    windows = [w for w in where.finish() if isinstance(w, WindowClosed) and w.length_ms == TUMBLING[0] and w.segment]
    counted = {w.segment: w.n for w in windows}
    assert counted[OTHER] == 2 * 2_500
    assert Counter(counted.values()) == {2: 10_000, 5_000: 1}, "tracked segments are exact"
    plan = {w.segment: w.fields[0] for w in windows}
    assert plan["region=r13"].mean == pytest.approx(((13 % 7) + (12_513 % 7)) / 2)


def test_R27_tracked_segments_keep_exact_values_while_others_come_and_go() -> None:
    records = [segment_event(i, "calm" if i % 3 == 0 else f"storm-{i}", 1.0) for i in range(600)]
    log = Log(records, [START_MS + i for i in range(600)])
    spec = replace(SPEC, segments_max=5, segments=(("region",), ("device", "region")))
    plain = PlainMonitor(spec, the_reference())
    plain.read(log)
    where = partition(spec, the_reference())
    said = where.apply(where.decode(records, range(600), log.record_ms)) + where.finish()
    windows = [w for w in said if isinstance(w, WindowClosed) and w.length_ms == spec.windows_ms[0]]
    counted = {(tuple(w.segment_set), w.segment): w.n for w in windows}
    assert counted[("region",), "region=calm"] == 200
    assert counted[("device", "region"), "device=web,region=calm"] == 200
    assert counted[("region",), OTHER] == 600 - 200 - 4
    assert len(counted) == 1 + 2 * (5 + 1)


def test_R27_unknown_feature_names_are_told_apart_up_to_a_cap_the_first_met_ones() -> None:
    records = []
    for i in range(60):
        features = {"amount": 1.0, **{f"new-{(7 * i + k) % 200}": k for k in range(3)}}
        raw = {"prediction_id": f"{i}", "model": "m", "timestamp": START_MS + 30_000 * i, "prediction": "no"}
        records.append(orjson.dumps({**raw, "features": features}))
    log = Log(records, [START_MS + 30_000 * i for i in range(60)])
    whole = run(log, [], SPEC, the_reference())
    for cuts in ([1, 2, 3], [25], list(range(60))):
        assert run(log, cuts, SPEC, the_reference()) == whole
    assert run(log, [], SPEC, the_reference(), restart_at=[10, 25, 40]) == whole
    where = partition(SPEC, the_reference())
    said = where.apply(where.decode(records, range(60), log.record_ms)) + where.finish()
    for window in said:
        if isinstance(window, WindowClosed) and not window.segment:
            assert len(window.unknown_features) <= UNKNOWN_NAMES_MAX + 1
            assert sum(window.unknown_features.values()) == 3 * window.n
    day = [w for w in said if isinstance(w, WindowClosed) and w.length_ms == SPEC.windows_ms[1] and not w.segment]
    assert OTHER in day[0].unknown_features


@pytest.mark.compiled
def test_R27_a_million_unknown_names_cost_no_more_than_the_cap() -> None:
    where = partition(SPEC, the_reference())
    for start in range(0, 1_000, 100):
        records = []
        for i in range(start, start + 100):
            features = {f"f{i}-{k}": 1 for k in range(1_000)}
            raw = {"prediction_id": f"{i}", "model": "m", "timestamp": START_MS + i, "prediction": "no"}
            records.append(orjson.dumps({**raw, "features": features}))
        where.apply(where.decode(records, range(start, start + 100), [START_MS + i for i in range(start, start + 100)]))
    names = where.monitors["m"].scopes[0].unknown.slots
    assert sum(len(slot) for slot in names) <= UNKNOWN_NAMES_MAX + 1
    assert sum(sum(slot.values()) for slot in names) == 1_000_000


def test_a_count_of_a_long_window_stops_at_its_limit_and_does_not_start_at_zero_again() -> None:
    where = partition(replace(SPEC, segments=()), the_reference())
    log = make_log(1, 40, late_share=0.0)
    where.apply(where.decode(log.records, range(40), log.record_ms))
    scope = where.monitors["m"].scopes[0]
    scope.window_state.counts[0, -1, 0, :64] = COUNT_MAX - 1
    windows = [w for w in where.finish() if isinstance(w, WindowClosed)]
    assert max(windows[-1].fields[0].counts) == COUNT_MAX


def test_a_reference_without_numbers_or_without_categories_or_of_constants_is_watched() -> None:
    for features in ({"amount": 1.0}, {"plan": "x"}, {"known": True}, {"amount": 1.0, "plan": "x"}):
        records = [
            orjson.dumps(
                {
                    "prediction_id": f"{i}",
                    "model": "m",
                    "timestamp": START_MS + 1_000 * i,
                    "prediction": "no",
                    "features": f,
                }
            )
            for i, f in enumerate([features] * 400 + [{}] * 20 + [dict.fromkeys(features, "other")] * 20)
        ]
        log = Log(records, [START_MS + 1_000 * i for i in range(len(records))])
        spec = replace(SPEC, learn_from=300, segments=(("nowhere",),))
        assert run(log, [], spec, None) == run(log, range(0, 440, 7), spec, None)
    numbers = [
        orjson.dumps({"prediction_id": f"{i}", "model": "m", "timestamp": START_MS + i, "prediction": i % 5 + 0.5})
        for i in range(400)
    ]
    log = Log(numbers, [START_MS + i for i in range(400)])
    spec = replace(SPEC, learn_from=300, segments=(), task="regression")
    said = run(log, [], spec, None)
    assert said == run(log, range(0, 400, 7), spec, None, restart_at=[200, 350])


def test_an_empty_batch_says_nothing() -> None:
    where = partition(SPEC, the_reference())
    assert where.apply(where.decode([], [], [])) == []
    assert where.apply(where.decode_lines(b"", 0)) == []
    assert where.finish() == []
    nobody = Partition({}, {})
    assert nobody.apply(nobody.decode([b"{}"], [0], [START_MS])) == []


def test_growing_keeps_what_is_there_and_adds_empty_rows() -> None:
    admission = Admission(MINUTE_MS, 0, None, 0, 0)
    scope = Scope(
        replace(SPEC, segments_max=50), "", the_reference(), OpenWindows((MINUTE_MS,), admission.open_panes), 0
    )
    before = scope.window_state.moments.copy()
    scope.window_state.moments[0] = 7.0
    for i in range(20):
        scope.rows.row(scope.rows.segments[0]._replace(set_index=0, label=f"region={i}"))
    scope.make_room()
    assert scope.window_state.moments.shape[0] >= 21
    assert np.all(scope.window_state.moments[0] == 7.0)
    assert np.array_equal(scope.window_state.moments[20], before[0])
    assert len(scope._reference_row) == 21
