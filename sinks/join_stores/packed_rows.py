"""Records as databases keep them: a row is key (8 bytes, little-endian), record, CRC-32 of both (4 bytes, little-endian).

The key is in the checksum, so a value that lies under the wrong key is not taken for right.
"""

from __future__ import annotations

from typing import Final, TypeAlias
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from driftline.schemas.errors import StoreDoubtful

Keys: TypeAlias = NDArray[np.uint64]
Records: TypeAlias = NDArray[np.uint8]
Found: TypeAlias = NDArray[np.bool_]

KEY_BYTES: Final = 8
CRC_BYTES: Final = 4


def pack_rows(keys: Keys, records: Records) -> Records:
    """uint8[n, 8 + width + 4]: rows of keys (uint64[n]) and records (uint8[n, width])."""
    count, width = records.shape
    rows = np.empty((count, KEY_BYTES + width + CRC_BYTES), np.uint8)
    rows[:, :KEY_BYTES] = key_bytes(keys)
    rows[:, KEY_BYTES : KEY_BYTES + width] = records
    rows[:, KEY_BYTES + width :] = _checksums(rows[:, : KEY_BYTES + width])
    return rows


def unpack_values(keys: Keys, values: bytes, width: int) -> Records:
    """uint8[n, width]: the records of `values`, which are the rows of keys (uint64[n]) without the keys.

    Raises StoreDoubtful when their length or a checksum is wrong.
    """
    if len(keys) == 0:
        return np.zeros((0, width), np.uint8)
    if len(values) != len(keys) * (width + CRC_BYTES):
        raise StoreDoubtful(f"{len(keys)} records have {len(values)} bytes instead of {width + CRC_BYTES} each")
    stored = np.frombuffer(values, np.uint8).reshape(len(keys), width + CRC_BYTES)
    rows = np.empty((len(keys), KEY_BYTES + width), np.uint8)
    rows[:, :KEY_BYTES] = key_bytes(keys)
    rows[:, KEY_BYTES:] = stored[:, :width]
    wrong = int((_checksums(rows) != stored[:, width:]).any(axis=1).sum())
    if wrong:
        raise StoreDoubtful(f"{wrong} of {len(keys)} records are not what was written: their checksums are wrong")
    return stored[:, :width]


def pack_text(data: bytes) -> bytes:
    """`data` with its CRC-32 before it."""
    return crc32(data).to_bytes(CRC_BYTES, "little") + data


def unpack_text(stored: bytes) -> bytes:
    """What `pack_text` was given. Raises StoreDoubtful when the checksum is wrong."""
    data = stored[CRC_BYTES:]
    if pack_text(data) != stored:
        raise StoreDoubtful("the position is not what was written: its checksum is wrong")
    return data


def key_bytes(keys: Keys) -> Records:
    """uint8[n, 8]: keys (uint64[n]), little-endian."""
    return np.ascontiguousarray(keys, "<u8").view(np.uint8).reshape(len(keys), KEY_BYTES)


def _checksums(rows: Records) -> Records:
    """uint8[n, 4]: CRC-32 of each of the rows (uint8[n, m])."""
    data, length = memoryview(rows.tobytes()), rows.shape[1]
    sums = [crc32(data[at : at + length]) for at in range(0, len(data), length)]
    return np.array(sums, "<u4").view(np.uint8).reshape(len(rows), CRC_BYTES)
