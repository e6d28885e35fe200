"""JSON lines: cutting a buffer into blocks that fit the cache, and telling whether every line is one object."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from driftline.processors.arrays import U8
from driftline.processors.kernels import njit_uncounted
from driftline.schemas.limits import TYPED_BYTES_MAX

_BLOCK_BYTES: Final = 196_608
"""A block and the objects made of it stay in a second-level cache of 1 MB; twice the size is measurably slower."""

_NEWLINE, _CLOSING, _OPENING = 10, 125, 123  # "\n", "}", "{"
_STRIDE: Final = 128
_JSON_SPACE: Final = b" \t\r"


def blocks(buffer: bytes) -> Iterator[memoryview]:
    """Pieces of the buffer that end at a newline (the last one perhaps not). A long line is one block."""
    view = memoryview(buffer)
    start = 0
    while start < len(buffer):
        newline = buffer.find(b"\n", start + _BLOCK_BYTES)
        end = len(buffer) if newline < 0 else newline + 1
        yield view[start:end]
        start = end


def as_lines(records: Sequence[bytes]) -> bytes | None:
    """The records as one buffer of lines, none of which is blank; None when one of them is no plain line."""
    if max(map(len, records), default=0) > TYPED_BYTES_MAX:
        return None
    joined = b"\n".join(records)
    # as many objects on lines as records: no newline stands inside a record, and none is blank
    return joined if joined[:1] == b"{" and objects_on_lines(memoryview(joined)) == len(records) else None


def lines_of(block: memoryview) -> list[bytes]:
    """The lines that are not blank."""
    return [line for line in bytes(block).split(b"\n") if line.strip(_JSON_SPACE)]


def objects_on_lines(block: memoryview) -> int:
    """How many lines the block has if all of them look like one object each; 0 when that is not certain.

    A decoder of JSON sequences cares for values and not for lines. If every newline stands between "}" and "{", none of
    them is inside a value: then as many values as lines means one value a line. Lines too long for it are not certain.
    """
    if len(block) < 2:
        return 0
    newlines, doubts = _count_newlines(np.frombuffer(block, np.uint8))
    return 0 if doubts else newlines + 1


@njit_uncounted()
def _count_newlines(data: U8) -> tuple[int, int]:
    """Newlines before the last byte, and how many of them do not stand between "}" and "{" or end too long a line.

    Strides of constant length with a uint8 count are what the compiler makes vector code of; most hold no newline.
    """
    newlines = 0
    doubts = 0
    last = data.shape[0] - 1
    line_start = 0
    at = 1
    while at + _STRIDE <= last:
        count = np.uint8(0)
        for k in range(_STRIDE):
            count = np.uint8(count + np.uint8(data[at + k] == _NEWLINE))
        if count:
            for i in range(at, at + _STRIDE):
                if data[i] == _NEWLINE:
                    newlines += 1
                    doubts += _is_doubtful(data, line_start, i)
                    line_start = i + 1
        at += _STRIDE
    for i in range(at, last):
        if data[i] == _NEWLINE:
            newlines += 1
            doubts += _is_doubtful(data, line_start, i)
            line_start = i + 1
    end = last if data[last] == _NEWLINE else last + 1
    if data[0] == _NEWLINE or end - line_start > TYPED_BYTES_MAX:
        doubts += 1
    return newlines, doubts


@njit_uncounted()
def _is_doubtful(data: U8, line_start: int, newline: int) -> int:
    """1 if this newline may not be the end of an object that is short enough."""
    between = data[newline - 1] == _CLOSING and data[newline + 1] == _OPENING
    return 0 if between and newline - line_start <= TYPED_BYTES_MAX else 1
