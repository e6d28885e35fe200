"""Event time as it is written on the wire -> integer milliseconds since 1970-01-01T00:00:00Z.

Accepted: an integer (also spelt as an integral float, as JavaScript and pandas do), or RFC 3339 with an offset. Of
RFC 3339 everything is read that common libraries write: a space for "T", lower case "t" and "z", an offset without its
colon (Python's %z), any number of fraction digits (cut, not rounded, at milliseconds), and second 60, which is the
first instant of the next minute as it is on POSIX clocks. Whether a time is plausible is decided later, against record
time.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from driftline.schemas.limits import TIMESTAMP_MS_MAX, TIMESTAMP_MS_MIN

_RFC3339: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):?(\d\d))", re.ASCII
)
_WITHOUT_OFFSET: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?", re.ASCII)
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()


def timestamp_ms(value: object) -> int | None:
    """Epoch milliseconds, or None when the value is no timestamp (`timestamp_problem` then says why).

    >>> timestamp_ms("2026-01-31T13:00:00.25+01:00"), timestamp_ms(1769860800250.0), timestamp_ms("2026-01-31")
    (1769860800250, 1769860800250, None)
    """
    if isinstance(value, str):
        return _rfc3339_ms(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not TIMESTAMP_MS_MIN <= value <= TIMESTAMP_MS_MAX or value != int(value):
        return None
    return int(value)


def _rfc3339_ms(text: str) -> int | None:
    match = _RFC3339.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(match[i]) for i in range(1, 7))
    if hour > 23 or minute > 59 or second > 60:
        return None
    try:
        days = date(year, month, day).toordinal() - _EPOCH_DAY
    except ValueError:
        return None
    minutes = (days * 24 + hour) * 60 + minute
    if match[8]:
        offset_hours, offset_minutes = int(match[9]), int(match[10])
        if offset_hours > 23 or offset_minutes > 59:
            return None
        offset = offset_hours * 60 + offset_minutes
        minutes += offset if match[8] == "-" else -offset
    ms = (minutes * 60 + second) * 1000 + int((match[7] or "")[:3].ljust(3, "0"))
    return ms if TIMESTAMP_MS_MIN <= ms <= TIMESTAMP_MS_MAX else None


def timestamp_problem(value: object) -> str:
    """What is wrong with a value for which `timestamp_ms` is None; never the value itself."""
    if isinstance(value, str):
        if _WITHOUT_OFFSET.fullmatch(value):
            return "timestamp has no offset, so its time zone is unknown"
        return "timestamp is not an RFC 3339 date and time"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"timestamp is {_KIND.get(type(value), 'of the wrong type')}"
    if value > TIMESTAMP_MS_MAX:
        return "timestamp is past the year 9999: micro- or nanoseconds instead of milliseconds?"
    if value < TIMESTAMP_MS_MIN:
        return "timestamp is before the year 1"
    return "timestamp has a fraction of a millisecond: seconds instead of milliseconds?"


_KIND: Final = {bool: "a boolean", list: "an array", dict: "an object", type(None): "null"}
