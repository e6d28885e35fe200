"""Snapshots: what is damaged or shaped by other settings is left out and named; the rest is kept."""

import numpy as np
import pytest

from driftline.processors.snapshot import Part, pack_arrays, read_parts, unpack_arrays, write_parts
from driftline.schemas.errors import DamagedSnapshot

PARTS = [Part("clock", "a", b"tick"), Part("groups/0", "b", b"x" * 100)]


def fingerprints(name: str) -> str | None:
    return {"clock": "a", "groups/0": "b"}.get(name)


def test_parts_come_back_as_they_were() -> None:
    assert read_parts(write_parts(PARTS), fingerprints) == ({"clock": b"tick", "groups/0": b"x" * 100}, [])


def test_a_part_shaped_by_other_settings_is_left_out_and_the_other_kept() -> None:
    usable, unusable = read_parts(write_parts(PARTS), lambda name: {"clock": "a", "groups/0": "changed"}.get(name))
    assert list(usable) == ["clock"]
    assert unusable[0].name == "groups/0"
    assert "changed" in unusable[0].reason


def test_any_flipped_byte_of_a_part_leaves_that_part_out() -> None:
    snapshot = bytearray(write_parts(PARTS))
    for at in range(len(snapshot) - 104, len(snapshot)):
        damaged = bytes(snapshot[:at]) + bytes([snapshot[at] ^ 1]) + bytes(snapshot[at + 1 :])
        usable, unusable = read_parts(damaged, fingerprints)
        assert len(usable) == 1
        assert len(unusable) == 1
        assert "damaged" in unusable[0].reason


def test_every_truncation_is_noticed() -> None:
    snapshot = write_parts(PARTS)
    for length in range(len(snapshot)):
        try:
            usable, unusable = read_parts(snapshot[:length], fingerprints)
        except DamagedSnapshot:
            continue
        assert len(usable) < len(PARTS)
        assert unusable


def test_bytes_that_are_no_snapshot_are_refused_with_a_sentence() -> None:
    with pytest.raises(DamagedSnapshot, match="not a driftline snapshot"):
        read_parts(b"\x80\x04cbuiltins\neval", fingerprints)


def test_arrays_keep_type_shape_and_bytes() -> None:
    arrays = {
        "a": np.arange(6, dtype=np.uint16).reshape(2, 3),
        "b": np.array([np.nan, -0.0, np.inf]),
        "c": np.zeros((0, 4), np.int64),
    }
    for name, array in unpack_arrays(pack_arrays(arrays)).items():
        assert array.dtype == arrays[name].dtype
        assert array.shape == arrays[name].shape
        assert array.tobytes() == arrays[name].tobytes()


def test_an_object_array_is_never_read() -> None:
    import msgspec

    with pytest.raises(DamagedSnapshot, match="never written"):
        unpack_arrays(msgspec.msgpack.encode({"a": ("|O", (1,), b"12345678")}))
