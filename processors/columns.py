"""Raw records -> columnar batches, in log order. Decoding happens here, once; it knows no clock and does no I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from driftline.processors.arrays import I64
from driftline.processors.batches import DecodedBatch, PredictionBatch
from driftline.processors.columns_assembly import Assembly, batch_of_events
from driftline.processors.columns_labels import LabelReader
from driftline.processors.columns_lines import as_lines, blocks, lines_of
from driftline.processors.columns_reader import PredictionReader
from driftline.processors.record_clock import RecordClock
from driftline.schemas.events import Prediction
from driftline.schemas.inputs import Input
from driftline.schemas.layout import EventLayout
from driftline.schemas.rejections import Rejection

_BLOCK_RECORDS: Final = 256


class Columnizer:
    """Turns the raw records of one partition into batches, one for each model a call.

    `layouts`: what the events of a model become; None while its reference is still to be learnt (its batches then carry
    generic rows). It is asked once a call, so a layout may appear or change between calls. `as_of_ms`: for logs without
    record times, the limit of the future (see `RecordClock`). A bad record is a `Rejection` and costs nobody else.
    """

    def __init__(self, layouts: Callable[[str], EventLayout | None], *, as_of_ms: int | None = None) -> None:
        self._reader = PredictionReader(layouts)
        self._labels = LabelReader(as_of_ms)
        self._clock = RecordClock(as_of_ms)
        self.clocks = {Input.PREDICTIONS: self._clock, Input.LABELS: self._labels.clock}

    def predictions_from_lines(self, buffer: bytes, first_offset: int) -> DecodedBatch:
        """Predictions in JSON lines; the buffer ends at a newline or at the end of the file.

        The offset of a record is `first_offset` + its number among the lines that are not blank; its record time is its
        event time.
        """
        assembly = self._reader.begin_call()
        self._reader.read_lines(buffer, assembly)
        return self._decoded(assembly, first_offset + np.arange(assembly.consumed), None)

    def predictions(
        self, records: Sequence[bytes], offsets: Sequence[int], record_ms: Sequence[int] | None
    ) -> DecodedBatch:
        """Predictions as they lie in a log: one JSON object a record. record_ms None: record time is event time."""
        assembly = self._reader.begin_call()
        lines = as_lines(records)
        if lines is not None:
            self._reader.read_lines(lines, assembly)
        else:
            for start in range(0, len(records), _BLOCK_RECORDS):
                self._reader.read_records(records[start : start + _BLOCK_RECORDS], assembly)
        times = None if record_ms is None else np.array(record_ms, np.int64)
        return self._decoded(assembly, np.array(offsets, np.int64), times)

    def labels_from_lines(self, buffer: bytes, first_offset: int) -> DecodedBatch:
        """Labels in JSON lines; offsets and record times as for predictions."""
        records = [line for block in blocks(buffer) for line in lines_of(block)]
        return self._labels.read(records, first_offset + np.arange(len(records)), None)

    def labels(self, records: Sequence[bytes], offsets: Sequence[int], record_ms: Sequence[int] | None) -> DecodedBatch:
        """Labels as they lie in a log."""
        times = None if record_ms is None else np.array(record_ms, np.int64)
        return self._labels.read(records, np.array(offsets, np.int64), times)

    def _decoded(self, assembly: Assembly, offsets: I64, record_ms: I64 | None) -> DecodedBatch:
        """Give the batches their offsets and record times."""
        placed = list(assembly.batches())
        if record_ms is None:
            record, partition = self._clock.from_events(
                assembly.consumed, [(positions, batch.event_ms) for positions, batch in placed]
            )
        else:
            record, partition = self._clock.from_log(record_ms)
        for positions, batch in placed:
            batch.offsets = offsets[positions]
            batch.record_ms, batch.partition_ms = record[positions], partition[positions]
        rejected = [Rejection(int(offsets[r.offset]), r.reason, r.message) for r in assembly.rejected]
        rejected.sort(key=lambda rejection: rejection.offset)
        return DecodedBatch([batch for _, batch in placed], rejected, assembly.consumed, self._clock.latest_ms)


def columns_of(rows: list[Prediction], layout: EventLayout) -> PredictionBatch:
    """The columns of generic events of one model in log order, once its layout is known.

    Offsets are 0.., record times are event times: take them, and what `unknown` says of the envelope, from the batch
    that carried the rows.
    """
    return batch_of_events(rows, layout)
