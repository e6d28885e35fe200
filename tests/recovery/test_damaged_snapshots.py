"""R12: whatever has happened to the snapshots topic, a whole cut is found or none, never a bad one, and it is said why."""

from __future__ import annotations

import random
import zlib
from collections import Counter
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.processors.recovery.manifest import FORMAT_VERSION, MAGIC, Head
from driftline.processors.recovery.records import ManifestKey, SnapshotRecord, decode_key, encode_key
from driftline.processors.recovery.restore import (
    CUTS_MAX,
    MANIFESTS_MAX,
    SKIPPED_MAX,
    Restore,
    RestoreReason,
    choose,
)
from driftline.schemas.inputs import Input
from tests.recovery.cuts import EPOCH, compacted, cut, data_of, offsets, write, writer
from tests.recovery.damage import damage

Damage = Callable[[list[SnapshotRecord]], list[SnapshotRecord]]

STATES = {at: {"clock": b"%d" % at, "w/0": bytes([at]) * 150, "w/1": b"same"} for at in (1, 2, 3)}


def topic() -> list[SnapshotRecord]:
    """Three snapshots, compacted: the newest two are whole. The last six records are those of the third."""
    records: list[SnapshotRecord] = []
    w = writer()
    for at, parts in STATES.items():
        write(records, w, cut(at, parts))
    return compacted(records)


def changed(at: int, to: Callable[[bytes], bytes]) -> Damage:
    def change(records: list[SnapshotRecord]) -> list[SnapshotRecord]:
        key, value = records[at]
        assert value is not None
        records[at] = SnapshotRecord(key, to(value))
        return records

    return change


def flipped(value: bytes) -> bytes:
    return value[:-1] + bytes([value[-1] ^ 1])


def key_of_newest(change: Callable[[ManifestKey], bytes]) -> Damage:
    """The newest manifest under another key."""

    def swap(records: list[SnapshotRecord]) -> list[SnapshotRecord]:
        key = decode_key(records[-1].key)
        assert isinstance(key, ManifestKey)
        return [*records[:-1], SnapshotRecord(change(key), records[-1].value)]

    return swap


