"""A snapshot: named parts, each with the fingerprint of what shaped it and a checksum. Never pickle.

Layout: magic, length and CRC-32 of the header (uint32, little-endian), header as MessagePack, then the parts one after
another.
A part whose fingerprint does not match, or whose bytes are damaged, is left out by `read_parts` with the reason, and its
owner starts afresh and says so; the other parts are kept. Arrays are written in little-endian C order with their shape.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from driftline.schemas.errors import DamagedSnapshot

MAGIC: Final = b"DLS1"
FORMAT_VERSION: Final = 1

_HEADER_AT: Final = 12


class Part(NamedTuple):
    """One part: `fingerprint` names the parameters that shaped `data`."""

    name: str
    fingerprint: str
    data: bytes


class Unusable(NamedTuple):
    """A part that was left out, and why."""

    name: str
    reason: str


class _Entry(msgspec.Struct, array_like=True, frozen=True):
    name: str
    fingerprint: str
    crc: int
    length: int


class _Header(msgspec.Struct, frozen=True):
    format_version: int
    parts: list[_Entry]


class _Array(msgspec.Struct, array_like=True, frozen=True):
    dtype: str
    shape: tuple[int, ...]
    data: bytes


_ALLOWED_DTYPES: Final = {t: np.dtype(t) for t in ("|u1", "<u2", "<u4", "<u8", "<i4", "<i8", "<f8", "|b1")}


def write_parts(parts: list[Part]) -> bytes:
    """All parts as one byte string."""
    entries = [_Entry(p.name, p.fingerprint, zlib.crc32(p.data), len(p.data)) for p in parts]
    header = msgspec.msgpack.encode(_Header(FORMAT_VERSION, entries))
    frame = [MAGIC, len(header).to_bytes(4, "little"), zlib.crc32(header).to_bytes(4, "little"), header]
    return b"".join([*frame, *(p.data for p in parts)])


def read_parts(snapshot: bytes, fingerprint_of: Callable[[str], str | None]) -> tuple[dict[str, bytes], list[Unusable]]:
    """The usable parts by name, and those left out with the reason.

    `fingerprint_of(name)` says what a part must have been shaped by; None: no such part is wanted. Raises DamagedSnapshot
    when not even the header can be read.
    """
    header, at = _read_header(snapshot)
    whole: list[Part] = []
    damaged: list[Unusable] = []
    for entry in header.parts:
        data = snapshot[at : at + entry.length]
        at += entry.length
        if len(data) != entry.length or zlib.crc32(data) != entry.crc:
            damaged.append(Unusable(entry.name, "its bytes are damaged"))
        else:
            whole.append(Part(entry.name, entry.fingerprint, data))
    usable, unusable = fitting_parts(whole, fingerprint_of)
    return usable, damaged + unusable


def fitting_parts(
    parts: Iterable[Part], fingerprint_of: Callable[[str], str | None]
) -> tuple[dict[str, bytes], list[Unusable]]:
    """The parts that are wanted and were shaped by what they should be, by name, and the others with the reason."""
    usable: dict[str, bytes] = {}
    unusable: list[Unusable] = []
    for part in parts:
        wanted = fingerprint_of(part.name)
        if wanted is None:
            unusable.append(Unusable(part.name, "this version does not know such a part"))
        elif part.fingerprint != wanted:
            unusable.append(Unusable(part.name, "the settings or the reference that shaped it have changed"))
        else:
            usable[part.name] = part.data
    return usable, unusable


def _read_header(snapshot: bytes) -> tuple[_Header, int]:
    if snapshot[:4] != MAGIC:
        raise DamagedSnapshot("these bytes are not a driftline snapshot: pass what Monitor.snapshot() returned")
    end = _HEADER_AT + int.from_bytes(snapshot[4:8], "little")
    packed = snapshot[_HEADER_AT:end]
    # a wrong name or length of a part would put good bytes into the wrong place
    if len(packed) != end - _HEADER_AT or zlib.crc32(packed) != int.from_bytes(snapshot[8:_HEADER_AT], "little"):
        raise DamagedSnapshot("the snapshot's header is damaged: take an older snapshot, or start from the log")
    try:
        header = msgspec.msgpack.decode(packed, type=_Header)
    except msgspec.MsgspecError as error:
        raise DamagedSnapshot(f"the snapshot's header cannot be read ({error}): take an older snapshot") from error
    if header.format_version != FORMAT_VERSION:
        raise DamagedSnapshot(
            f"snapshot format {header.format_version} is not known here (this is {FORMAT_VERSION}): "
            "restore it with the release that wrote it, or start from the log"
        )
    return header, end


def pack_arrays(arrays: Mapping[str, NDArray[np.generic]]) -> bytes:
    """Named arrays as MessagePack."""
    return msgspec.msgpack.encode(
        {
            name: _Array(a.dtype.newbyteorder("<").str, a.shape, np.ascontiguousarray(a).tobytes())
            for name, a in arrays.items()
        }
    )


def unpack_arrays(data: bytes) -> dict[str, NDArray[np.generic]]:
    """The arrays of `pack_arrays`, as fresh writable copies. Raises DamagedSnapshot for a type that is never written."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for name, packed in msgspec.msgpack.decode(data, type=dict[str, _Array]).items():
        if packed.dtype not in _ALLOWED_DTYPES:
            raise DamagedSnapshot(f"array {name!r} has the type {packed.dtype!r}, which is never written")
        arrays[name] = np.frombuffer(packed.data, _ALLOWED_DTYPES[packed.dtype]).reshape(packed.shape).copy()
    return arrays
