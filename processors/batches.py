"""Columnar batches: what the core works on. Rows are in log order."""

from __future__ import annotations

from dataclasses import dataclass, field

from driftline.processors.arrays import F64, I32, I64, U16, U64
from driftline.schemas.events import Prediction
from driftline.schemas.rejections import Rejection
from driftline.schemas.scalars import Scalar


@dataclass(slots=True)
class SegmentColumn:
    """The segments of one segment set: `labels[codes[i]]` is the label of row i.

    `labels` only ever grows; a NEW list object means that the dictionary was started afresh: codes mean other labels.
    """

    labels: list[str]
    codes: I32


@dataclass(slots=True)
class PredictionBatch:
    """n predictions of one model.

    - offsets, record_ms, partition_ms, event_ms: int64[n]; partition_ms is the running maximum of record time over ALL
      records of the partition up to and including this one
    - id_hash: uint64[n], keyed by model
    - numeric: float64[n, numeric fields], NaN = missing, +inf = invalid, otherwise finite
    - category: uint16[n, other fields], see `codes`
    - unknown: name -> int64[k] row indices, ascending; the name of an unknown feature, or "measurements:<name>" or
      "envelope:<name>" for a name elsewhere. Names by first row, then by name; as many as were met: whoever adds them up
      over time has to cap them
    - rows: set instead of numeric, category and segments when the model has no layout yet
    """

    model: str
    offsets: I64
    record_ms: I64
    partition_ms: I64
    event_ms: I64
    id_hash: U64
    ids: list[str]
    versions: list[str]
    version_codes: I32
    numeric: F64
    category: U16
    segments: list[SegmentColumn] = field(default_factory=list)
    unknown: dict[str, I64] = field(default_factory=dict)
    rows: list[Prediction] | None = None

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(slots=True)
class LabelBatch:
    """n labels of one model; all arrays and lists have length n. A label None retracts; `unknown` as in predictions."""

    model: str
    offsets: I64
    record_ms: I64
    partition_ms: I64
    label_ms: I64
    id_hash: U64
    ids: list[str]
    labels: list[Scalar | None]
    sources: list[str]
    weights: F64
    unknown: dict[str, I64] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(slots=True)
class Tick:
    """Time passed and nothing came: the record time of a tick, or of any record of the partition."""

    record_ms: int
    offset: int


@dataclass(slots=True)
class DecodedBatch:
    """What a run of raw records became. consumed = rows of all batches + rejected (blank lines count nowhere).

    last_record_ms: running maximum of record time over the partition so far, None before the first record with a time.
    """

    batches: list[PredictionBatch] | list[LabelBatch]
    rejected: list[Rejection]
    consumed: int
    last_record_ms: int | None
