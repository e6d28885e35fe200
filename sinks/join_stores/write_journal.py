"""One write in a file of its own, so that it can be done in several steps and finished by whoever finds it half done.

    DLJ1 | length of the name (4) | name | number of rows (8) | keys (8 each) | records (width each) | CRC-32 of all (4)

Numbers are little-endian. The file takes the place of the one before at once; it is not synced, so after a power failure it
may be torn, which the checksum tells.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple
from zlib import crc32

import numpy as np

from driftline.schemas.errors import StoreUnavailable
from driftline.sinks.join_stores.packed_rows import CRC_BYTES, KEY_BYTES, Keys, Records, key_bytes

_MAGIC: Final = b"DLJ1"
_NAME_LENGTH: Final = 4
_COUNT: Final = 8


class JournaledWrite(NamedTuple):
    """name: what the write is about; keys (uint64[n]); records (uint8[n, width])."""

    name: bytes
    keys: Keys
    records: Records


def write_journal(file: Path, write: JournaledWrite) -> None:
    """Raises StoreUnavailable when it cannot be written; then the file is as it was."""
    head = _MAGIC + len(write.name).to_bytes(_NAME_LENGTH, "little") + write.name
    head += len(write.keys).to_bytes(_COUNT, "little")
    parts = [head, key_bytes(write.keys).tobytes(), write.records.tobytes()]
    sum_ = 0
    for part in parts:
        sum_ = crc32(part, sum_)
    new = file.with_suffix(".new")
    try:
        with new.open("wb") as stream:
            stream.writelines([*parts, sum_.to_bytes(CRC_BYTES, "little")])
        new.replace(file)
    except OSError as error:
        raise StoreUnavailable(f"{file} cannot be written: {error.strerror}") from error


def read_journal(file: Path, width: int) -> JournaledWrite | None:
    """None when there is none, or one that is torn or of other records. Raises StoreUnavailable when it cannot be read."""
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreUnavailable(f"{file} cannot be read: {error.strerror}") from error
    content, sum_ = data[:-CRC_BYTES], data[-CRC_BYTES:]
    if not content.startswith(_MAGIC) or crc32(content).to_bytes(CRC_BYTES, "little") != sum_:
        return None
    at = len(_MAGIC) + _NAME_LENGTH
    length = int.from_bytes(content[at - _NAME_LENGTH : at], "little")
    name, rows = content[at : at + length], content[at + length + _COUNT :]
    count = int.from_bytes(content[at + length : at + length + _COUNT], "little")
    if len(rows) != count * (KEY_BYTES + width):
        return None
    keys = np.frombuffer(rows, "<u8", count).astype(np.uint64)
    return JournaledWrite(name, keys, np.frombuffer(rows, np.uint8, offset=count * KEY_BYTES).reshape(count, width))
