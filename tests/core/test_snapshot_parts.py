"""Snapshots of a monitor: what survives a changed setting or a damaged part, and what is said of the rest."""

from __future__ import annotations

import functools
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.config.budget import FalseAlarmBudget
from driftline.config.model_spec import ModelSpec
from driftline.processors.monitor import Monitor
from driftline.processors.part_fingerprints import PartFingerprints
from driftline.processors.reference.profile import Reference
from driftline.processors.snapshot import read_parts
from driftline.schemas.codec import encode
from driftline.schemas.errors import DamagedSnapshot
from driftline.schemas.signals import Health, HealthCode, Signal, WindowClosed
from tests.core.fewer import fewer_examples
from tests.core.logs import MINUTE_MS, SPEC, Log, make_log, partition, reference

WIDE = replace(SPEC, segments_max=100)


@functools.cache
def the_reference() -> Reference:
    return reference()


def steps(monitor: Monitor, log: Log, start: int, stop: int) -> list[Signal]:
    where = partition(monitor.spec, None if monitor.learnt or monitor.learnt_rows else the_reference())
    where.monitors["m"] = monitor
    return where.apply(where.decode(log.records[start:stop], range(start, stop), log.record_ms[start:stop]))


def after(log: Log, n: int, spec: ModelSpec = WIDE) -> Monitor:
    monitor = Monitor(spec, the_reference())
    steps(monitor, log, 0, n)
    return monitor


def restarted(said: list[Signal]) -> set[str]:
    """Kinds of parts that were said to start afresh."""
    parts = [
        str(s.detail["part"]) for s in said if isinstance(s, Health) and s.code is HealthCode.SNAPSHOT_PART_RESTARTED
    ]
    return {part.partition("/")[0] for part in parts}


@fewer_examples()
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 24))
def test_equal_states_give_equal_bytes_and_a_restored_state_is_equal(seed: int, n: int) -> None:
    log = make_log(seed, 24)
    first, second = after(log, n), Monitor(WIDE, the_reference())
    one_by_one = partition(WIDE, the_reference())
    one_by_one.monitors["m"] = second
    for i in range(n):
        one_by_one.apply(one_by_one.decode(log.records[i : i + 1], [i], log.record_ms[i : i + 1]))
    snapshot = first.snapshot()
    assert second.snapshot() == snapshot
    assert Monitor.restore(WIDE, the_reference(), snapshot).snapshot() == snapshot


