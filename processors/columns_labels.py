"""Label records -> batches. Labels are far fewer than predictions: one generic decoder for every model will do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from driftline.processors.arrays import I64
from driftline.processors.batches import DecodedBatch, LabelBatch
from driftline.processors.id_hash import hash_ids, hash_key
from driftline.processors.record_clock import RecordClock
from driftline.schemas.codec import LabelDecoder
from driftline.schemas.events import Label
from driftline.schemas.rejections import Rejection


@dataclass(slots=True)
class _ModelLabels:
    positions: list[int] = field(default_factory=list)
    events: list[Label] = field(default_factory=list)
    unknown: dict[str, list[int]] = field(default_factory=dict)


class LabelReader:
    """Reads the labels of one partition; their log has a clock of its own."""

    def __init__(self, as_of_ms: int | None) -> None:
        self.clock = RecordClock(as_of_ms)
        self._decoder = LabelDecoder()

    def read(self, records: Sequence[bytes], offsets: I64, record_ms: I64 | None) -> DecodedBatch:
        """One batch a model. offsets, record_ms: int64[len(records)]; record_ms None: the event's own time."""
        rejected: list[Rejection] = []
        models: dict[str, _ModelLabels] = {}
        for position, record in enumerate(records):
            read = self._decoder.decode(record, int(offsets[position]))
            if isinstance(read, Rejection):
                rejected.append(read)
                continue
            labels = models.setdefault(read.event.model, _ModelLabels())
            for name in read.unknown:
                labels.unknown.setdefault(name, []).append(len(labels.events))
            labels.positions.append(position)
            labels.events.append(read.event)
        batches = [_batch(model, labels, offsets) for model, labels in models.items()]
        positions = [np.array(labels.positions, np.int64) for labels in models.values()]
        if record_ms is None:
            times = [(at, batch.label_ms) for at, batch in zip(positions, batches, strict=True)]
            recorded, partition = self.clock.from_events(len(records), times)
        else:
            recorded, partition = self.clock.from_log(record_ms)
        for at, batch in zip(positions, batches, strict=True):
            batch.record_ms, batch.partition_ms = recorded[at], partition[at]
        return DecodedBatch(batches, rejected, len(records), self.clock.latest_ms)


def _batch(model: str, labels: _ModelLabels, offsets: I64) -> LabelBatch:
    """Record times are filled in later."""
    events = labels.events
    ids = [event.prediction_id for event in events]
    none = np.empty(0, np.int64)
    return LabelBatch(
        model=model,
        offsets=offsets[np.array(labels.positions, np.int64)],
        record_ms=none,
        partition_ms=none,
        label_ms=np.array([event.timestamp_ms for event in events], np.int64),
        id_hash=hash_ids(hash_key(model), ids),
        ids=ids,
        labels=[event.label for event in events],
        sources=[event.source for event in events],
        weights=np.array([event.weight for event in events], np.float64),
        unknown={name: np.array(rows, np.int64) for name, rows in labels.unknown.items()},
    )
