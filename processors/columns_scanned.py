"""JSON lines of one model -> columns, fastest: scanned by a kernel, and Python looks at each distinct token once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Annotated, Any, Final, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta

from driftline.processors.arrays import I32, I64, U16
from driftline.processors.columns_codes import CategoryCodes, SegmentCodes, VersionCodes
from driftline.processors.columns_exact import MEASUREMENTS_PREFIX, Columns, ColumnTables, feature_text
from driftline.processors.columns_scan import (
    CONTEXT,
    ENVELOPE,
    FEATURES,
    ID,
    MEASUREMENTS,
    MODEL,
    NOTED,
    NUMBER_ONLY,
    OBJECT,
    PLACES,
    REQUIRED,
    SLOTS,
    TIME,
    TOKEN_BYTES,
    TOKENS_MAX,
    VALUE,
    Names,
    Rows,
    Tokens,
    scan_lines,
)
from driftline.processors.columns_shape import EventShape
from driftline.schemas.codec import NOT_TYPED, Name, PlainScalar
from driftline.schemas.exact import ENVELOPE_PREFIX
from driftline.schemas.layout import FieldLayout
from driftline.schemas.limits import UNVERSIONED

TOKEN_COLUMNS_MAX: Final = 256
"""A model with more of them is read by structs: each takes 115 KB."""

_ROOM: Final = 4_096  # bytes of new tokens that a column always has room for when a buffer begins
_NONE: Final = -1
_PREFIX: Final = {ENVELOPE: ENVELOPE_PREFIX, FEATURES: "", MEASUREMENTS: MEASUREMENTS_PREFIX}

_Version = Name | None
_SchemaVersion = Annotated[int, Meta(ge=1, le=1_000_000)] | None


class Scanned(NamedTuple):
    """columns: None if there are no rows; positions: int64[rows] numbers of their lines; left: the other lines, by number.

    Lines that are blank have no number.
    """

    columns: Columns | None
    positions: I64
    left: dict[int, bytes]
    lines: int


@dataclass(frozen=True, slots=True)
class _Known:
    """A name that may stand in a line: see `columns_scan.Names`."""

    text: str
    place: int
    kind: int = VALUE
    rules: int = 0
    number: int = _NONE
    token: int = _NONE


class _TokenColumn:
    """The values of one column's tokens, by their number; the first is that of the absent one."""

    def __init__(self, value_type: Any, codes: CategoryCodes | None = None) -> None:
        self._decode = msgspec.json.Decoder(value_type).decode
        self._codes = codes
        self.forget()

    def forget(self) -> None:
        self.values: list[Any] = [None]
        self.codes: U16 = self._coded()

    def learn(self, texts: list[bytes]) -> None:
        """Raises one of NOT_TYPED for a token that is for others."""
        self.values += [self._decode(text) for text in texts]
        self.codes = self._coded()

    def _coded(self) -> U16:
        codes = self._codes
        return np.array([] if codes is None else [codes.code(value) for value in self.values], np.uint16)


