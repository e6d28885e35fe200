"""Records of one model -> columns, fast: decoded into structs made for the model, then one C call for each column."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import msgspec
import numpy as np
from msgspec import UNSET, Struct

from driftline.processors.columns_codes import CategoryCodes, VersionCodes, numeric_value
from driftline.processors.columns_exact import MEASUREMENTS_PREFIX, Columns, ColumnTables, feature_text
from driftline.processors.columns_shape import (
    CONTEXT,
    ENVELOPE_LEARNT,
    FEATURES,
    ID,
    MEASUREMENTS,
    PREDICTION,
    SCORE,
    TIME,
    VERSION,
    EventShape,
    ObjectShape,
)
from driftline.processors.columns_times import BAD_TIME, times_ms
from driftline.schemas.exact import ENVELOPE_PREFIX
from driftline.schemas.layout import FieldLayout

Column: TypeAlias = Sequence[Any]
_Pack: TypeAlias = Callable[..., bytes]

_astuple: Final = msgspec.structs.astuple
_TEXT_TYPES: Final = {str, type(None)}


@dataclass(slots=True)
class _Rows:
    """n decoded events, transposed: one tuple of n values for each position of each struct."""

    n: int
    envelope: list[Column]
    features: list[Column]
    measurements: list[Column]
    context: list[Column]

    @classmethod
    def of(cls, structs: Sequence[Struct], shape: EventShape) -> _Rows:
        envelope = _transposed(structs)
        return cls(
            n=len(structs),
            envelope=envelope,
            features=_transposed(envelope[FEATURES]) if shape.features.index else [],
            measurements=_transposed(envelope[MEASUREMENTS]) if shape.measurements.index else [],
            context=_transposed(envelope[CONTEXT]) if shape.context.index else [],
        )


class TypedEvents:
    """Decoder and columns for one shape. `decode` and `decode_lines` raise on any record that is for the exact path."""

    def __init__(self, shape: EventShape, tables: ColumnTables, versions: VersionCodes) -> None:
        self._tables = tables
        self._versions = versions
        self._shape = shape
        decoder = msgspec.json.Decoder(shape.event)
        self.decode: Callable[[bytes], Struct] = decoder.decode
        self.decode_lines: Callable[[bytes | memoryview], list[Struct]] = decoder.decode_lines

    def columns(self, structs: Sequence[Struct]) -> tuple[Columns | None, list[int]]:
        """The columns of rows that these very decoders gave, and the positions of rows whose timestamp is bad.

        Rows with a bad timestamp are left out of the columns, which are None when no row is left.
        """
        rows = _Rows.of(structs, self._shape)
        event_ms = times_ms(rows.envelope[TIME])
        if event_ms.min() == BAD_TIME:
            bad = np.flatnonzero(event_ms == BAD_TIME).tolist()
            kept = np.flatnonzero(event_ms != BAD_TIME).tolist()
            return (self.columns([structs[i] for i in kept])[0] if kept else None), bad
        columns = Columns(
            ids=rows.envelope[ID],
            event_ms=event_ms,
            version_codes=np.frombuffer(_packed_versions(rows.envelope[VERSION], self._versions), np.int32),
            numeric=np.frombuffer(self._numbers(rows), np.float64).reshape(-1, rows.n),
            category=np.frombuffer(self._categories(rows), np.uint16).reshape(-1, rows.n),
            segments=np.frombuffer(self._segments(rows), np.int32).reshape(-1, rows.n),
        )
        self._note_unknown(columns.unknown, rows)
        return columns, []

    def _numbers(self, rows: _Rows) -> bytes:
        pack = struct.Struct(f"{rows.n}d").pack
        return b"".join(
            [
                _packed_numbers(pack, self._column(rows, field), field in self._shape.meets_booleans)
                for field in self._tables.layout.numeric_fields
            ]
        )

    def _categories(self, rows: _Rows) -> bytes:
        pack = struct.Struct(f"{rows.n}H").pack
        return b"".join(
            [
                _packed_codes(pack, self._column(rows, field), codes, field in self._shape.meets_booleans)
                for field, codes in zip(self._tables.layout.category_fields, self._tables.categories, strict=True)
            ]
        )

    def _segments(self, rows: _Rows) -> bytes:
        texts = {name: self._segment_texts(rows, name) for name in self._tables.segment_keys}
        pack = struct.Struct(f"{rows.n}i").pack
        packed = []
        for codes in self._tables.segments:
            keys: Iterable[object] = texts[codes.names[0]]
            if len(codes.names) > 1:
                keys = zip(*(texts[name] for name in codes.names), strict=True)
            packed.append(pack(*map(codes.__getitem__, keys)))
        return b"".join(packed)

    def _segment_texts(self, rows: _Rows, name: str) -> Sequence[str | None]:
        """A key's value in each row: from the context, else from the features."""
        column = _named(rows.context, self._shape.context, name, rows.n)
        types = set(map(type, column))
        if type(None) in types:
            others = _named(rows.features, self._shape.features, name, rows.n)
            column = [feature if value is None else value for value, feature in zip(column, others, strict=True)]
            types = set(map(type, column))
        return column if types <= _TEXT_TYPES else [feature_text(value) for value in column]

    def _column(self, rows: _Rows, field: FieldLayout) -> Column:
        if field.role == "feature":
            return _named(rows.features, self._shape.features, field.name, rows.n)
        if field.role == "measurement":
            return _named(rows.measurements, self._shape.measurements, field.name, rows.n)
        return rows.envelope[PREDICTION if field.role == "prediction" else SCORE]

    def _note_unknown(self, unknown: dict[str, list[int]], rows: _Rows) -> None:
        shape = self._shape
        for prefix, columns, names in (
            ("", rows.features[len(shape.features.index) - len(shape.features.learnt) :], shape.features.learnt),
            (
                MEASUREMENTS_PREFIX,
                rows.measurements[len(shape.measurements.index) - len(shape.measurements.learnt) :],
                shape.measurements.learnt,
            ),
            (ENVELOPE_PREFIX, rows.envelope[ENVELOPE_LEARNT:], shape.envelope_learnt),
        ):
            for name, column in zip(names, columns, strict=True):
                if column.count(UNSET) < rows.n:
                    unknown[prefix + name] = [i for i, value in enumerate(column) if value is not UNSET]


def _transposed(structs: Sequence[Struct]) -> list[Column]:
    return list(zip(*map(_astuple, structs), strict=True))


def _named(columns: list[Column], shape: ObjectShape, name: str, n: int) -> Column:
    index = shape.index.get(name)
    return (None,) * n if index is None else columns[index]


def _packed_numbers(pack: _Pack, column: Column, may_hold_booleans: bool) -> bytes:
    """float64 bytes. struct.pack takes numbers only, except that it takes booleans, too."""
    if not may_hold_booleans:
        try:
            return pack(*column)
        except struct.error:
            pass
        try:
            return pack(*[math.nan if value is None else value for value in column])
        except struct.error:
            pass
    return pack(*map(numeric_value, column))


def _packed_codes(pack: _Pack, column: Column, codes: CategoryCodes, may_hold_booleans: bool) -> bytes:
    """uint16 bytes."""
    return pack(*map(codes.code if may_hold_booleans else codes.__getitem__, column))


def _packed_versions(column: Column, codes: VersionCodes) -> bytes:
    n, first = len(column), column[0]
    if column.count(first) == n:  # the usual case: one version for many events
        return struct.pack("i", codes[first]) * n
    return struct.pack(f"{n}i", *map(codes.__getitem__, column))
