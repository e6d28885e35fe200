"""Names and order of what is said: properties of the log, never of the batching."""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from dataclasses import replace

import msgspec
import orjson
from hypothesis import given
from hypothesis import strategies as st

from driftline.config.budget import FalseAlarmBudget
from driftline.processors.reference.profile import Reference
from driftline.schemas.codec import decode_signal, encode
from driftline.schemas.signals import AlertOpened, Drift, Signal, WindowClosed
from tests.core.fewer import fewer_examples
from tests.core.logs import SPEC, START_MS, Log, make_log, partition, reference, run

LOUD = replace(SPEC, false_alarms=FalseAlarmBudget(100_000.0, "week"), events_per_week=100_000.0)
LEARNING = replace(LOUD, learn_from=60)


@functools.cache
def the_reference() -> Reference:
    return reference(n=4_000)


@fewer_examples()
@given(seed=st.integers(0, 2**32 - 1), learning=st.booleans())
def test_no_two_signals_of_a_log_have_the_same_id(seed: int, learning: bool) -> None:
    spec, given_reference = (LEARNING, None) if learning else (LOUD, the_reference())
    said = [msgspec.json.decode(line) for line in run(make_log(seed, 150, drift_at=0.3), [], spec, given_reference)]
    twice = [signal_id for signal_id, n in Counter(s["id"] for s in said).items() if n > 1]
    assert not [s for s in said if s["id"] in twice]


@fewer_examples()
@given(seed=st.integers(0, 2**32 - 1), cuts=st.sets(st.integers(1, 149), max_size=8))
def test_crossings_are_said_in_the_order_of_the_log(seed: int, cuts: set[int]) -> None:
    lines = run(make_log(seed, 150, drift_at=0.3), cuts, LOUD, the_reference())
    said = [decode_signal(line) for line in lines]
    offsets = [s.offset for s in said if isinstance(s, Drift)]
    assert offsets == sorted(offsets)
    for drift, opened in itertools.pairwise(said):
        if isinstance(drift, Drift):
            assert isinstance(opened, AlertOpened)
            assert opened.alert.onset_offset <= opened.alert.detected_offset == drift.offset
            assert opened.alert.features[0].name == drift.field


def test_windows_close_by_end_then_length_then_segment_row() -> None:
    said = [decode_signal(line) for line in run(make_log(1, 400), [], SPEC, the_reference())]
    windows = [s for s in said if isinstance(s, WindowClosed)]
    assert [(w.end_ms, w.length_ms) for w in windows] == sorted((w.end_ms, w.length_ms) for w in windows)
    for _, group in itertools.groupby(windows, key=lambda w: (w.end_ms, w.length_ms)):
        assert next(group).segment == ""


def test_an_id_names_what_was_found_and_not_the_settings_that_do_not_shape_it() -> None:
    log = make_log(2, 300, drift_at=0.2)
    ids = []
    for spec in (LOUD, replace(LOUD, quality_share_max=0.5, dedup=10_000), replace(LOUD, lateness_ms=61_000)):
        said = [decode_signal(line) for line in run(log, [], spec, the_reference())]
        ids.append({s.id for s in said if isinstance(s, Drift) and s.offset < 250})
    assert ids[0]
    assert ids[0] == ids[1]


def _with_extremes(log: Log) -> Log:
    """Every 20th event carries a value that swamps all others."""
    records = []
    for i, raw in enumerate(log.records):
        record = orjson.loads(raw) if raw.endswith(b"}") and i % 20 == 19 else None
        if record is not None:
            record["features"]["amount"] = [1e30, -1e200, 1.7e308, 5e-324, -1.7e308][i // 20 % 5]
            record["prediction_id"] += "x"
        records.append(raw if record is None else orjson.dumps(record))
    return Log(records, log.record_ms)


@fewer_examples()
@given(seed=st.integers(0, 2**32 - 1), cuts=st.sets(st.integers(1, 149), max_size=6), extremes=st.booleans())
def test_the_description_of_an_alert_does_not_know_what_the_batch_brought_after_it(
    seed: int, cuts: set[int], extremes: bool
) -> None:
    log = make_log(seed, 150, drift_at=0.3)
    log = _with_extremes(log) if extremes else log
    assert run(log, cuts, LOUD, the_reference()) == run(log, [], LOUD, the_reference())


def test_an_alert_describes_the_open_windows_up_to_its_event() -> None:
    log = make_log(3, 400, drift_at=0.1, late_share=0.0)
    where = partition(LOUD, the_reference())
    said: list[Signal] = where.apply(where.decode(log.records, range(400), log.record_ms))
    opened = next(
        s.alert
        for s in said
        if isinstance(s, AlertOpened) and not s.alert.segment and s.alert.features[0].name == "amount"
    )
    sketch = opened.features[0].current
    assert sketch is not None
    assert sketch.mean is not None
    # played up to that event and no further, the window that is still open holds just what was described
    there = partition(replace(LOUD, windows_ms=LOUD.windows_ms[:1]), the_reference())
    stop = opened.detected_offset + 1
    there.apply(there.decode(log.records[:stop], range(stop), log.record_ms[:stop]))
    held = [w for w in there.finish() if isinstance(w, WindowClosed) and not w.segment]
    assert sum(w.fields[0].n for w in held) <= sketch.n
    assert opened.onset_ms >= START_MS
    assert encode(said[0])
