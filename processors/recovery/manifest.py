"""Manifests: one names a whole cut, by the chunks that hold it.

Layout: magic, format version (1 byte), CRC-32 of the rest (uint32, little-endian), then MessagePack of who wrote it, the
offsets and the listing of all parts. Numbered parts ("windows/v1/0", "windows/v1/1") share one entry with packed arrays,
and the listing is compressed (zlib), so that a part costs about eight bytes.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from driftline.processors.recovery.chunks import pieces_of
from driftline.processors.recovery.cut import PartName
from driftline.processors.recovery.records import SLOTS, UNREADABLE
from driftline.schemas.inputs import Input

MAGIC: Final = b"DLM"
FORMAT_VERSION: Final = 1

LISTING_BYTES_MAX: Final = 64 * 2**20
"""Of an uncompressed listing, more than a million parts: above that it is no listing of ours but a bomb."""

_BODY_AT: Final = 8
_NUMBERED: Final = re.compile(r"(.*/)(0|[1-9][0-9]{0,8})", re.DOTALL)

_Natural = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class ListedPart(NamedTuple):
    """One part as the manifest lists it. `sequence`: the plan that wrote it; `length` in bytes; a CRC-32 of each chunk."""

    name: PartName
    fingerprint: str
    slot: int
    sequence: int
    length: int
    crcs: tuple[int, ...]


class _Group(msgspec.Struct, array_like=True, frozen=True):
    """Parts of one prefix and fingerprint; `numbers` None: one part, and the prefix is its name. Packed little-endian:
    numbers, crcs uint32; slots uint8; sequences, lengths uint64."""

    prefix: str
    fingerprint: str
    numbers: bytes | None
    slots: bytes
    sequences: bytes
    lengths: bytes
    crcs: bytes


class Head(msgspec.Struct, array_like=True, frozen=True):
    """Who wrote the manifest, and the cut that it names. `listing` is for `read_listing`."""

    partition: _Natural
    epoch: str
    sequence: _Natural
    next_offsets: dict[Input, _Natural]
    models: tuple[str, ...]
    piece_bytes: Annotated[int, Meta(gt=0)]
    listing: bytes


class UnknownFormat(ValueError):
    """A manifest of another release."""


class DamagedManifest(ValueError):
    """Bytes that are no manifest, or no longer."""


@dataclass(frozen=True, slots=True)
class Written:
    """Who writes a manifest, and with which number."""

    partition: int
    epoch: str
    sequence: int
    piece_bytes: int


def write_manifest(
    written: Written, next_offsets: Mapping[Input, int], models: tuple[str, ...], parts: Iterable[ListedPart]
) -> bytes:
    """The value of a manifest record."""
    groups: dict[str, list[_Group]] = {}
    for model, prefix, members in _grouped(parts):
        groups.setdefault(model, []).append(_pack(prefix, members))
    head = Head(
        written.partition,
        written.epoch,
        written.sequence,
        {each: next_offsets[each] for each in Input},
        models,
        written.piece_bytes,
        zlib.compress(msgspec.msgpack.encode(groups), 1),
    )
    body = msgspec.msgpack.encode(head)
    return b"".join([MAGIC, bytes([FORMAT_VERSION]), zlib.crc32(body).to_bytes(4, "little"), body])


def read_head(value: bytes) -> Head:
    """All but the listing. Raises UnknownFormat or DamagedManifest."""
    if value[:3] != MAGIC or len(value) < _BODY_AT:
        raise DamagedManifest("it is cut short, or no manifest")
    if value[3] != FORMAT_VERSION:
        raise UnknownFormat(f"format {value[3]} is not known here (this is {FORMAT_VERSION})")
    if zlib.crc32(value[_BODY_AT:]) != int.from_bytes(value[4:_BODY_AT], "little"):
        raise DamagedManifest("its checksum is wrong")
    try:
        head = msgspec.msgpack.decode(value[_BODY_AT:], type=Head)
    except UNREADABLE as error:
        raise DamagedManifest(f"it cannot be read ({error})") from error
    if set(head.next_offsets) != set(Input):
        raise DamagedManifest("it does not name the offsets of both inputs")
    return head


def read_listing(head: Head) -> list[ListedPart]:
    """Every part of the cut. Raises DamagedManifest."""
    unzip = zlib.decompressobj()
    try:
        packed = unzip.decompress(head.listing, LISTING_BYTES_MAX)
        groups = msgspec.msgpack.decode(packed, type=dict[str, list[_Group]])
        parts = [part for model, own in groups.items() for group in own for part in _unpack(model, group, head)]
    except (zlib.error, ValueError, *UNREADABLE) as error:
        raise DamagedManifest(f"its listing cannot be read ({error})") from error
    if len({part.name for part in parts}) != len(parts):
        raise DamagedManifest("it lists a part twice")
    return parts


def _grouped(parts: Iterable[ListedPart]) -> list[tuple[str, str, list[tuple[int | None, ListedPart]]]]:
    """(model, prefix, [(number, part)]) in the order in which the groups were met."""
    groups: dict[tuple[str, str, str, bool], list[tuple[int | None, ListedPart]]] = {}
    for part in parts:
        numbered = _NUMBERED.fullmatch(part.name.name)
        prefix, number = (numbered[1], int(numbered[2])) if numbered else (part.name.name, None)
        key = (part.name.model, prefix, part.fingerprint, number is None)
        groups.setdefault(key, []).append((number, part))
    return [(model, prefix, members) for (model, prefix, _, _), members in groups.items()]


def _pack(prefix: str, members: list[tuple[int | None, ListedPart]]) -> _Group:
    parts = [part for _, part in members]
    numbers = [number for number, _ in members if number is not None]
    return _Group(
        prefix,
        parts[0].fingerprint,
        np.array(numbers, "<u4").tobytes() if numbers else None,
        bytes(part.slot for part in parts),
        np.array([part.sequence for part in parts], "<u8").tobytes(),
        np.array([part.length for part in parts], "<u8").tobytes(),
        np.array([crc for part in parts for crc in part.crcs], "<u4").tobytes(),
    )


def _unpack(model: str, group: _Group, head: Head) -> list[ListedPart]:
    """The parts of one group; ValueError when its arrays do not belong together."""
    names = [group.prefix]
    if group.numbers is not None:
        names = [f"{group.prefix}{number}" for number in _array(group.numbers, "<u4").tolist()]
    sequences, lengths = _array(group.sequences, "<u8").tolist(), _array(group.lengths, "<u8").tolist()
    crcs = _array(group.crcs, "<u4").tolist()
    pieces = [pieces_of(length, head.piece_bytes) for length in lengths]
    fits = len(names) == len(group.slots) == len(sequences) == len(lengths) and sum(pieces) == len(crcs)
    if not fits or max(group.slots, default=0) >= SLOTS:
        raise ValueError(f"the arrays of {group.prefix!r} do not belong together")
    parts, at = [], 0
    for name, slot, sequence, length, n in zip(names, group.slots, sequences, lengths, pieces, strict=True):
        own = tuple(crcs[at : at + n])
        parts.append(ListedPart(PartName(model, name), group.fingerprint, slot, sequence, length, own))
        at += n
    return parts


def _array(packed: bytes, dtype: str) -> NDArray[np.unsignedinteger]:
    array: NDArray[np.unsignedinteger] = np.frombuffer(packed, dtype)
    return array
