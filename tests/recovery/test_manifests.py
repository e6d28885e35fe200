"""Manifests: what is listed is read back, and a part costs a few bytes."""

from __future__ import annotations

import random
import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.processors.recovery.cut import PartName
from driftline.processors.recovery.manifest import (
    FORMAT_VERSION,
    LISTING_BYTES_MAX,
    MAGIC,
    DamagedManifest,
    Head,
    ListedPart,
    UnknownFormat,
    Written,
    read_head,
    read_listing,
    write_manifest,
)
from driftline.schemas.inputs import Input

WRITTEN = Written(partition=7, epoch="e" * 32, sequence=11, piece_bytes=100)
WIDE = Written(partition=7, epoch="e" * 32, sequence=500, piece_bytes=2**19)
OFFSETS = {Input.PREDICTIONS: 2**40, Input.LABELS: 0}

PARTS = st.builds(
    lambda model, name, fingerprint, slot, sequence, length: ListedPart(
        PartName(model, name), fingerprint, slot, sequence, length, tuple(range(max(1, -(-length // 100))))
    ),
    st.sampled_from(["", "m", "n/0"]),
    st.text(st.characters(codec="utf-8"), max_size=8)
    | st.from_regex(r"(windows|detectors)/[a-z/]{0,3}/(0|0?[1-9][0-9]{0,12}|١)", fullmatch=True),
    st.sampled_from(["f" * 32, ""]),
    st.integers(0, 1),
    st.integers(0, 2**63 - 1),
    st.integers(0, 2_000),
)


@given(st.lists(PARTS, unique_by=lambda part: part.name))
def test_what_is_listed_is_read_back(parts: list[ListedPart]) -> None:
    head = read_head(write_manifest(WRITTEN, OFFSETS, ("m", "n/0"), parts))
    assert (head.partition, head.epoch, head.sequence, head.piece_bytes) == (7, "e" * 32, 11, 100)
    assert head.next_offsets == OFFSETS
    assert head.models == ("m", "n/0")
    assert sorted(read_listing(head)) == sorted(parts)


def test_a_manifest_of_20_000_parts_costs_about_eight_bytes_a_part() -> None:
    """Ten thousand segments if each were a block of its own; one part in twenty has changed in each of 500 snapshots."""
    rng, parts = random.Random(1), []
    for kind in ("windows", "detectors"):
        for block in range(10_000):
            crc = rng.randrange(2**32)
            name = PartName("employment", f"{kind}/unversioned/{block}")
            parts.append(ListedPart(name, "f" * 32, rng.randrange(2), 500 - int(rng.expovariate(0.05)), 9_000, (crc,)))
    assert len(write_manifest(WIDE, OFFSETS, ("m",), parts)) < 160_000


def test_a_manifest_of_a_thousand_models_fits_a_record() -> None:
    names = ("clock", "said", "ids", "segments/unversioned", "windows/unversioned/0", "detectors/unversioned/0")
    parts = [
        ListedPart(PartName(f"model-{m:0120}", name), f"{zlib.crc32(b'%d' % m) % 9973:032x}", 1, m, 5_000, (m * 7_919,))
        for m in range(1_000)
        for name in names
    ]
    assert len(write_manifest(WIDE, OFFSETS, tuple({part.name.model for part in parts}), parts)) < 2**19


def test_every_truncation_and_every_flipped_bit_is_noticed() -> None:
    value = write_manifest(WRITTEN, OFFSETS, ("m",), [ListedPart(PartName("m", "w/0"), "f", 1, 9, 250, (1, 2, 3))])
    for length in range(len(value)):
        with pytest.raises(DamagedManifest):
            read_head(value[:length])
    for at in range(len(value)):
        for bit in range(8):
            flipped = value[:at] + bytes([value[at] ^ 1 << bit]) + value[at + 1 :]
            with pytest.raises(UnknownFormat if at == len(MAGIC) else DamagedManifest):
                read_head(flipped)


def sealed(body: bytes) -> bytes:
    """Any body with a right checksum."""
    return MAGIC + bytes([FORMAT_VERSION]) + zlib.crc32(body).to_bytes(4, "little") + body


@given(st.binary(max_size=200))
def test_a_right_checksum_makes_no_manifest_of_other_bytes(body: bytes) -> None:
    with pytest.raises(DamagedManifest):
        read_head(sealed(body))


def test_one_input_is_not_enough() -> None:
    head = Head(7, "e", 1, {Input.LABELS: 3}, (), 100, b"")
    with pytest.raises(DamagedManifest, match="both inputs"):
        read_head(sealed(msgspec.msgpack.encode(head)))


def head_with(listing: bytes) -> Head:
    return Head(7, "e", 1, OFFSETS, (), 100, listing)


@given(st.binary(max_size=100), st.booleans())
def test_a_listing_of_other_bytes_is_refused(listing: bytes, packed: bool) -> None:
    if packed and listing != msgspec.msgpack.encode({}):
        listing = zlib.compress(listing)
    with pytest.raises(DamagedManifest, match="cannot be read"):
        read_listing(head_with(listing))


@pytest.mark.parametrize(
    "group",
    [
        ["w/", "f", b"\0" * 4, b"\0", b"\0" * 8, b"\0" * 8, b""],
        ["w/", "f", b"\0" * 4, b"\2", b"\0" * 8, b"\0" * 8, b"\0" * 4],
        ["w/", "f", b"\0" * 3, b"\0", b"\0" * 8, b"\0" * 8, b"\0" * 4],
        ["w/", "f", b"\0" * 8, b"\0", b"\0" * 8, b"\0" * 8, b"\0" * 4],
        ["w/", "f", b"\0" * 4, b"\0", b"\0" * 8, b"\xff" * 8, b"\0" * 4],
        ["w", "f", None, b"", b"", b"", b""],
    ],
    ids=["no checksum", "third slot", "half a number", "two numbers", "endless length", "no part"],
)
def test_arrays_that_do_not_belong_together_are_refused(group: list[object]) -> None:
    with pytest.raises(DamagedManifest, match="cannot be read"):
        read_listing(head_with(zlib.compress(msgspec.msgpack.encode({"m": [group]}))))


def test_a_part_that_is_listed_twice_is_refused() -> None:
    group = ["w", "f", None, b"\0", b"\0" * 8, b"\0" * 8, b"\0" * 4]
    with pytest.raises(DamagedManifest, match="twice"):
        read_listing(head_with(zlib.compress(msgspec.msgpack.encode({"m": [group, group]}))))


def test_a_listing_that_would_unpack_to_gigabytes_is_refused() -> None:
    bomb = zlib.compress(msgspec.msgpack.encode({"m" * (LISTING_BYTES_MAX + 1): []}))
    with pytest.raises(DamagedManifest, match="cannot be read"):
        read_listing(head_with(bomb))
