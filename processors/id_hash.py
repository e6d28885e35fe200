"""Prediction ids -> 64-bit keys: SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012).

A keyed hash, because the table of remembered ids must not degrade under chosen ids. The key is derived from the model's
name and nothing else: the same log gives the same keys on every machine, so a replay drops the same duplicates.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from driftline.processors.arrays import I64, U64
from driftline.processors.kernels import njit_uncounted

_MASK = (1 << 64) - 1


def hash_key(model: str) -> U64:
    """uint64[2]: the SipHash key of this model's ids."""
    digest = blake2b(model.encode(), digest_size=16, person=b"driftline id").digest()
    return np.frombuffer(digest, "<u8").astype(np.uint64)


def hash_ids(key: U64, ids: Sequence[str]) -> U64:
    """uint64[len(ids)]: SipHash-2-4 under `key` (uint64[2]) of each id's UTF-8 bytes."""
    text = "".join(ids)
    data = text.encode()
    if len(data) == len(text):  # ASCII: characters are bytes
        lengths = np.fromiter(map(len, ids), np.int64, len(ids))
    else:
        lengths = np.fromiter((len(i.encode()) for i in ids), np.int64, len(ids))
    words = np.frombuffer(data + bytes(16 - len(data) % 8), "<u8")
    out = np.empty(len(ids), np.uint64)
    with np.errstate(over="ignore"):  # 64-bit overflow is meant; numpy warns of it where the kernel is not compiled
        siphash_rows(key, words, lengths, out)
    return out


@njit_uncounted(inline="always")
def _rotate(x: np.uint64, bits: int) -> np.uint64:
    return (x << np.uint64(bits)) | (x >> np.uint64(64 - bits))


@njit_uncounted(inline="always")
def _round(
    v0: np.uint64, v1: np.uint64, v2: np.uint64, v3: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    v0 += v1
    v1 = _rotate(v1, 13) ^ v0
    v0 = _rotate(v0, 32)
    v2 += v3
    v3 = _rotate(v3, 16) ^ v2
    v0 += v3
    v3 = _rotate(v3, 21) ^ v0
    v2 += v1
    v1 = _rotate(v1, 17) ^ v2
    v2 = _rotate(v2, 32)
    return v0, v1, v2, v3


@njit_uncounted(inline="always")
def _load(words: U64, at: int) -> np.uint64:
    """Eight bytes from byte `at` on, which need not be aligned; `words` must reach past them."""
    index, bits = at >> 3, np.uint64((at & 7) * 8)
    word: np.uint64 = words[index] >> bits
    if bits:
        word |= words[index + 1] << (np.uint64(64) - bits)
    return word


@njit_uncounted()
def siphash_rows(key: U64, words: U64, lengths: I64, out: U64) -> None:
    """Hash byte strings that lie back to back.

    key: uint64[2]; words: the bytes as little-endian uint64, with at least 8 bytes of padding; lengths: int64[n], in
    bytes; out: uint64[n].
    """
    start = 0
    for row in range(lengths.shape[0]):
        length = lengths[row]
        v0 = key[0] ^ np.uint64(0x736F6D6570736575)
        v1 = key[1] ^ np.uint64(0x646F72616E646F6D)
        v2 = key[0] ^ np.uint64(0x6C7967656E657261)
        v3 = key[1] ^ np.uint64(0x7465646279746573)
        end = start + (length & ~np.int64(7))
        for at in range(start, end, 8):
            m = _load(words, at)
            v3 ^= m
            v0, v1, v2, v3 = _round(v0, v1, v2, v3)
            v0, v1, v2, v3 = _round(v0, v1, v2, v3)
            v0 ^= m
        rest = np.uint64((length & 7) * 8)
        m = np.uint64(length & 0xFF) << np.uint64(56)
        m |= _load(words, end) & ((np.uint64(1) << rest) - np.uint64(1))
        v3 ^= m
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0 ^= m
        v2 ^= np.uint64(0xFF)
        for _ in range(4):
            v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        out[row] = v0 ^ v1 ^ v2 ^ v3
        start += length


def siphash_reference(key: U64, data: bytes) -> int:
    """The same function written as the paper writes it, in plain Python; tests hold the kernel to it."""
    k0, k1 = int(key[0]), int(key[1])
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def rotate(x: int, bits: int) -> int:
        return ((x << bits) | (x >> (64 - bits))) & _MASK

    def rounds(count: int) -> None:
        for _ in range(count):
            v[0] = (v[0] + v[1]) & _MASK
            v[1] = rotate(v[1], 13) ^ v[0]
            v[0] = rotate(v[0], 32)
            v[2] = (v[2] + v[3]) & _MASK
            v[3] = rotate(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & _MASK
            v[3] = rotate(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & _MASK
            v[1] = rotate(v[1], 17) ^ v[2]
            v[2] = rotate(v[2], 32)

    whole = len(data) // 8 * 8
    words = [int.from_bytes(data[i : i + 8], "little") for i in range(0, whole, 8)]
    words.append(int.from_bytes(data[whole:].ljust(7, b"\0") + bytes([len(data) & 0xFF]), "little"))
    for word in words:
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]
