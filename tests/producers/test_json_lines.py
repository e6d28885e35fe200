from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.config.model_spec import ColumnMapping
from driftline.producers.files import read_events
from driftline.producers.json_lines import read_json_lines_blocks
from driftline.schemas.errors import InputError
from driftline.schemas.limits import RECORD_BYTES_MAX


@given(
    st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"").replace(b"[", b"")), max_size=30),
    st.integers(1, 64),
)
def test_blocks_hold_whole_lines_and_every_byte(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], block_bytes: int
) -> None:
    path = tmp_path_factory.mktemp("lines") / "events.jsonl"
    path.write_bytes(b"\n".join(lines))
    blocks = list(read_json_lines_blocks(path, block_bytes))
    assert all(block.endswith(b"\n") for block in blocks)
    whole = path.read_bytes()
    assert b"".join(blocks) == (whole if whole.endswith(b"\n") or not whole else whole + b"\n")


def test_a_line_without_end_stays_bounded_and_too_large(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"x" * (5 * RECORD_BYTES_MAX) + b"\n" + b"{}\n")
    lines = b"".join(read_json_lines_blocks(path, 1 << 16)).splitlines()
    assert RECORD_BYTES_MAX < len(lines[0]) < 1.2 * RECORD_BYTES_MAX
    assert lines[1:] == [b"{}"]


def test_a_packed_file_is_unpacked_on_the_way(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a":1}\n{"a":2}\n'))
    assert list(read_events(path, ColumnMapping(), "m")) == [b'{"a":1}\n{"a":2}\n']


def test_a_packed_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a":1}\n' * 1000)[:-9])
    with pytest.raises(InputError, match="is no whole gzip file"):
        list(read_events(path, ColumnMapping(), "m"))


def test_a_json_array_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "events.json"
    path.write_text('[{"a": 1}]')
    with pytest.raises(
        InputError, match=r"is a JSON array; write one object a line, such as: jq -c '\.\[\]' events.json"
    ):
        list(read_events(path, ColumnMapping(), "m"))


def test_an_empty_file_has_no_events(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"")
    assert b"".join(read_events(path, ColumnMapping(), "m")) == b""


def test_progress_ends_at_the_size_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"a":1}\n' * 100)
    seen: list[tuple[int, int]] = []
    list(read_json_lines_blocks(path, 64, lambda done, total: seen.append((done, total))))
    assert seen == sorted(seen)
    assert seen[-1] == (800, 800)
