"""Records of the compacted snapshots topic, and their keys.

Partition p of the topic belongs to partition p of the inputs. A key names who wrote (the epoch) and what, and one of two
slots: the versions of one thing take turns between them, so that compaction, which keeps the newest record of each key,
leaves the two newest versions.

    manifest  ["m", partition, epoch, slot]
    chunk     ["c", partition, epoch, model, part, piece, slot]

as MessagePack. An *epoch* is one uninterrupted ownership of a partition by one writer. No two epochs share a key.
"""

from __future__ import annotations

from typing import Annotated, Final, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta

SLOTS: Final = 2

UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError)
"""What msgspec raises for bytes that it did not write."""

_Slot = Annotated[int, Meta(ge=0, lt=SLOTS)]
_Count = Annotated[int, Meta(ge=0, lt=2**32)]


class SnapshotRecord(NamedTuple):
    """One record of the topic; `value` None is a tombstone."""

    key: bytes
    value: bytes | None


class ManifestKey(msgspec.Struct, array_like=True, frozen=True, tag="m"):
    """Where a manifest lies; `slot` is its sequence number modulo 2."""

    partition: _Count
    epoch: str
    slot: _Slot


class ChunkKey(msgspec.Struct, array_like=True, frozen=True, tag="c"):
    """Where one piece of one part of the state lies."""

    partition: _Count
    epoch: str
    model: str
    part: str
    piece: _Count
    slot: _Slot


SnapshotKey: TypeAlias = ManifestKey | ChunkKey

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(SnapshotKey).decode


def encode_key(key: SnapshotKey) -> bytes:
    """Equal keys give equal bytes: compaction compares bytes."""
    return _encode(key)


def decode_key(key: bytes) -> SnapshotKey | None:
    """None for bytes that are no key of this format."""
    try:
        decoded: SnapshotKey = _decode(key)
    except UNREADABLE:
        return None
    return decoded if _encode(decoded) == key else None
