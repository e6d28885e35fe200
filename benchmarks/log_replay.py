"""Which record of a log closed which window: the log is played into the core, singly wherever time passes a window's end."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from topic_records import Appended

from driftline.cli.partitions import Partitions
from driftline.config.config import Config
from driftline.schemas.inputs import Input
from driftline.schemas.log_records import LogRecords
from driftline.schemas.signals import WindowClosed

RUN_RECORDS = 4_000


class _Time(msgspec.Struct):
    model: str
    timestamp: int


def closing_offsets(config: Config, log: Iterable[Appended]) -> dict[str, tuple[int, int]]:
    """By the id of each closed window: partition and offset of the record that closed it.

    log: predictions with their event time in integer milliseconds, from offset 0, without gaps.
    """
    by_partition: dict[int, list[Appended]] = defaultdict(list)
    for record in log:
        by_partition[record.partition].append(record)
    closed: dict[str, tuple[int, int]] = {}
    for partition, records in by_partition.items():
        closed |= _of_partition(config, partition, records)
    return closed


def _of_partition(config: Config, p: int, records: Sequence[Appended]) -> dict[str, tuple[int, int]]:
    partition = Partitions(config).fresh(p, dict.fromkeys(Input, 0))
    closers = _closers(config, records)
    closed: dict[str, tuple[int, int]] = {}
    start = 0
    for stop in [*sorted({at + 1 for at in closers} | closers | {len(records)})]:
        for first in range(start, stop, RUN_RECORDS):
            part = records[first : min(first + RUN_RECORDS, stop)]
            run = LogRecords([r.value for r in part], [r.offset for r in part], [r.appended_ms for r in part])
            applied = partition.apply(partition.decode(Input.PREDICTIONS, run))
            windows = [signal.id for signal in applied.signals if isinstance(signal, WindowClosed)]
            if windows and len(part) > 1:
                sys.exit(f"a window of partition {p} closed within offsets {part[0].offset} to {part[-1].offset}")
            closed |= dict.fromkeys(windows, (p, part[0].offset))
        start = stop
    return closed


def _closers(config: Config, records: Sequence[Appended]) -> set[int]:
    """Positions of the records at which a model's watermark enters another window of its shortest length.

    The watermark is the largest event time so far, at most the record time, minus the lateness (processors/admission.py).
    """
    read = msgspec.json.Decoder(_Time).decode
    rows: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for i, record in enumerate(records):
        at = read(record.value)
        rows[at.model].append((i, at.timestamp, record.appended_ms))
    closers: set[int] = set()
    for model, times in rows.items():
        spec = config.models[model]
        position, event_ms, record_ms = np.array(times, np.int64).T
        reached = np.minimum(np.maximum.accumulate(event_ms), np.maximum.accumulate(record_ms)) - spec.lateness_ms
        window = reached // min(spec.windows_ms)
        closers |= {int(i) for i in position[1:][np.diff(window) > 0]}
    return closers
