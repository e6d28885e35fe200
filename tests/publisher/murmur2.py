"""Which partition the Java client gives a key: murmur2 as in org.apache.kafka.common.utils.Utils."""

from __future__ import annotations

_MASK = 0xFFFFFFFF
_M = 0x5BD1E995


def murmur2(data: bytes) -> int:
    """The hash as a signed 32-bit integer, as Java has it."""
    h = (0x9747B28C ^ len(data)) & _MASK
    whole = len(data) // 4 * 4
    for start in range(0, whole, 4):
        k = int.from_bytes(data[start : start + 4], "little") * _M & _MASK
        k = (k ^ k >> 24) * _M & _MASK
        h = (h * _M & _MASK) ^ k
    if whole < len(data):
        h = (h ^ int.from_bytes(data[whole:], "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    h ^= h >> 15
    return h - 2**32 if h >= 2**31 else h


def java_partition(key: bytes, partitions: int) -> int:
    """As BuiltInPartitioner.partitionForKey does it."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