VARIANTS: dict[str, tuple[Damage, list[int], RestoreReason | None]] = {
    "nothing": (lambda r: r, [3, 2], None),
    "partition empty": (lambda r: [], [], None),
    "segment with the newest chunks deleted": (lambda r: [*r[:-6], r[-1]], [2], RestoreReason.MISSING_CHUNK),
    "newest manifest gone": (lambda r: r[:-1], [2], None),
    "both manifests gone": (lambda r: [x for x in r if b"DLM" not in (x.value or b"")], [], None),
    "chunk truncated": (changed(-2, lambda v: v[:-1]), [2], RestoreReason.DAMAGED_CHUNK),
    "chunk emptied": (changed(-2, lambda v: b""), [2], RestoreReason.DAMAGED_CHUNK),
    "chunk flipped": (changed(-2, flipped), [2], RestoreReason.DAMAGED_CHUNK),
    "manifest truncated": (changed(-1, lambda v: v[:-1]), [2], RestoreReason.DAMAGED_MANIFEST),
    "manifest emptied": (changed(-1, lambda v: b""), [2], RestoreReason.DAMAGED_MANIFEST),
    "manifest flipped": (changed(-1, flipped), [2], RestoreReason.DAMAGED_MANIFEST),
    "manifest of another release": (changed(-1, lambda v: MAGIC + b"\x02" + v[4:]), [2], RestoreReason.UNKNOWN_FORMAT),
    "manifest of another partition": (
        key_of_newest(lambda key: encode_key(ManifestKey(4, key.epoch, key.slot))),
        [2],
        RestoreReason.WRONG_PLACE,
    ),
    "manifest of another epoch": (
        key_of_newest(lambda key: encode_key(ManifestKey(3, "zombie", key.slot))),
        [2],
        RestoreReason.WRONG_PLACE,
    ),
    "manifest in the other slot": (
        key_of_newest(lambda key: encode_key(ManifestKey(3, key.epoch, 1 - key.slot))),
        [2],
        RestoreReason.WRONG_PLACE,
    ),
    "keys that are none": (
        lambda r: [SnapshotRecord(b"", b""), SnapshotRecord(b"\xc1", None), *r, SnapshotRecord(b"\x91\xa1c", b"x")],
        [3, 2],
        RestoreReason.UNREADABLE_KEY,
    ),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_R12_the_best_whole_cut_is_found_and_the_reason_is_said(name: str) -> None:
    apply, expected, reason = VARIANTS[name]
    records = apply(topic())
    restore = Restore(3)
    for record in records:
        restore.scan(record)
    assert restore.select() == len(expected)
    for record in records:
        restore.collect(record)
    found = list(restore.cuts())
    assert offsets(found) == expected
    assert [data_of(each) for each in found] == [STATES[at] for at in expected]
    assert set(restore.counts) == ({reason} if reason else set())
    assert {skipped.reason for skipped in restore.skipped} == set(restore.counts)


@given(seed=st.integers(0, 2**32 - 1), times=st.integers(1, 12))
def test_R12_damage_of_any_kind_never_gives_a_bad_cut(seed: int, times: int) -> None:
    rng, records = random.Random(seed), topic()
    for _ in range(times):
        damage(rng, records)
    for found in choose(3, records):
        assert data_of(found) == STATES[found.next_offsets[Input.PREDICTIONS]]


@given(st.lists(st.tuples(st.binary(max_size=60), st.none() | st.binary(max_size=60))))
def test_R12_bytes_of_any_kind_are_passed_over(rows: list[tuple[bytes, bytes | None]]) -> None:
    assert offsets(choose(3, [*topic(), *(SnapshotRecord(*row) for row in rows)])) == [3, 2]


def test_an_older_version_of_a_chunk_is_not_taken_for_the_one_that_is_meant() -> None:
    """Before compaction all versions of a key are there, in any number."""
    records: list[SnapshotRecord] = []
    w = writer()
    for at in range(1, 8):
        write(records, w, cut(at, {"a": b"%d" % (at % 2), "b": b"%d" % at}))
    found = choose(3, records[::-1])
    assert offsets(found) == [7, 6]
    assert [data_of(each) for each in found] == [{"a": b"1", "b": b"7"}, {"a": b"0", "b": b"6"}]


def test_a_cut_that_is_behind_the_committed_offsets_comes_after_those_that_are_not() -> None:
    records: list[SnapshotRecord] = []
    write(records, writer(), cut(9, {"a": b"owner"}))
    ahead_in_one = {Input.PREDICTIONS: 50, Input.LABELS: 3}
    zombie = cut(0, {"a": b"zombie"})
    write(records, writer("zombie"), type(zombie)(3, ahead_in_one, zombie.models, zombie.parts))
    assert data_of(choose(3, records)[0]) == {"a": b"zombie"}
    assert data_of(choose(3, records, dict.fromkeys(Input, 9))[0]) == {"a": b"owner"}


def test_of_many_manifests_the_best_are_looked_at_and_memory_stays_bounded() -> None:
    records: list[SnapshotRecord] = []
    w = writer()
    for at in range(1, 3 * MANIFESTS_MAX):
        write(records, w, cut(at, {"a": b"%d" % at}))
    random.Random(1).shuffle(records)
    assert offsets(choose(3, records)) == [3 * MANIFESTS_MAX - 1, 3 * MANIFESTS_MAX - 2][:CUTS_MAX]


def test_R12_a_listing_that_cannot_be_read_is_passed_over() -> None:
    """The checksum is right, and yet: another release may have written it."""
    records = topic()
    body = msgspec.msgpack.encode(Head(3, EPOCH, 3, dict.fromkeys(Input, 9), ("m",), 64, b"no listing"))
    value = MAGIC + bytes([FORMAT_VERSION]) + zlib.crc32(body).to_bytes(4, "little") + body
    restore = Restore(3)
    for record in [*records[:-1], SnapshotRecord(records[-1].key, value)]:
        restore.scan(record)
    assert restore.select() == 1
    assert set(restore.counts) == {RestoreReason.DAMAGED_MANIFEST}


def test_every_skipped_record_is_counted_and_some_are_described() -> None:
    restore = Restore(3)
    for _ in range(1_000):
        restore.scan(SnapshotRecord(b"rubbish", b"x"))
    assert restore.counts == Counter({RestoreReason.UNREADABLE_KEY: 1_000})
    assert len(restore.skipped) == SKIPPED_MAX


def test_keys_of_tombstones_and_of_strangers_are_not_foreign_keys() -> None:
    """A new epoch takes away what it found: that must not be somebody else's, nor what is gone already."""
    restore, records = Restore(3), topic()
    stranger = SnapshotRecord(encode_key(ManifestKey(4, EPOCH, 0)), b"x")
    for record in [*records, SnapshotRecord(records[0].key, None), stranger, SnapshotRecord(b"rubbish", b"x")]:
        restore.scan(record)
    assert restore.foreign_keys == {record.key for record in records[1:]}