CHANGES: dict[str, tuple[dict[str, object], set[str]]] = {
    "nothing": ({}, set()),
    "a name that shapes nothing": ({"quality_share_max": 0.2}, set()),
    "how many ids are remembered": ({"dedup": 7}, set()),
    "the budget": ({"false_alarms": FalseAlarmBudget(1.0, "month")}, {"detectors"}),
    "what alarms": ({"detectors": ("adwin",)}, {"detectors"}),
    "the lateness": ({"lateness_ms": 10 * MINUTE_MS}, {"clock", "windows"}),
    "the windows": ({"windows_ms": (MINUTE_MS, 5 * MINUTE_MS)}, {"clock", "windows"}),
    "the most segments": ({"segments_max": 99}, {"segments", "windows", "detectors"}),
    "the segment sets": ({"segments": (("device",),)}, {"segments", "windows", "detectors"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_setting_restarts_only_what_it_shaped_and_says_so(change: str) -> None:
    changes, expected = CHANGES[change]
    log = make_log(1, 300, late_share=0.0)
    old = after(log, 200)
    new = Monitor.restore(replace(WIDE, **changes), the_reference(), old.snapshot())  # type: ignore[arg-type]
    assert new.counters == old.counters
    said = steps(new, log, 200, 300) + new.finish()
    assert restarted(said) == expected
    kept = new.admission.duplicates.keys().tolist()
    assert kept, "ids are remembered whatever was changed"
    assert new.counters.consumed + sum(not raw.endswith(b"}") for raw in log.records) == 300


def test_another_reference_restarts_what_was_counted_by_the_old_one() -> None:
    log = make_log(2, 300, late_share=0.0)
    new = Monitor.restore(WIDE, reference(seed=8), after(log, 200).snapshot())
    assert restarted(new.finish()) == {"segments", "windows", "detectors"}
    assert new.admission.watermark_ms == after(log, 200).admission.watermark_ms


def damaged(snapshot: bytes, name: str) -> bytes:
    """One byte of this part flipped."""
    found, _ = read_parts(snapshot, PartFingerprints(Monitor(WIDE, the_reference())).of)
    at = snapshot.index(found[name]) + len(found[name]) // 2
    return snapshot[:at] + bytes([snapshot[at] ^ 0x10]) + snapshot[at + 1 :]


PARTS = {
    "clock": {"clock", "windows"},
    "said": {"said"},
    "ids/0": {"ids"},
    "segments/": {"segments"},
    "windows//0": {"windows"},
    "detectors//0": {"detectors"},
}


@pytest.mark.parametrize("name", PARTS)
def test_a_damaged_part_starts_afresh_is_said_and_harms_no_other(name: str) -> None:
    log = make_log(3, 300, late_share=0.0)
    old = after(log, 200)
    new = Monitor.restore(WIDE, the_reference(), damaged(old.snapshot(), name))
    said = steps(new, log, 200, 300) + new.finish()
    assert restarted(said) == PARTS[name]
    pane = WIDE.windows_ms[0]
    total = sum(s.n for s in said if isinstance(s, WindowClosed) and s.segment == "" and s.length_ms == pane)
    went_on = steps(old, log, 200, 300) + old.finish()
    whole = sum(s.n for s in went_on if isinstance(s, WindowClosed) and s.segment == "" and s.length_ms == pane)
    assert total <= whole
    if "windows" not in PARTS[name] and name not in ("segments/", "ids/0"):
        assert total == whole


@given(seed=st.integers(0, 2**32 - 1))
def test_no_flipped_bit_anywhere_puts_a_number_into_the_wrong_place(seed: int) -> None:
    """Every bit is under a checksum: a damaged snapshot is refused, or its damaged part is said."""
    rng = random.Random(seed)
    snapshot = _small_snapshot()
    for _ in range(4):
        at = rng.randrange(len(snapshot))
        broken = snapshot[:at] + bytes([snapshot[at] ^ 1 << rng.randrange(8)]) + snapshot[at + 1 :]
        try:
            monitor = Monitor.restore(WIDE, the_reference(), broken)
        except DamagedSnapshot:
            continue
        assert len(restarted(monitor.finish())) >= 1


@functools.cache
def _small_snapshot() -> bytes:
    return after(make_log(4, 60), 60).snapshot()


def test_a_reference_given_later_ends_the_learning() -> None:
    log = make_log(5, 60)
    learner = Monitor(replace(WIDE, learn_from=500), None)
    where = partition(learner.spec, None)
    where.monitors["m"] = learner
    where.apply(where.decode(log.records, range(60), log.record_ms))
    assert learner.learnt_rows
    new = Monitor.restore(learner.spec, the_reference(), learner.snapshot())
    assert new.learnt_rows == []
    assert len(new.snapshot()) < 10 * len(learner.snapshot()) + 10**6


def test_a_version_with_slashes_in_its_name_is_restored() -> None:
    log = make_log(6, 200)
    version = "a/b//0"
    records = [raw.replace(b'"model_version":"v2"', b'"model_version":"%b"' % version.encode()) for raw in log.records]
    by_version = {version: the_reference(), "windows/": the_reference()}
    monitor = Monitor(WIDE, the_reference(), references_by_version=by_version)
    where = partition(WIDE, the_reference())
    where.monitors["m"] = monitor
    where.apply(where.decode(records, range(200), log.record_ms))
    new = Monitor.restore(WIDE, the_reference(), monitor.snapshot(), references_by_version=by_version)
    assert new.snapshot() == monitor.snapshot()
    assert [encode(s) for s in new.finish()] == [encode(s) for s in monitor.finish()]
