"""Plays files through the monitors: the same code as live, with files at both ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from functools import partial
from typing import Final

from driftline.cli.apply_ahead import applied_ahead
from driftline.cli.replayed import Replayed
from driftline.processors.batches import DecodedBatch
from driftline.processors.partition import Partition
from driftline.schemas.inputs import Input
from driftline.schemas.signals import Signal
from driftline.sinks.protocol import Sink

_NOT_YET: Final = float("-inf")


def replay(partition: Partition, predictions: Iterable[bytes], labels: Iterable[bytes], sink: Sink) -> Replayed:
    """Play blocks of JSON lines in order and close what is open at the end; the sink is closed too."""
    replayed = Replayed()
    started = time.perf_counter()
    for signals in applied_ahead(_decoded(partition, predictions, labels, replayed)):
        replayed.write(signals, sink)
    replayed.write(partition.finish(), sink)
    sink.close()
    replayed.wall_s = time.perf_counter() - started
    replayed.counters = asdict(partition.counters())
    if partition.outcomes is not None:
        replayed.add_outcomes(partition.outcomes.counters())
    replayed.add_rejected(partition.rejected)
    return replayed


def _decoded(
    partition: Partition, predictions: Iterable[bytes], labels: Iterable[bytes], replayed: Replayed
) -> Iterator[Callable[[], list[Signal]]]:
    """The applying of each block, to be done while the next is decoded.

    The two files are read side by side, always on with the one that is behind in time: so neither waits for long to be
    joined with the other, and little is held.
    """
    decode: dict[Input, Callable[[bytes, int], DecodedBatch]] = {
        Input.PREDICTIONS: partition.decode_lines,
        Input.LABELS: partition.decode_label_lines,
    }
    apply = {Input.PREDICTIONS: partition.apply, Input.LABELS: partition.apply_labels}
    blocks = {Input.PREDICTIONS: iter(predictions), Input.LABELS: iter(labels)}
    offsets = dict.fromkeys(blocks, 0)
    reached_ms: dict[Input, float] = dict.fromkeys(blocks, _NOT_YET)
    while blocks:
        source = min(blocks, key=reached_ms.__getitem__)  # the first of two that are level: predictions
        started = time.perf_counter()
        block = next(blocks[source], None)
        if block is None:
            del blocks[source]
            yield partial(partition.end, source)
            continue
        decoded = decode[source](block, offsets[source])
        offsets[source] += decoded.consumed
        if decoded.last_record_ms is not None:
            reached_ms[source] = decoded.last_record_ms
        replayed.decode_s += time.perf_counter() - started
        yield partial(_apply, apply[source], decoded, replayed)


def _apply(apply: Callable[[DecodedBatch], list[Signal]], decoded: DecodedBatch, replayed: Replayed) -> list[Signal]:
    started = time.perf_counter()
    signals = apply(decoded)
    replayed.apply_s += time.perf_counter() - started
    return signals
