"""Keys of prediction ids: SipHash-2-4 as published, the kernel equal to the plain reference."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from driftline.processors.id_hash import hash_ids, hash_key, siphash_reference

PUBLISHED_KEY = np.frombuffer(bytes(range(16)), "<u8").astype(np.uint64)
# the first and the last of the 64 vectors of the reference implementation: messages b"", b"\x00", b"\x00\x01", ..
PUBLISHED = {
    0: 0x726FDB47DD0E0E31,
    1: 0x74F839C593DC67FD,
    7: 0xAB0200F58B01D137,
    8: 0x93F5F5799A932462,
    15: 0xA129CA6149BE45E5,
    63: 0x958A324CEB064572,
}


def test_the_plain_reference_gives_the_published_vectors() -> None:
    for length, expected in PUBLISHED.items():
        assert siphash_reference(PUBLISHED_KEY, bytes(range(length))) == expected


def test_the_kernel_gives_the_published_vectors() -> None:
    ids = [bytes(range(length)).decode("ascii") for length in PUBLISHED]
    assert hash_ids(PUBLISHED_KEY, ids).tolist() == list(PUBLISHED.values())


@given(st.lists(st.text(max_size=40), max_size=20))
def test_the_kernel_equals_the_plain_reference(ids: list[str]) -> None:
    ids = [text.encode("utf-8", "replace").decode() for text in ids]
    key = hash_key("credit")
    assert hash_ids(key, ids).tolist() == [siphash_reference(key, text.encode()) for text in ids]


def test_the_same_id_of_two_models_has_two_keys() -> None:
    assert hash_ids(hash_key("a"), ["p-1"]).tolist() != hash_ids(hash_key("b"), ["p-1"]).tolist()


def test_keys_never_change_between_versions() -> None:
    """They are in snapshots: another value would count every remembered id as new."""
    assert hash_ids(hash_key("credit"), ["p-1", "é"]).tolist() == [16649051034477563934, 14738771515523149166]
