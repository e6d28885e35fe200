"""Chunks: the bytes of one part of the state, in pieces that a broker takes.

A chunk is a magic number and the sequence number of the plan that wrote it (uint64, little-endian), then the bytes. The
CRC-32 that the manifest lists is over all of it, so the version of a chunk that was meant is told from an older one under
the same key, even of the same content.
"""

from __future__ import annotations

import zlib
from typing import Final

MAGIC: Final = b"DLC1"
HEADER_BYTES: Final = len(MAGIC) + 8

PIECE_BYTES: Final = 512 * 1024
"""Parts above this are split: half of what a broker takes in one record by default (message.max.bytes, 1 MiB)."""


def pieces_of(length: int, piece_bytes: int) -> int:
    """Into how many pieces `length` bytes are split: nothing is one empty piece.

    >>> [pieces_of(length, 512) for length in (0, 1, 512, 513)]
    [1, 1, 1, 2]
    """
    return max(1, -(-length // piece_bytes))


def chunks_of(data: bytes, sequence: int, piece_bytes: int) -> list[bytes]:
    """The chunks of one part."""
    header = MAGIC + sequence.to_bytes(8, "little")
    starts = range(0, pieces_of(len(data), piece_bytes) * piece_bytes, piece_bytes)
    return [header + data[start : start + piece_bytes] for start in starts]


def data_of(chunks: list[bytes]) -> bytes:
    """What `chunks_of` was given; the chunks are those that a manifest lists, so nothing is left to check."""
    return b"".join([chunk[HEADER_BYTES:] for chunk in chunks])


def chunk_lengths(length: int, piece_bytes: int) -> list[int]:
    """Length of each chunk of a part of `length` bytes, headers included."""
    full, rest = divmod(length, piece_bytes)
    return [HEADER_BYTES + piece_bytes] * full + ([HEADER_BYTES + rest] if rest or not full else [])


crc_of: Final = zlib.crc32
"""CRC-32 of a whole chunk."""
