"""Rows to columns: what the events of a reference hold, field by field, before anybody knows what kind a field is.

Values are kept in arrays (12 bytes a value) and a dictionary of names, so 200,000 rows of 20 fields take some 50 MB.
Beyond `max_rows` every second row is dropped and from then on every second (fourth, eighth ...) row is taken: bounded
memory, no randomness, and the rows that are left cover the whole time in order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias, TypeVar

import numpy as np

from driftline.processors.arrays import F64, I32
from driftline.processors.columns_codes import segment_label
from driftline.schemas.events import Prediction
from driftline.schemas.layout import Role
from driftline.schemas.limits import FEATURES_MAX, OTHER_NAME, SEGMENT_LABELS_MAX
from driftline.schemas.scalars import Scalar, scalar_text

MAX_ROWS: Final = 1_000_000
"""Beyond it a reference gets no better: its sampling error is far below what any budget asks of it."""

MAX_NAMES: Final = 100_000
"""Distinct names of one field that are told apart; further ones share one entry."""

NO_NAME: Final = -1

Typed: TypeAlias = tuple[type, Any]
"""A name with its type: in Python True == 1, and "3" is not 3."""

A = TypeVar("A", F64, I32)


class ValueColumn:
    """The values of one field, one entry a row.

    numbers: float64[n], NaN = missing, +inf = not a number. names: int32[n], index into `dictionary` or NO_NAME: texts
    and booleans. With `as_categories` numbers are put into the dictionary too instead of among the numbers.
    """

    def __init__(self, as_categories: bool, rows_before: int) -> None:
        self.as_categories = as_categories
        self.dictionary: dict[Typed, int] = {}
        self.floats_seen = False
        self._numbers: list[F64] = [np.full(rows_before, np.nan)]
        self._names: list[I32] = [np.full(rows_before, NO_NAME, np.int32)]

    @property
    def numbers(self) -> F64:
        return _joined(self._numbers)

    @property
    def names(self) -> I32:
        return _joined(self._names)

    def append(self, values: Sequence[Any]) -> None:
        """Add one value a row, None = missing."""
        types = set(map(type, values))
        self.floats_seen = self.floats_seen or float in types
        plain = types <= ({type(None)} if self.as_categories else {int, float, type(None)})
        try:
            numbers = _numbers(values if plain else [self._number(v) for v in values])
        except OverflowError:  # a whole number past 1.8e308
            numbers = _numbers([self._number(v) for v in values])
        names = [] if plain else [self._name(v) for v in values]
        self._numbers.append(numbers)
        self._names.append(np.array(names, np.int32) if names else np.full(len(values), NO_NAME, np.int32))

    def thin(self) -> None:
        """Keep every second row."""
        self._numbers = [self.numbers[::2].copy()]
        self._names = [self.names[::2].copy()]

    def _number(self, value: Any) -> float | None:
        if value is None:
            return None
        if self.as_categories or type(value) not in (int, float):
            return np.inf
        try:
            return float(value)
        except OverflowError:
            return np.inf

    def _name(self, value: Any) -> int:
        kind = type(value)
        if not (kind is str or kind is bool or (self.as_categories and kind in (int, float))):
            return NO_NAME
        key = (kind, value)
        code = self.dictionary.get(key)
        if code is None:
            key = key if len(self.dictionary) < MAX_NAMES else (str, OTHER_NAME)
            code = self.dictionary.setdefault(key, len(self.dictionary))
        return code


class SegmentLabels:
    """The segment of each row in one segment set; codes: int32[n], index into `labels`."""

    def __init__(self, segment_set: tuple[str, ...]) -> None:
        self.segment_set = segment_set
        self._code_of: dict[str, int] = {}
        self._code_of_values: dict[tuple[str | None, ...], int] = {}
        self._codes: list[I32] = [np.zeros(0, np.int32)]

    @property
    def codes(self) -> I32:
        return _joined(self._codes)

    @property
    def labels(self) -> list[str]:
        return list(self._code_of)

    def append(self, rows: Sequence[Prediction]) -> None:
        self._codes.append(np.array([self._code(row) for row in rows], np.int32))

    def thin(self) -> None:
        self._codes = [self.codes[::2].copy()]

    def _code(self, row: Prediction) -> int:
        values = tuple([_segment_value(row, key) for key in self.segment_set])
        code = self._code_of_values.get(values)
        if code is None:
            full = len(self._code_of_values) >= SEGMENT_LABELS_MAX
            # long values are cut, so several may have one label
            label = OTHER_NAME if full else segment_label(self.segment_set, values)
            code = self._code_of.setdefault(label, len(self._code_of))
            if not full:
                self._code_of_values[values] = code
        return code


def _segment_value(row: Prediction, key: str) -> str | None:
    """A key of the context, else a feature; None = missing, as is what has no text."""
    value = row.context.get(key)
    if value is None:
        value = row.features.get(key)
    return value if type(value) is str else scalar_text(value) if isinstance(value, Scalar) else None


class Columns:
    """All fields of the rows seen so far, in the order in which they first appeared.

    as_categories(role, name): whether whole numbers of that field are names rather than amounts. labels: the true label
    of each row, None while no row had one.
    """

    def __init__(
        self,
        as_categories: Callable[[Role, str], bool],
        segment_sets: Sequence[tuple[str, ...]] = (),
        max_rows: int = MAX_ROWS,
    ) -> None:
        self.fields: dict[tuple[Role, str], ValueColumn] = {}
        self.segments = [SegmentLabels(keys) for keys in segment_sets]
        self.labels: ValueColumn | None = None
        self.n = 0
        self.rows_read = 0
        self.first_ms: int | None = None
        self.last_ms: int | None = None
        self._as_categories = as_categories
        self._max_rows = max_rows
        self._stride = 1

    def add(self, rows: Sequence[Prediction], labels: Sequence[Scalar | None] | None = None) -> None:
        """Add rows of a model, in log order; labels: the true one of each row, None = unknown."""
        if not rows:
            return
        labels = [None] * len(rows) if labels is None else labels
        times = [row.timestamp_ms for row in rows]
        self.first_ms = min(times) if self.first_ms is None else min(self.first_ms, min(times))
        self.last_ms = max(times) if self.last_ms is None else max(self.last_ms, max(times))
        while rows:
            # stop at the row that makes it too many, so that it does not matter how rows are cut into blocks
            skipped = -self.rows_read % self._stride
            end = skipped + (self._max_rows - self.n) * self._stride + 1
            part, rows = rows[:end], rows[end:]
            part_labels, labels = labels[:end], labels[end:]
            self._append(part[skipped :: self._stride], part_labels[skipped :: self._stride])
            self.rows_read += len(part)
            if self.n > self._max_rows:
                self._thin()

    def _append(self, rows: Sequence[Prediction], labels: Sequence[Scalar | None]) -> None:
        self._column("prediction", "prediction").append([row.prediction for row in rows])
        if ("score", "score") in self.fields or any(row.score is not None for row in rows):
            self._column("score", "score").append([row.score for row in rows])
        self._append_named("feature", [row.features for row in rows])
        self._append_named("measurement", [row.measurements for row in rows])
        for segment in self.segments:
            segment.append(rows)
        if self.labels is None and any(label is not None for label in labels):
            self.labels = ValueColumn(as_categories=False, rows_before=self.n)
        if self.labels is not None:
            self.labels.append(labels)
        self.n += len(rows)

    def _append_named(self, role: Role, values: Sequence[dict[str, Any]]) -> None:
        known = {name for field_role, name in self.fields if field_role == role}
        new = dict.fromkeys(name for row in values for name in row if name not in known)
        names = [*(n for r, n in self.fields if r == role), *new][:FEATURES_MAX]
        for name in names:
            self._column(role, name).append([row.get(name) for row in values])

    def _column(self, role: Role, name: str) -> ValueColumn:
        column = self.fields.get((role, name))
        if column is None:
            column = self.fields[role, name] = ValueColumn(self._as_categories(role, name), self.n)
        return column

    def _thin(self) -> None:
        for column in self.fields.values():
            column.thin()
        for segment in self.segments:
            segment.thin()
        if self.labels is not None:
            self.labels.thin()
        self.n = (self.n + 1) // 2
        self._stride *= 2


def _numbers(values: Sequence[float | None]) -> F64:
    return np.array(values, np.float64) if len(values) else np.zeros(0)


def _joined(blocks: list[A]) -> A:
    if len(blocks) > 1:
        blocks[:] = [np.concatenate(blocks)]
    return blocks[0]
