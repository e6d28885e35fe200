"""Durations as an operator writes them: a whole number and one unit, `90s`, `10m`, `1h`, `7d`.

One number and one unit, because `1h30m` and `90m` would be two spellings of one value, and a bare `90` has no unit.
A day is 24 hours: windows are cut on the line of epoch milliseconds, which knows no daylight saving.
"""

import re
from typing import Final

from driftline.config.problems import quoted

_UNITS_MS: Final[dict[str, int]] = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
DURATION_PATTERN: Final = r"^[0-9]{1,12}(ms|s|m|h|d)$"
_DURATION: Final = re.compile(r"([0-9]{1,12})(ms|s|m|h|d)")


def parse_duration(text: str) -> int:
    """Return the duration in milliseconds.

    Raises ValueError when `text` is not a whole number followed by ms, s, m, h or d.

    >>> parse_duration("10m")
    600000
    >>> parse_duration("90s")
    90000
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        remedy = "write a whole number and one unit (ms, s, m, h, d), such as 90s"
        raise ValueError(f"{quoted(text)} is not a duration; {remedy}")
    number, unit = match.groups()
    return int(number) * _UNITS_MS[unit]


def format_duration(duration_ms: int) -> str:
    """Return the shortest exact spelling, in the largest unit that divides it; `parse_duration` reads it back.

    Raises ValueError when `duration_ms` is negative.

    >>> format_duration(86_400_000), format_duration(5_400_000), format_duration(0)
    ('1d', '90m', '0s')
    """
    if duration_ms < 0:
        raise ValueError(f"{duration_ms} ms is negative; a duration is zero or more")
    if duration_ms == 0:
        return "0s"
    unit = next(unit for unit, unit_ms in reversed(_UNITS_MS.items()) if duration_ms % unit_ms == 0)
    return f"{duration_ms // _UNITS_MS[unit]}{unit}"
