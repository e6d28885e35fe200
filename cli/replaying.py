"""Plays a file through the monitors: the same code as live, with files at both ends.

Two threads: this one reads, decodes and writes, the other applies; kernels release the interpreter lock, so on two cores
both are busy. One batch is in flight at a time, so order, and with it every byte of the output, does not depend on timing.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from driftline.processors.batches import DecodedBatch
from driftline.processors.partition import Partition
from driftline.schemas.signals import AlertOpened, Signal, WindowClosed
from driftline.sinks.protocol import Sink

_SWITCH_INTERVAL_S: Final = 0.0005


@dataclass(slots=True)
class Replayed:
    """What a replay came to; times in seconds. `decode_s` and `apply_s` overlap."""

    counters: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    alerts: dict[str, int] = field(default_factory=dict)
    windows: int = 0
    wall_s: float = 0.0
    decode_s: float = 0.0
    apply_s: float = 0.0
    write_s: float = 0.0

    @property
    def events_per_s(self) -> float:
        """Events consumed per second of wall time."""
        return self.counters["consumed"] / self.wall_s if self.wall_s else 0.0

    def summary(self) -> dict[str, Any]:
        """For `summary.json`."""
        seconds = {name: round(getattr(self, name), 3) for name in ("wall_s", "decode_s", "apply_s", "write_s")}
        return {**asdict(self), **seconds, "events_per_s": round(self.events_per_s)}


def replay(partition: Partition, predictions: Iterable[bytes], labels: Iterable[bytes], sink: Sink) -> Replayed:
    """Play blocks of JSON lines in order and close what is open at the end; the sink is closed too."""
    replayed = Replayed()
    started = time.perf_counter()
    with _quick_turns():
        for signals in _signals(partition, predictions, labels, replayed):
            _note(signals, replayed)
            writing = time.perf_counter()
            sink.write(signals)
            replayed.write_s += time.perf_counter() - writing
    sink.close()
    replayed.wall_s = time.perf_counter() - started
    replayed.counters = asdict(partition.counters())
    replayed.rejected = {str(reason): count for reason, count in sorted(partition.rejected.items())}
    return replayed


@contextmanager
def _quick_turns() -> Iterator[None]:
    """A thread that comes out of a kernel waits for the interpreter at most half a millisecond (usually 5)."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _signals(
    partition: Partition, predictions: Iterable[bytes], labels: Iterable[bytes], replayed: Replayed
) -> Iterator[list[Signal]]:
    with ThreadPoolExecutor(1, thread_name_prefix="apply") as applier:
        in_flight: Future[tuple[list[Signal], float]] | None = None
        offset = 0
        for block in predictions:
            started = time.perf_counter()
            decoded = partition.decode_lines(block, offset)
            offset += decoded.consumed
            replayed.decode_s += time.perf_counter() - started
            done, in_flight = in_flight, applier.submit(_timed_apply, partition, decoded)
            if done is not None:
                yield _taken(done, replayed)
        if in_flight is not None:
            yield _taken(in_flight, replayed)
    offset = 0
    for block in labels:
        lines = block.splitlines()
        decoded = partition.decode_labels(lines, range(offset, offset + len(lines)))
        offset += decoded.consumed
        yield partition.apply(decoded)
    yield partition.finish()


def _timed_apply(partition: Partition, decoded: DecodedBatch) -> tuple[list[Signal], float]:
    started = time.perf_counter()
    return partition.apply(decoded), time.perf_counter() - started


def _taken(done: Future[tuple[list[Signal], float]], replayed: Replayed) -> list[Signal]:
    signals, seconds = done.result()
    replayed.apply_s += seconds
    return signals


def _note(signals: list[Signal], replayed: Replayed) -> None:
    for signal in signals:
        if isinstance(signal, AlertOpened):
            kind = signal.alert.kind
            replayed.alerts[kind] = replayed.alerts.get(kind, 0) + 1
        elif isinstance(signal, WindowClosed):
            replayed.windows += 1
