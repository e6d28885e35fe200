"""Plans of snapshots, and the way back from their records."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.processors.recovery.records import ChunkKey, ManifestKey, SnapshotRecord, decode_key, encode_key
from driftline.processors.recovery.restore import choose
from driftline.processors.recovery.writer import BurntEpoch
from tests.recovery.cuts import EPOCH, compacted, cut, data_of, offsets, planned, write, writer

OTHER_EPOCH = "0" * 32


def chunk_key(part: str, piece: int, slot: int) -> bytes:
    return encode_key(ChunkKey(3, EPOCH, "m", part, piece, slot))


def parts_of(records: list[SnapshotRecord]) -> set[str]:
    """Names of the parts with a chunk among these records."""
    keys = [decode_key(record.key) for record in records]
    return {key.part for key in keys if isinstance(key, ChunkKey)}


def test_what_was_written_is_read_back() -> None:
    records: list[SnapshotRecord] = []
    parts = {"clock": b"c", "windows/v/0": b"w" * 200, "windows/v/1": b"", "detectors/v/0": b"d" * 64}
    write(records, writer(), cut(5, parts))
    [found] = choose(3, records)
    assert data_of(found) == parts
    assert offsets([found]) == [5]
    assert found.models == ("m",)
    assert {part.fingerprint for part in found.parts.values()} == {"f" * 32}


def test_the_newest_two_cuts_are_read_back_from_a_compacted_topic() -> None:
    records: list[SnapshotRecord] = []
    w = writer()
    write(records, w, cut(1, {"a": b"1", "b": b"x" * 100}))
    write(records, w, cut(2, {"a": b"2", "b": None}))
    write(records, w, cut(3, {"a": b"3", "b": None}))
    found = choose(3, compacted(records))
    assert offsets(found) == [3, 2]
    assert data_of(found[0]) == {"a": b"3", "b": b"x" * 100}
    assert data_of(found[1]) == {"a": b"2", "b": b"x" * 100}


def test_only_what_has_changed_is_written_again() -> None:
    records: list[SnapshotRecord] = []
    w = writer()
    write(records, w, cut(1, {"windows/v/0": b"a", "windows/v/1": b"b"}))
    plan = write(records, w, cut(2, {"windows/v/0": None, "windows/v/1": b"B"}))
    assert parts_of(plan.chunks) == {"windows/v/1"}
    assert data_of(choose(3, records)[0]) == {"windows/v/0": b"a", "windows/v/1": b"B"}


STATES = st.dictionaries(st.sampled_from(["clock", "w/0", "w/1", "w/2"]), st.integers(0, 200), min_size=1)


@given(sizes=st.lists(STATES, min_size=1, max_size=7), taken=st.lists(st.booleans(), min_size=7, max_size=7))
def test_the_last_acknowledged_cut_is_whole_at_every_record_and_nothing_stays_behind(
    sizes: list[dict[str, int]], taken: list[bool]
) -> None:
    """Parts come, go, grow and shrink; tombstones are sent only with some of the snapshots."""
    records: list[SnapshotRecord] = []
    w = writer()
    states = [{name: bytes([at]) * size for name, size in parts.items()} for at, parts in enumerate(sizes, 1)]
    for at, state in enumerate(states, 1):
        plan = planned(w, cut(at, state))
        for record in [*plan.chunks, plan.manifest]:
            records.append(record)
            if at > 1:
                assert offsets(choose(3, compacted(records)))[0] >= at - 1
        w.acknowledged(plan)
        if taken[at - 1]:
            for record in plan.tombstones:
                records.append(record)
                assert [data_of(each) for each in choose(3, compacted(records))] == [*states[max(at - 2, 0) : at]][::-1]
            w.tombstoned(plan)
    for at in range(len(states) + 1, len(states) + 3):
        write(records, w, cut(at, states[-1]))
    assert parts_of(compacted(records)) == states[-1].keys()
    pieces = {record.key for record in compacted(records) if isinstance(decode_key(record.key), ChunkKey)}
    assert len(pieces) == sum(2 * max(1, -(-len(data) // 64)) for data in states[-1].values())


def test_earlier_epochs_go_when_two_manifests_of_the_own_one_are_there() -> None:
    records: list[SnapshotRecord] = []
    write(records, writer(OTHER_EPOCH), cut(1, {"a": b"1"}))
    foreign = {record.key for record in records}
    w = writer(EPOCH, foreign)
    assert write(records, w, cut(2, {"a": b"2"})).tombstones == []
    plan = write(records, w, cut(3, {"a": b"3"}))
    assert {record.key for record in plan.tombstones} == foreign
    assert isinstance(decode_key(plan.tombstones[0].key), ManifestKey), "a manifest goes before its chunks"
    assert write(records, w, cut(4, {"a": b"4"})).tombstones == []


def test_tombstones_that_were_not_sent_are_planned_again() -> None:
    w = writer(EPOCH, [chunk_key("old", 0, 0)])
    for at in (1, 2, 3):
        plan = planned(w, cut(at, {"a": b"1"}))
        w.acknowledged(plan)
        assert len(plan.tombstones) == (at > 1)


def test_a_part_that_comes_back_is_not_taken_away() -> None:
    w = writer()
    for at, parts in enumerate(
        ({"a": b"1", "b": b"1"}, {"a": b"2"}, {"a": b"3", "b": b"3"}, {"a": b"4", "b": b"4"}), 1
    ):
        plan = planned(w, cut(at, parts))
        w.acknowledged(plan)
        assert plan.tombstones == []


def test_an_unacknowledged_plan_burns_the_epoch() -> None:
    w = writer()
    plan = planned(w, cut(1, {"a": b"1"}))
    with pytest.raises(BurntEpoch, match="start a new epoch"):
        w.begin()
    with pytest.raises(BurntEpoch, match="start a new epoch"):
        w.plan(cut(2, {"a": b"2"}))
    w.acknowledged(plan)
    assert not w.burnt
    w.begin()
    assert w.burnt


def test_a_snapshot_that_was_given_up_cannot_be_acknowledged() -> None:
    w = writer()
    plan = planned(w, cut(1, {"a": b"1"}))
    w.failed()
    with pytest.raises(BurntEpoch, match="given up"):
        w.acknowledged(plan)


def test_the_first_cut_of_an_epoch_has_to_be_full() -> None:
    w = writer()
    assert w.begin(), "it says so"
    with pytest.raises(ValueError, match="this epoch has not written it"):
        w.plan(cut(1, {"a": None}))
    assert w.burnt
