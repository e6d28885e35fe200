"""Times as columns hold them to epoch milliseconds.

A time with an offset is what it says; one without is read in the mapping's time zone (at the end of daylight saving the
earlier of the two readings). What is no time is handed on as it is, and the record is rejected with a reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from driftline.config.model_spec import ColumnMapping, TimestampSpread

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


class Timestamps:
    """Reads a timestamp column by blocks. `column` is all of it, which is read only if rows are to be spread."""

    def __init__(self, mapping: ColumnMapping, column: Iterable[Sequence[Any]]) -> None:
        self._zone: tzinfo = UTC if mapping.timezone == "UTC" else ZoneInfo(mapping.timezone)
        self._unit_ms = 1000 if mapping.timestamp_unit == "s" else 1
        self._spread = mapping.timestamp_spread
        self._rows_of: Counter[Any] = Counter()
        self._seen: Counter[Any] = Counter()
        self._limits_ms: dict[Any, tuple[int, int] | None] = {}
        if self._spread is not None:
            for values in column:
                self._rows_of.update(map(_hashable, values))

    def read(self, values: Sequence[Any]) -> list[Any]:
        """Epoch milliseconds of a block of rows; None, and what is no time, as they are."""
        if self._spread is None:
            return [self._time(value) for value in values]
        return [self._place(value, self._spread) for value in values]

    def _time(self, value: Any) -> Any:
        if isinstance(value, str):
            try:
                return self._time(datetime.fromisoformat(value))
            except ValueError:
                return value
        if isinstance(value, datetime):
            return self._epoch_ms(value)
        if isinstance(value, date):
            return self._epoch_ms(datetime(value.year, value.month, value.day))
        if isinstance(value, int | float) and not isinstance(value, bool) and value == value:
            return round(value * self._unit_ms)
        return value

    def _epoch_ms(self, time: datetime) -> int:
        aware = time if time.tzinfo is not None else time.replace(tzinfo=self._zone)
        return (aware - _EPOCH) // _MILLISECOND

    def _place(self, value: Any, spread: TimestampSpread) -> Any:
        """Row k of the n rows that name a period comes k/n of the way into it."""
        value = _hashable(value)
        if value not in self._limits_ms:
            period = period_of(value, spread)
            self._limits_ms[value] = None if period is None else (self._epoch_ms(period[0]), self._epoch_ms(period[1]))
        limits_ms = self._limits_ms[value]
        if limits_ms is None:
            return value
        k = self._seen[value]
        self._seen[value] = k + 1
        return limits_ms[0] + k * (limits_ms[1] - limits_ms[0]) // self._rows_of[value]


def period_of(value: Any, spread: TimestampSpread) -> tuple[datetime, datetime] | None:
    """Start and end (local, without offset) of the year, month or day that a value names; None if it names none.

    >>> period_of(2015, "year")
    (datetime.datetime(2015, 1, 1, 0, 0), datetime.datetime(2016, 1, 1, 0, 0))
    >>> period_of("2015-12", "month")
    (datetime.datetime(2015, 12, 1, 0, 0), datetime.datetime(2016, 1, 1, 0, 0))
    """
    try:
        parts = [int(part) for part in str(_whole(value))[:10].split("-")]
        wanted = {"year": 1, "month": 2, "day": 3}[spread]
        start = datetime(*[*parts[:wanted], 1, 1][:3])  # type: ignore[arg-type]
    except (ValueError, TypeError):
        return None
    if len(parts) < wanted:
        return None
    if spread == "year":
        return start, start.replace(year=start.year + 1)
    if spread == "month":
        return start, (start + timedelta(days=31)).replace(day=1)
    return start, start + timedelta(days=1)


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _hashable(value: Any) -> Any:
    """Lists are no times, but must not stop the reading."""
    return str(value) if isinstance(value, list | dict) else value


def column_of(blocks: Iterable[dict[str, list[Any]]], name: str) -> Iterator[list[Any]]:
    """One column of blocks of several."""
    return (block[name] for block in blocks)
