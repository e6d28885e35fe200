"""Generic events -> columns, value by value: the definition of the columns, to which the typed path is held equal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

import numpy as np

from driftline.processors.arrays import F64, I32, I64, U16
from driftline.processors.columns_codes import CategoryCodes, SegmentCodes, VersionCodes, numeric_value
from driftline.schemas.events import Prediction
from driftline.schemas.layout import EventLayout, FieldLayout
from driftline.schemas.scalars import scalar_text

MEASUREMENTS_PREFIX: Final = "measurements:"


@dataclass(slots=True)
class Columns:
    """Columns of n events of one model.

    numeric: float64[numeric fields, n]; category: uint16[other fields, n]; segments: int32[segment sets, n]; unknown:
    name -> rows, ascending.
    """

    ids: Sequence[str]
    event_ms: I64
    version_codes: I32
    numeric: F64
    category: U16
    segments: I32
    unknown: dict[str, list[int]] = field(default_factory=dict)


class ColumnTables:
    """The dictionaries behind the codes of one model's columns."""

    def __init__(self, layout: EventLayout) -> None:
        self.layout = layout
        self.categories = [CategoryCodes(column) for column in layout.category_fields]
        self.segments = [SegmentCodes(names) for names in layout.segment_sets]
        self.segment_keys = frozenset(chain.from_iterable(layout.segment_sets))
        features = {column.name for column in layout.fields if column.role == "feature"}
        measurements = {column.name for column in layout.fields if column.role == "measurement"}
        self.known_features = frozenset(features | self.segment_keys | layout.ignored)
        self.known_measurements = frozenset(measurements | layout.ignored)
        self.names_max = max(len(self.known_features), len(self.known_measurements), len(self.segment_keys))

    def start_afresh_when_full(self) -> None:
        """Call between batches."""
        for codes in self.segments:
            codes.start_afresh_when_full()


def exact_columns(
    events: Sequence[Prediction], unknown: Sequence[tuple[str, ...]], tables: ColumnTables, versions: VersionCodes
) -> Columns:
    """The columns of generic events. `unknown`: for each event, unknown names already met outside features."""
    n, layout = len(events), tables.layout
    numeric = [[numeric_value(_value(event, column)) for event in events] for column in layout.numeric_fields]
    category = [
        [codes.code(_value(event, column)) for event in events]
        for column, codes in zip(layout.category_fields, tables.categories, strict=True)
    ]
    segments = [[codes[_segment_key(event, codes.names)] for event in events] for codes in tables.segments]
    names = [(*outside, *_unknown_names(event, tables)) for event, outside in zip(events, unknown, strict=True)]
    columns = envelope_columns(events, names, versions)
    columns.numeric = np.array(numeric, np.float64).reshape(len(numeric), n)
    columns.category = np.array(category, np.uint16).reshape(len(category), n)
    columns.segments = np.array(segments, np.int32).reshape(len(segments), n)
    return columns


def envelope_columns(
    events: Sequence[Prediction], unknown: Sequence[tuple[str, ...]], versions: VersionCodes
) -> Columns:
    """What is known of events without a layout; `unknown`: the unknown names of each event."""
    rows_of_name: dict[str, list[int]] = {}
    for row, names in enumerate(unknown):
        for name in names:
            rows_of_name.setdefault(name, []).append(row)
    n = len(events)
    return Columns(
        ids=[event.prediction_id for event in events],
        event_ms=np.array([event.timestamp_ms for event in events], np.int64),
        version_codes=np.array([versions[event.model_version] for event in events], np.int32),
        numeric=np.empty((0, n), np.float64),
        category=np.empty((0, n), np.uint16),
        segments=np.empty((0, n), np.int32),
        unknown=rows_of_name,
    )


def _value(event: Prediction, column: FieldLayout) -> object:
    if column.role == "feature":
        return event.features.get(column.name)
    if column.role == "measurement":
        return event.measurements.get(column.name)
    return event.prediction if column.role == "prediction" else event.score


def _segment_key(event: Prediction, names: tuple[str, ...]) -> object:
    if len(names) == 1:
        return _segment_text(event, names[0])
    return tuple(_segment_text(event, name) for name in names)


def _segment_text(event: Prediction, name: str) -> str | None:
    text = event.context.get(name)
    return feature_text(event.features.get(name)) if text is None else text


def feature_text(value: object) -> str | None:
    """A feature value as a segment; None when there is none, or it is no scalar."""
    return scalar_text(value) if isinstance(value, str | int | float | bool) else None


def _unknown_names(event: Prediction, tables: ColumnTables) -> list[str]:
    names = [name for name in event.features if name not in tables.known_features]
    names += [MEASUREMENTS_PREFIX + name for name in event.measurements if name not in tables.known_measurements]
    return names
