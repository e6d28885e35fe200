"""Lines of a buffer: how it is cut, and when every line is certain to be one object."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.processors.columns_lines import as_lines, blocks, lines_of, objects_on_lines
from driftline.schemas.limits import TYPED_BYTES_MAX


def plainly_objects_on_lines(block: bytes) -> int:
    """What the kernel counts, said plainly."""
    lines = (block[:-1] if block.endswith(b"\n") else block).split(b"\n")
    inner_ends = all(line.endswith(b"}") for line in lines[:-1])
    inner_starts = all(line.startswith(b"{") for line in lines[1:])
    short = all(len(line) <= TYPED_BYTES_MAX for line in lines)
    return len(lines) if inner_ends and inner_starts and short and not block.startswith(b"\n") else 0


@given(st.lists(st.sampled_from([b"{}", b'{"a":"' + b"x" * 120 + b'"}', b"{", b"}", b"", b" ", b"{\r"]), max_size=12))
def test_the_kernel_counts_like_its_plain_form(lines: list[bytes]) -> None:
    for block in (b"\n".join(lines), b"\n".join(lines) + b"\n"):
        if len(block) >= 2:
            assert objects_on_lines(memoryview(block)) == plainly_objects_on_lines(block), block


@pytest.mark.compiled
def test_the_kernel_counts_alike_wherever_a_newline_lies_in_its_strides(test_seed: int) -> None:
    draw = random.Random(test_seed)
    for _ in range(300):
        lines = [b"{" + b"x" * draw.randrange(300) + b"}" for _ in range(draw.randrange(1, 30))]
        block = b"\n".join(lines) + b"\n" * draw.randrange(2)
        if draw.random() < 0.5:
            at = draw.randrange(len(block))
            block = block[:at] + draw.choice([b"\n", b"x", b"\n\n"]) + block[at + 1 :]
        assert objects_on_lines(memoryview(block)) == plainly_objects_on_lines(block)


@pytest.mark.compiled
@pytest.mark.parametrize("position", ["first", "between", "last"])
def test_a_line_too_long_for_the_fast_path_is_noticed(position: str) -> None:
    for length, certain in ((TYPED_BYTES_MAX, True), (TYPED_BYTES_MAX + 1, False)):
        long = b"{" + b" " * (length - 2) + b"}"
        lines = {"first": [long, b"{}"], "between": [b"{}", long, b"{}"], "last": [b"{}", long]}[position]
        for end in (b"", b"\n"):
            assert objects_on_lines(memoryview(b"\n".join(lines) + end)) == (len(lines) if certain else 0)


def test_blocks_end_at_newlines_and_join_to_the_buffer(test_seed: int) -> None:
    draw = random.Random(test_seed)
    lines = [b"x" * draw.choice([10, 1_000, 100_000, 500_000]) for _ in range(30)]
    for buffer in (b"\n".join(lines), b"\n".join(lines) + b"\n", b"", b"\n"):
        pieces = [bytes(block) for block in blocks(buffer)]
        assert b"".join(pieces) == buffer
        assert all(piece.endswith(b"\n") for piece in pieces[:-1])
        assert len(pieces) < 30


def test_blank_lines_are_no_lines() -> None:
    assert lines_of(memoryview(b'{}\n\n \t\r\n{"a":1}\r\n')) == [b"{}", b'{"a":1}\r']


@pytest.mark.parametrize(
    "odd",
    [
        b"",
        b" ",
        b"null",
        b'{"a":\n1}',
        b'{"a":1}\n{"b":2}',
        b'\n{"a":1}',
        b'{"a":1}\n',
        b"[1]",
        b'{"a":1',
        b'\xef\xbb\xbf{"a":1}',
    ],
)
def test_records_become_lines_only_if_each_is_a_plain_one(odd: bytes) -> None:
    plain = b'{"a":1}'
    for records in ([odd, plain, plain], [plain, odd, plain], [plain, plain, odd]):
        lines = as_lines(records)
        # a newline at the very end is JSON's white space
        assert lines is None or lines.rstrip(b"\n").split(b"\n") == [*records[:-1], records[-1].rstrip(b"\n")]
    assert as_lines([plain, plain]) == b'{"a":1}\n{"a":1}'
