"""Record bytes -> one JSON object, or the exact reason why not. The slow and exact half of decoding.

A record is refused as a whole when any number in it is not finite, wherever it stands. Of a name given twice the last
value counts, as in every common JSON library. Integers past 64 bits are read as floats.

orjson and not msgspec reads here: it takes the same time for every number, where msgspec needs a hundred times as long
for one near the ends of the float range, and a record may be made of these.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from driftline.schemas.limits import DEPTH_MAX, RECORD_BYTES_MAX, VALUES_MAX
from driftline.schemas.rejections import RecordRejected, RejectionReason

_NOT_FINITE_WORD: Final = re.compile("-?(?:NaN|Infinity)")
_TO_SQUARE: Final = bytes.maketrans(b"{}", b"[]")
_NO_PUNCTUATION: Final = bytes(b for b in range(256) if b not in b'",:[]{}')
_NO_BRACKETS: Final = bytes(b for b in range(256) if b not in b"[]{}")


def read_object(record: bytes) -> dict[str, Any]:
    """The record's one JSON object. Raises RecordRejected."""
    if len(record) > RECORD_BYTES_MAX:
        raise RecordRejected(RejectionReason.TOO_LARGE, f"the record has {len(record):,} bytes")
    if values_exceed(record, VALUES_MAX):
        raise RecordRejected(RejectionReason.TOO_MANY_FEATURES, f"the record holds more than {VALUES_MAX:,} values")
    try:
        value = orjson.loads(record)
    except orjson.JSONDecodeError as error:
        raise RecordRejected(*_reason(record, error)) from None
    if not isinstance(value, dict):
        raise RecordRejected(RejectionReason.NOT_AN_OBJECT, "the record is not a JSON object")
    if depth_exceeds(record, DEPTH_MAX):
        raise RecordRejected(RejectionReason.TOO_DEEP, f"the record nests more than {DEPTH_MAX} levels")
    return value


def _reason(record: bytes, error: orjson.JSONDecodeError) -> tuple[RejectionReason, str]:
    """What orjson's message means. A message it does not have today would be INVALID_JSON, which is never wrong."""
    if "UTF-8 byte order mark" in error.msg:
        return RejectionReason.NOT_UTF8, "the record begins with a byte order mark"
    if "not valid UTF-8" in error.msg:
        return RejectionReason.NOT_UTF8, "the record is not valid UTF-8"
    if "surrogate" in error.msg:
        return RejectionReason.NOT_UTF8, "a string holds half of a surrogate pair"
    if "depth limit" in error.msg:
        return RejectionReason.TOO_DEEP, "the record nests hundreds of levels"
    if "infinity" in error.msg:
        return RejectionReason.NOT_FINITE, "a number is past 1.8e308"
    if "after document" in error.msg:
        if not record.lstrip(b" \t\r\n").startswith(b"{"):
            return RejectionReason.NOT_AN_OBJECT, "the record is not a JSON object"
        return RejectionReason.TRAILING_DATA, "something follows the JSON object"
    if not record.strip(b" \t\r\n"):
        return RejectionReason.INVALID_JSON, "the record is empty"
    # orjson points behind the sign of "-Infinity"
    if _NOT_FINITE_WORD.match(error.doc, error.pos) or _NOT_FINITE_WORD.match(error.doc, max(error.pos - 1, 0)):
        return RejectionReason.NOT_FINITE, "NaN or Infinity is written as a bare word"
    return RejectionReason.INVALID_JSON, f"not JSON from character {error.pos} on"


def values_exceed(record: bytes, limit: int) -> bool:
    """Whether JSON text has more than `limit` commas outside strings: it bounds what a record costs before it is read."""
    return record.count(b",") > limit and _outside_strings(record).count(b",") > limit


def depth_exceeds(record: bytes, limit: int) -> bool:
    """Whether valid JSON text nests deeper than `limit` (a scalar has depth 0, `{}` depth 1).

    Works on bytes, with a number of passes bounded by `limit`: no recursion, and no object is built for an attacker.
    """
    if record.count(b"[") + record.count(b"{") <= limit:
        return False
    brackets = _outside_strings(record).translate(_TO_SQUARE, _NO_BRACKETS)
    for _ in range(limit):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")  # takes away exactly the innermost level
    return bool(brackets)


def _outside_strings(record: bytes) -> bytes:
    """The punctuation of JSON text outside its strings."""
    if b"\\" in record:
        record = record.replace(b"\\\\", b"").replace(b'\\"', b"")
    punctuation = record.translate(None, _NO_PUNCTUATION)
    # Two strings never touch, there is at least a colon between them: so this takes strings without punctuation only.
    return b"".join(punctuation.replace(b'""', b"").split(b'"')[::2])
