"""What the core refuses, in a sentence that says what to give instead; and what it says of settings that are not given."""

from __future__ import annotations

import functools
import zlib
from dataclasses import replace

import msgspec
import pytest

from driftline.processors.codes import cell_of_bin
from driftline.processors.counters import Counters
from driftline.processors.merge import WindowMerger
from driftline.processors.monitor import Monitor
from driftline.processors.reference.profile import Reference
from driftline.processors.snapshot import MAGIC, write_parts
from driftline.schemas.errors import DamagedSnapshot
from driftline.schemas.signals import Health, HealthCode, WindowClosed
from tests.core.logs import SPEC, START_MS, make_log, partition, reference


@functools.cache
def the_reference() -> Reference:
    return reference()


@functools.cache
def a_window() -> WindowClosed:
    where = partition(SPEC, the_reference())
    log = make_log(1, 50)
    said = where.apply(where.decode(log.records, range(50), log.record_ms)) + where.finish()
    return next(s for s in said if isinstance(s, WindowClosed) and not s.segment)


@pytest.mark.parametrize(
    ("field", "value"), [("start_ms", START_MS - 1), ("segment", "region=eu"), ("version", "v2"), ("model", "other")]
)
def test_windows_of_different_things_do_not_merge(field: str, value: object) -> None:
    other = msgspec.structs.replace(a_window(), **{field: value})
    with pytest.raises(ValueError, match=f"{field} differs .* give halves of one window"):
        WindowMerger(SPEC, the_reference()).merge(a_window(), other)


def test_windows_compared_with_another_reference_do_not_merge() -> None:
    with pytest.raises(ValueError, match="another reference: merge them with that one"):
        WindowMerger(SPEC, reference(seed=8)).merge(a_window(), a_window())


def test_an_event_that_is_unaccounted_for_stops_the_monitor() -> None:
    with pytest.raises(AssertionError, match="3 events consumed but 2 accounted for"):
        Counters(consumed=3, applied=1, late=1).check()


def test_a_snapshot_of_another_format_names_its_way_out() -> None:
    header = msgspec.msgpack.encode({"format_version": 99, "parts": []})
    with pytest.raises(DamagedSnapshot, match="header is damaged"):
        Monitor.restore(SPEC, the_reference(), MAGIC + len(header).to_bytes(4, "little") + bytes(4) + header)
    framed = MAGIC + len(header).to_bytes(4, "little") + zlib.crc32(header).to_bytes(4, "little") + header
    with pytest.raises(DamagedSnapshot, match="snapshot format 99 is not known here"):
        Monitor.restore(SPEC, the_reference(), framed)
    nonsense = msgspec.msgpack.encode({"parts": 1})
    framed = MAGIC + len(nonsense).to_bytes(4, "little") + zlib.crc32(nonsense).to_bytes(4, "little") + nonsense
    with pytest.raises(DamagedSnapshot, match="header cannot be read"):
        Monitor.restore(SPEC, the_reference(), framed)
    assert Monitor.restore(SPEC, the_reference(), write_parts([])).counters == Counters()


def test_a_version_that_lost_its_reference_is_named_when_its_state_is_restored() -> None:
    monitor = Monitor(SPEC, the_reference(), references_by_version={"v2": the_reference()})
    said = Monitor.restore(SPEC, the_reference(), monitor.snapshot()).finish()
    parts = [s.detail["part"] for s in said if isinstance(s, Health) and s.code is HealthCode.SNAPSHOT_PART_RESTARTED]
    assert parts == ["segments/v2", "windows/v2", "detectors/v2"]


def test_thresholds_that_rest_on_an_assumed_traffic_are_said_once() -> None:
    untimed = msgspec.structs.replace(the_reference(), events_per_week=None)
    where = partition(replace(SPEC, events_per_week=None, segments_max=100), untimed)
    log = make_log(2, 200)
    said = where.apply(where.decode(log.records, range(200), log.record_ms)) + where.finish()
    codes = [s.code for s in said if isinstance(s, Health)]
    assert codes == [HealthCode.EVENTS_PER_WEEK_UNKNOWN]


def test_bins_are_at_most_256_in_one_row() -> None:
    with pytest.raises(ValueError, match="one row of at most 256"):
        cell_of_bin([1] * 257)