class ScannedEvents:
    """Scanner and columns for one shape; `read` takes any JSON lines and leaves those that are for others."""

    def __init__(self, model: str, shape: EventShape, tables: ColumnTables, versions: VersionCodes) -> None:
        self._shape = shape
        self._tables = tables
        self._versions = versions
        self._columns: list[_TokenColumn] = []
        self._category_tokens: dict[FieldLayout, int] = {}
        self._segment_tokens: dict[str, list[int]] = {name: [] for name in tables.segment_keys}
        self._noted: list[tuple[int, str]] = []
        self._numbers = {field: i for i, field in enumerate(tables.layout.numeric_fields)}
        self._version_token = self._new_column(_Version)
        known = [*self._envelope(), *self._features(), *self._context(), *self._measurements()]
        self._names = _names(model, known)
        self._tokens = _no_tokens(len(self._columns))

    @property
    def token_columns(self) -> int:
        """How many columns of tokens it keeps; they take memory once there are any."""
        return len(self._columns)

    def is_for(self, shape: EventShape, tables: ColumnTables) -> bool:
        """Whether it was made for this shape and these dictionaries."""
        return self._shape is shape and self._tables is tables

    # -- what the scanner has to know --------------------------------------------------------------------------------

    def _new_column(self, value_type: Any, codes: CategoryCodes | None = None) -> int:
        self._columns.append(_TokenColumn(value_type, codes))
        return len(self._columns) - 1

    def _envelope(self) -> Iterator[_Known]:
        fields = {field.role: field for field in self._tables.layout.fields}
        yield _Known("prediction_id", ENVELOPE, ID, REQUIRED)
        yield _Known("model", ENVELOPE, MODEL, REQUIRED)
        yield _Known("model_version", ENVELOPE, token=self._version_token)
        yield _Known("timestamp", ENVELOPE, TIME, REQUIRED)
        yield self._field("prediction", ENVELOPE, fields.get("prediction"), REQUIRED)
        yield self._field("score", ENVELOPE, fields.get("score"), NUMBER_ONLY)
        yield _Known("features", ENVELOPE, OBJECT, number=FEATURES)
        yield _Known("context", ENVELOPE, OBJECT, number=CONTEXT)
        yield _Known("measurements", ENVELOPE, OBJECT, number=MEASUREMENTS)
        yield _Known("schema_version", ENVELOPE, token=self._new_column(_SchemaVersion))
        yield from self._learnt(ENVELOPE, self._shape.envelope_learnt)

    def _features(self) -> Iterator[_Known]:
        fields = {field.name: field for field in self._tables.layout.fields if field.role == "feature"}
        for name in self._not_learnt(self._shape.features.index, self._shape.features.learnt):
            known = self._field(name, FEATURES, fields.get(name))
            if name in self._segment_tokens:
                token = known.token if known.token != _NONE else self._new_column(PlainScalar | None)
                self._segment_tokens[name].append(token)
                known = _Known(name, FEATURES, number=known.number, token=token)
            yield known
        yield from self._learnt(FEATURES, self._shape.features.learnt)

    def _context(self) -> Iterator[_Known]:
        for name in self._shape.context.index:
            token = _NONE
            if name in self._segment_tokens:
                token = self._new_column(PlainScalar | None)
                self._segment_tokens[name].insert(0, token)  # the context goes before the features
            yield _Known(name, CONTEXT, token=token)

    def _measurements(self) -> Iterator[_Known]:
        fields = {field.name: field for field in self._tables.layout.fields if field.role == "measurement"}
        for name in self._not_learnt(self._shape.measurements.index, self._shape.measurements.learnt):
            yield self._field(name, MEASUREMENTS, fields.get(name))
        yield from self._learnt(MEASUREMENTS, self._shape.measurements.learnt)

    def _field(self, name: str, place: int, field: FieldLayout | None, rules: int = 0) -> _Known:
        if field is None:
            return _Known(name, place, VALUE, rules)
        if field.is_numeric:
            return _Known(name, place, VALUE, rules, number=self._numbers[field])
        codes = self._tables.categories[self._tables.layout.category_fields.index(field)]
        token = self._category_tokens[field] = self._new_column(PlainScalar | None, codes)
        return _Known(name, place, VALUE, rules, token=token)

    @staticmethod
    def _not_learnt(index: Any, learnt: tuple[str, ...]) -> list[str]:
        return [name for name in index if name not in learnt]

    def _learnt(self, place: int, names: tuple[str, ...]) -> Iterator[_Known]:
        """Unknown names: whether they are there is all that counts."""
        for name in names:
            token = self._new_column(PlainScalar | None)
            self._noted.append((token, _PREFIX[place] + name))
            yield _Known(name, place, VALUE, NOTED, token=token)

    # -- reading -----------------------------------------------------------------------------------------------------

    def read(self, buffer: bytes) -> Scanned | None:
        """Read JSON lines; None, and nothing is read, when a token among them is for others."""
        buffer = buffer if buffer.endswith(b"\n") else buffer + b"\n"
        self._make_room()
        rows = self._room(len(buffer), buffer.count(b"\n"))
        scan_lines(np.frombuffer(buffer, np.uint8), self._names, self._tokens, rows)
        try:
            self._learn_tokens()
        except NOT_TYPED:
            self._forget_tokens()
            return None
        n, lines, n_left, id_bytes = rows.sizes.tolist()
        left = {line: buffer[start:end] for line, start, end in rows.left[:n_left].tolist()}
        if not n:
            return Scanned(None, rows.line[:0], left, lines)
        ids = rows.ids[: id_bytes - 1].tobytes().decode("ascii").split("\n")
        return Scanned(self._scanned_columns(ids, rows, n), rows.line[:n], left, lines)

    def _room(self, size: int, n: int) -> Rows:
        return Rows(
            numbers=np.empty((n, len(self._numbers))),
            tokens=np.empty((n, len(self._columns)), np.int32),
            event_ms=np.empty(n, np.int64),
            line=np.empty(n, np.int64),
            ids=np.empty(size, np.uint8),
            left=np.empty((n, 3), np.int64),
            sizes=np.zeros(4, np.int64),
        )

    def _learn_tokens(self) -> None:
        for t, column in enumerate(self._columns):
            known, count = len(column.values), int(self._tokens.known[t])
            if known < count and not self._is_noted(t):
                ends = self._tokens.ends[t, known - 1 : count].tolist()
                text = self._tokens.text[t]
                column.learn([text[a:b].tobytes() for a, b in pairwise(ends)])

    def _is_noted(self, t: int) -> bool:
        return any(token == t for token, _ in self._noted)

    def _make_room(self) -> None:
        last = self._tokens.ends[np.arange(len(self._columns)), self._tokens.known - 1]
        if self._tokens.known.max() == TOKENS_MAX or last.max() > TOKEN_BYTES - _ROOM:
            self._forget_tokens()

    def _forget_tokens(self) -> None:
        self._tokens = _no_tokens(len(self._columns))
        for column in self._columns:
            column.forget()

    # -- columns -----------------------------------------------------------------------------------------------------

    def _scanned_columns(self, ids: list[str], rows: Rows, n: int) -> Columns:
        layout, tokens = self._tables.layout, rows.tokens[:n]
        category = np.empty((len(layout.category_fields), n), np.uint16)
        for i, field in enumerate(layout.category_fields):
            if field in self._category_tokens:
                token = self._category_tokens[field]
                category[i] = self._columns[token].codes[tokens[:, token]]
            else:
                category[i] = self._tables.categories[i].code(None)
        segments = np.empty((len(self._tables.segments), n), np.int32)
        for i, codes in enumerate(self._tables.segments):
            segments[i] = self._segment_codes(codes, tokens)
        columns = Columns(
            ids=ids,
            event_ms=rows.event_ms[:n],
            version_codes=self._version_codes(tokens[:, self._version_token]),
            numeric=rows.numbers[:n].T,
            category=category,
            segments=segments,
        )
        for token, name in self._noted:
            if tokens[:, token].any():
                columns.unknown[name] = np.flatnonzero(tokens[:, token]).tolist()
        return columns

    def _version_codes(self, tokens: I32) -> I32:
        values = self._columns[self._version_token].values
        met, which = np.unique(tokens, return_inverse=True)
        return np.array([self._versions[values[token] or UNVERSIONED] for token in met.tolist()], np.int32)[which]

    def _segment_codes(self, codes: SegmentCodes, tokens: I32) -> I32:
        """int32[n]; only one row of each combination of tokens is looked at."""
        group: I64 = np.zeros(len(tokens), np.int64)
        for token in chain.from_iterable(self._segment_tokens[name] for name in codes.names):
            _, group = np.unique(group * (TOKENS_MAX + 1) + tokens[:, token], return_inverse=True)
        _, first = np.unique(group, return_index=True)
        keys = [tuple(self._segment_text(name, row) for name in codes.names) for row in tokens[first].tolist()]
        return np.array([codes[key if len(key) > 1 else key[0]] for key in keys], np.int32)[group]

    def _segment_text(self, name: str, row: list[int]) -> str | None:
        """A key's value: from the context, else from the features."""
        for token in self._segment_tokens[name]:
            text = feature_text(self._columns[token].values[row[token]])
            if text is not None:
                return text
        return None


def _names(model: str, known: list[_Known]) -> Names:
    texts = [name.text.encode() for name in known]
    place = [name.place for name in known]

    def column(name: str, dtype: Any) -> Any:
        return np.array([getattr(entry, name) for entry in known], dtype)

    return Names(
        text=np.frombuffer(b"".join(texts), np.uint8).copy(),
        ends=np.cumsum([0, *map(len, texts)], dtype=np.int64),
        first=np.searchsorted(place, np.arange(PLACES + 1)).astype(np.int64),
        kind=column("kind", np.uint8),
        rules=column("rules", np.uint8),
        number=column("number", np.int64),
        token=column("token", np.int64),
        model=np.frombuffer(model.encode(), np.uint8).copy(),
        after=np.full(len(known) + PLACES, _NONE, np.int64),
        seen=np.full(len(known), _NONE, np.int64),
    )


def _no_tokens(columns: int) -> Tokens:
    return Tokens(
        text=np.empty((columns, TOKEN_BYTES), np.uint8),
        ends=np.zeros((columns, TOKENS_MAX + 1), np.int32),
        known=np.ones(columns, np.int64),
        slots=np.zeros((columns, SLOTS), np.int32),
    )
