"""Plays a file through the monitors: the same code as live, with files at both ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from functools import partial

from driftline.cli.apply_ahead import applied_ahead
from driftline.cli.replayed import Replayed
from driftline.processors.batches import DecodedBatch
from driftline.processors.partition import Partition
from driftline.schemas.signals import Signal
from driftline.sinks.protocol import Sink


def replay(partition: Partition, predictions: Iterable[bytes], labels: Iterable[bytes], sink: Sink) -> Replayed:
    """Play blocks of JSON lines in order and close what is open at the end; the sink is closed too."""
    replayed = Replayed()
    started = time.perf_counter()
    for signals in applied_ahead(_decoded(partition, predictions, replayed)):
        replayed.write(signals, sink)
    _read_labels(partition, labels)
    replayed.write(partition.finish(), sink)
    sink.close()
    replayed.wall_s = time.perf_counter() - started
    replayed.counters = asdict(partition.counters())
    replayed.add_rejected(partition.rejected)
    return replayed


def _decoded(
    partition: Partition, predictions: Iterable[bytes], replayed: Replayed
) -> Iterator[Callable[[], list[Signal]]]:
    """The applying of each block, to be done while the next is decoded."""
    offset = 0
    for block in predictions:
        started = time.perf_counter()
        decoded = partition.decode_lines(block, offset)
        offset += decoded.consumed
        replayed.decode_s += time.perf_counter() - started
        yield partial(_apply, partition, decoded, replayed)


def _apply(partition: Partition, decoded: DecodedBatch, replayed: Replayed) -> list[Signal]:
    started = time.perf_counter()
    signals = partition.apply(decoded)
    replayed.apply_s += time.perf_counter() - started
    return signals


def _read_labels(partition: Partition, labels: Iterable[bytes]) -> None:
    offset = 0
    for block in labels:
        lines = block.splitlines()
        decoded = partition.decode_labels(lines, range(offset, offset + len(lines)))
        offset += decoded.consumed
        partition.apply_labels(decoded)
