"""A column of timestamps -> integer milliseconds. `schemas.timestamps` defines what is accepted; a test compares."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

import numpy as np

from driftline.processors.arrays import I64, U8
from driftline.processors.kernels import njit_uncounted
from driftline.schemas.limits import TIMESTAMP_MS_MAX, TIMESTAMP_MS_MIN
from driftline.schemas.timestamps import timestamp_ms

BAD_TIME: Final = np.iinfo(np.int64).min
"""Stands for a value that is no timestamp."""


def times_ms(values: Sequence[int | float | str]) -> I64:
    """int64[len(values)]: epoch milliseconds, BAD_TIME where the value is no timestamp."""
    n = len(values)
    try:
        ms = np.frombuffer(struct.pack(f"{n}q", *values), np.int64)
    except struct.error:  # not all of them are integers
        return _texts_ms(values)
    outside = (ms < TIMESTAMP_MS_MIN) | (ms > TIMESTAMP_MS_MAX)
    return np.where(outside, BAD_TIME, ms) if outside.any() else ms


def _texts_ms(values: Sequence[int | float | str]) -> I64:
    try:
        text = "".join(values)  # type: ignore[arg-type]  # a number among them is a TypeError
        data = text.encode("ascii")
    except (TypeError, UnicodeEncodeError):
        return np.array([BAD_TIME if (ms := timestamp_ms(v)) is None else ms for v in values], np.int64)
    lengths = np.fromiter(map(len, values), np.int64, len(values))  # type: ignore[arg-type]
    out = np.empty(len(values), np.int64)
    rfc3339_rows(np.frombuffer(data, np.uint8), lengths, out)
    return out


@njit_uncounted()
def _digits(data: U8, start: int, count: int) -> int:
    """The number written there, or a very negative one."""
    value = 0
    for i in range(start, start + count):
        digit = int(np.int64(data[i])) - 48
        if digit < 0 or digit > 9:
            return -1_000_000
        value = value * 10 + digit
    return value


@njit_uncounted()
def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 (Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil)."""
    y = year - 1 if month <= 2 else year
    era = y // 400
    year_of_era = y - era * 400
    day_of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468


@njit_uncounted()
def _days_in_month(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


@njit_uncounted()
def rfc3339(data: U8, start: int, end: int) -> int:
    if end - start < 20:
        return BAD_TIME
    if data[start + 4] != 45 or data[start + 7] != 45 or data[start + 13] != 58 or data[start + 16] != 58:
        return BAD_TIME  # "-", "-", ":", ":"
    if data[start + 10] not in (84, 116, 32):
        return BAD_TIME  # "T", "t", " "
    year, month, day = _digits(data, start, 4), _digits(data, start + 5, 2), _digits(data, start + 8, 2)
    hour, minute, second = _digits(data, start + 11, 2), _digits(data, start + 14, 2), _digits(data, start + 17, 2)
    if year < 1 or month < 1 or month > 12 or day < 1 or day > _days_in_month(year, month):
        return BAD_TIME
    if hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 60:
        return BAD_TIME
    at = start + 19
    ms = 0
    if data[at] == 46:  # "."
        at += 1
        first = at
        while at < end and 48 <= data[at] <= 57:
            if at - first < 3:
                ms = ms * 10 + int(np.int64(data[at])) - 48
            at += 1
        if at in (first, end):
            return BAD_TIME
        for _ in range(at - first, 3):
            ms *= 10
    offset = 0
    if data[at] in (90, 122):  # "Z", "z"
        at += 1
    elif data[at] in (43, 45):  # "+", "-"
        colon = 1 if end - at == 6 else 0
        if end - at != 5 + colon or (colon == 1 and data[at + 3] != 58):
            return BAD_TIME
        hours, minutes = _digits(data, at + 1, 2), _digits(data, at + 3 + colon, 2)
        if hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
            return BAD_TIME
        offset = hours * 60 + minutes if data[at] == 43 else -(hours * 60 + minutes)
        at = end
    if at != end:
        return BAD_TIME
    ms += ((_days(year, month, day) * 24 + hour) * 60 + minute - offset) * 60_000 + second * 1000
    return ms if TIMESTAMP_MS_MIN <= ms <= TIMESTAMP_MS_MAX else BAD_TIME


@njit_uncounted()
def rfc3339_rows(data: U8, lengths: I64, out: I64) -> None:
    """Read ASCII texts that lie back to back. data: uint8[sum(lengths)]; lengths: int64[n]; out: int64[n]."""
    start = 0
    for row in range(lengths.shape[0]):
        out[row] = rfc3339(data, start, start + lengths[row])
        start += lengths[row]
