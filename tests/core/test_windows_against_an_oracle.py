"""Every number that a window counts, against a plain Python count of the same log."""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import orjson
from hypothesis import given
from hypothesis import strategies as st

from driftline.config.model_spec import ModelSpec
from driftline.processors.reference.profile import Reference
from driftline.schemas.signals import FieldWindow, LateEvents, Rejected, WindowClosed
from tests.core.fewer import fewer_examples
from tests.core.logs import MINUTE_MS, SPEC, START_MS, Log, make_log, partition, reference
from tests.core.plain_monitor import FieldFacts, PlainMonitor

SEEDS = st.integers(0, 2**32 - 1)


@functools.cache
def the_reference() -> Reference:
    return reference()


def check(log: Log, spec: ModelSpec, given_reference: Reference) -> None:
    plain = PlainMonitor(spec, given_reference)
    plain.read(log)
    where = partition(spec, given_reference)
    signals = where.apply(where.decode(log.records, range(len(log)), log.record_ms)) + where.finish()
    counters = where.counters()
    assert counters.applied == len(plain.applied)
    assert counters.late == len(plain.late)
    assert counters.duplicate == plain.duplicate
    assert counters.rejected == plain.undecodable + plain.rejected.total()
    said_late = [signal for signal in signals if isinstance(signal, LateEvents)]
    assert sum(signal.count for signal in said_late) == len(plain.late)
    if plain.late:
        assert min(signal.oldest_ms for signal in said_late) == min(plain.late)
        assert max(signal.newest_ms for signal in said_late) == max(plain.late)
    reasons = [signal.reasons for signal in signals if isinstance(signal, Rejected)]
    assert sum(sum(r.values()) for r in reasons) == plain.rejected.total()
    windows = [signal for signal in signals if isinstance(signal, WindowClosed)]
    expected = plain.windows()
    found = {(w.length_ms, w.start_ms, (_set_index(spec, w), w.segment)): w for w in windows}
    assert len(found) == len(windows)
    assert found.keys() == expected.keys()
    for key, held in expected.items():
        window = found[key]
        assert window.n == len(held)
        assert window.partial is plain.partial(key)
        for ours, theirs in zip(window.fields, plain.facts(held), strict=True):
            check_field(ours, theirs)
        names = plain.unknown_names(held) if window.segment == "" else {}
        assert window.unknown_features == names


def _set_index(spec: ModelSpec, window: WindowClosed) -> int:
    return spec.segments.index(tuple(window.segment_set)) if window.segment_set else -1


def check_field(ours: FieldWindow, theirs: FieldFacts) -> None:
    assert ours.counts == theirs.counts
    assert (ours.out_of_range, ours.new_category) == (theirs.out_of_range, theirs.new_category)
    assert (ours.min, ours.max) == (theirs.low, theirs.high)
    if theirs.mean is None or theirs.sd is None:
        assert ours.mean is None
        assert ours.sd is None
        return
    assert ours.mean is not None
    assert ours.sd is not None
    size = max(abs(theirs.low or 0.0), abs(theirs.high or 0.0))
    assert math.isclose(ours.mean, theirs.mean, rel_tol=6e-12, abs_tol=1e-14 * size)
    # each square is rounded once, at the distance of its value from the reference's mean
    reach = 2 * size + 100
    assert math.isclose(ours.sd**2, theirs.sd**2, rel_tol=2e-11, abs_tol=1e-15 * reach**2)


@fewer_examples()
@given(seed=SEEDS)
def test_windows_count_what_a_plain_count_counts(seed: int) -> None:
    check(make_log(seed, 120), SPEC, the_reference())


@fewer_examples()
@given(
    seed=SEEDS,
    segments=st.sampled_from([(), (("region",),), (("region", "device"), ("device",)), (("nowhere",),)]),
    segments_max=st.integers(1, 4),
    lateness_ms=st.sampled_from([0, 1, 20_000, 25 * MINUTE_MS]),
    idle_after_ms=st.sampled_from([None, 0, 10_000, 30 * MINUTE_MS]),
    future_tolerance_ms=st.sampled_from([0, 300_000, 24 * 60 * MINUTE_MS]),
    dedup=st.sampled_from([0, 1, 3, 1_000]),
    windows_ms=st.sampled_from([(MINUTE_MS,), (5 * MINUTE_MS, 15 * MINUTE_MS, 60 * MINUTE_MS), (7_000, 21_000)]),
)
def test_windows_count_right_under_any_settings(seed: int, **settings: object) -> None:
    check(make_log(seed, 60, disorder_ms=90_000), replace(SPEC, **settings), the_reference())  # type: ignore[arg-type]


def _raw(i: int, at_ms: int, **fields: object) -> bytes:
    event = {"prediction_id": f"id-{i}", "model": "m", "timestamp": at_ms, "prediction": "yes", **fields}
    return orjson.dumps(event)


def test_events_that_carry_nothing_are_counted_as_missing() -> None:
    records = [_raw(i, START_MS + i) for i in range(5)]
    check(Log(records, [START_MS + i for i in range(5)]), SPEC, the_reference())


def test_values_at_the_ends_of_the_floating_point_range_are_counted_in_the_outer_bins() -> None:
    values = [1.7e308, -1.7e308, 5e-324, -5e-324, -0.0, 0.0, 1e16, -1e16, 0.5, 1, True, "1", [], {}]
    records = [_raw(i, START_MS + i, features={"amount": v, "age": v}) for i, v in enumerate(values)]
    where = partition(SPEC, the_reference())
    where.apply(where.decode(records, range(len(records)), [START_MS] * len(records)))
    window = next(s for s in where.finish() if isinstance(s, WindowClosed) and s.segment == "")
    plain = PlainMonitor(SPEC, the_reference())
    plain.read(Log(records, [START_MS] * len(records)))
    for ours, theirs in zip(window.fields, plain.facts(plain.applied), strict=True):
        assert ours.counts == theirs.counts
        assert (ours.min, ours.max, ours.out_of_range) == (theirs.low, theirs.high, theirs.out_of_range)
    assert window.fields[0].n == 10
    assert window.fields[0].mean is None, "a mean that would be infinite is not said"


@given(st.data())
def test_a_value_lands_in_the_bin_that_bisection_finds(data: st.DataObject) -> None:
    """Values next to the edges, on them, and anywhere."""
    edges = [e for f in the_reference().fields if f.name == "amount" for e in f.edges]
    edge = data.draw(st.sampled_from(edges))
    near = [edge, math.nextafter(edge, math.inf), math.nextafter(edge, -math.inf)]
    values = data.draw(st.lists(st.sampled_from(near) | st.floats(-1e300, 1e300), min_size=1, max_size=20))
    records = [_raw(i, START_MS, features={"amount": v}) for i, v in enumerate(values)]
    spec = replace(SPEC, segments=())
    plain = PlainMonitor(spec, the_reference())
    plain.read(Log(records, [START_MS] * len(records)))
    where = partition(spec, the_reference())
    where.apply(where.decode(records, range(len(records)), [START_MS] * len(records)))
    window = next(s for s in where.finish() if isinstance(s, WindowClosed))
    assert [f.counts for f in window.fields] == [f.counts for f in plain.facts(plain.applied)]
