"""Record bytes -> one JSON object, or the exact reason why not. The slow and exact half of decoding.

A record is refused as a whole when any number in it is not finite, wherever it stands. Of a name given twice the last
value counts, as in every common JSON library.
"""

from __future__ import annotations

import re
import sys
from typing import Any, Final, NoReturn

import msgspec

from driftline.schemas.limits import DEPTH_MAX, RECORD_BYTES_MAX
from driftline.schemas.rejections import RecordRejected, RejectionReason

_decode = msgspec.json.Decoder().decode

_BOM: Final = b"\xef\xbb\xbf"
_ERROR_POSITION: Final = re.compile(r"\(byte (\d+)\)$")
_SURROGATE_ESCAPE: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u[dD][89a-fA-F]")
_NOT_FINITE_WORD: Final = re.compile(rb"-?(?:NaN|Infinity)")

_TO_SQUARE: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS: Final = bytes(b for b in range(256) if b not in b"[]{}")
_DIGIT_MASK: Final = bytes(0x30 if 0x30 <= b <= 0x39 else 0x20 for b in range(256))
_DIGITS_OF_LARGEST: Final = b"0" * (sys.float_info.max_10_exp + 1)


def read_object(record: bytes) -> dict[str, Any]:
    """The record's one JSON object. Raises RecordRejected."""
    if len(record) > RECORD_BYTES_MAX:
        raise RecordRejected(RejectionReason.TOO_LARGE, f"the record has {len(record):,} bytes")
    try:
        value = _decode(record)
    except UnicodeDecodeError:
        raise RecordRejected(RejectionReason.NOT_UTF8, "the record is not valid UTF-8") from None
    except RecursionError:
        raise RecordRejected(RejectionReason.TOO_DEEP, "the record nests hundreds of levels") from None
    except msgspec.DecodeError as error:
        _raise_reason(record, str(error))
    if not isinstance(value, dict):
        raise RecordRejected(RejectionReason.NOT_AN_OBJECT, "the record is not a JSON object")
    if depth_exceeds(record, DEPTH_MAX):
        raise RecordRejected(RejectionReason.TOO_DEEP, f"the record nests more than {DEPTH_MAX} levels")
    if _may_have_huge_integer(record) and has_huge_integer(value):
        raise RecordRejected(RejectionReason.NOT_FINITE, "an integer is past 1.8e308")
    return value


def _raise_reason(record: bytes, error: str) -> NoReturn:
    if record.startswith(_BOM):
        raise RecordRejected(RejectionReason.NOT_UTF8, "the record begins with a byte order mark")
    if not _is_utf8(record):
        raise RecordRejected(RejectionReason.NOT_UTF8, "the record is not valid UTF-8")
    text = record.lstrip(b" \t\r\n")
    if not text:
        raise RecordRejected(RejectionReason.INVALID_JSON, "the record is empty")
    if "trailing characters" in error:
        if not text.startswith(b"{"):
            raise RecordRejected(RejectionReason.NOT_AN_OBJECT, "the record is not a JSON object")
        raise RecordRejected(RejectionReason.TRAILING_DATA, "something follows the JSON object")
    if "out of range" in error:
        raise RecordRejected(RejectionReason.NOT_FINITE, "a number is past 1.8e308")
    if b"\\u" in record and _SURROGATE_ESCAPE.search(record):
        raise RecordRejected(RejectionReason.NOT_UTF8, "the record may hold a lone surrogate escape")
    position = _ERROR_POSITION.search(error)
    if position is None:
        raise RecordRejected(RejectionReason.INVALID_JSON, "the record ends too early")
    at = int(position[1])
    # msgspec points at the first letter it does not know: "I" of "-Infinity", "N" of "NaN"
    if _NOT_FINITE_WORD.match(record, at) or _NOT_FINITE_WORD.match(record, max(at - 1, 0)):
        raise RecordRejected(RejectionReason.NOT_FINITE, "NaN or Infinity is written as a bare word")
    raise RecordRejected(RejectionReason.INVALID_JSON, f"not JSON from byte {at} on")


def _is_utf8(record: bytes) -> bool:
    try:
        record.decode()
    except UnicodeDecodeError:
        return False
    return True


def depth_exceeds(record: bytes, limit: int) -> bool:
    """Whether valid JSON text nests deeper than `limit` (a scalar has depth 0, `{}` depth 1).

    Works on bytes, with a number of passes bounded by `limit`: no recursion, and no object is built for an attacker.
    """
    if record.count(b"[") + record.count(b"{") <= limit:
        return False
    if b"\\" in record:
        record = record.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside_strings = b"".join(record.split(b'"')[::2])
    brackets = outside_strings.translate(_TO_SQUARE, _NO_BRACKETS)
    for _ in range(limit):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")  # takes away exactly the innermost level
    return bool(brackets)


def _may_have_huge_integer(record: bytes) -> bool:
    return len(record) > len(_DIGITS_OF_LARGEST) and _DIGITS_OF_LARGEST in record.translate(_DIGIT_MASK)


def has_huge_integer(value: object) -> bool:
    """Whether an integer anywhere inside is too large for a float64."""
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
        elif isinstance(item, int):
            try:
                float(item)
            except OverflowError:
                return True
    return False
