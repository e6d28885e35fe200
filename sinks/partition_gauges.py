"""What is known of each partition: how far it was read, what became of its events, when its state was saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from driftline.schemas.inputs import Input
from driftline.schemas.limits import OTHER_NAME
from driftline.sinks import metric_names as names
from driftline.sinks.metric_names import Metric
from driftline.sinks.samples import Sample

PARTITIONS_MAX: Final = 100
"""Partitions shown one by one, by their number; the sums of the others are shown together."""

OUTCOMES: Final = ("applied", "duplicate", "late", "rejected", "filtered")


class EventCounts(Protocol):
    """What became of every event; the outcomes add up to `consumed`."""

    consumed: int
    applied: int
    duplicate: int
    late: int
    rejected: int
    filtered: int
    labels: int


@dataclass(slots=True)
class _Partition:
    counts: dict[str, int] = field(default_factory=dict)
    applied: dict[Input, int] = field(default_factory=dict)
    lag: dict[Input, int] = field(default_factory=dict)
    snapshot: tuple[float, int] | None = None


class PartitionGauges:
    """Takes figures of partitions, gives samples."""

    def __init__(self) -> None:
        self._partitions: dict[int, _Partition] = {}

    def __len__(self) -> int:
        return len(self._partitions)

    def set_counters(self, partition: int, counts: EventCounts) -> None:
        """What became of the events of a partition, from the beginning of its log on."""
        counted = {name: int(getattr(counts, name)) for name in ("consumed", *OUTCOMES, "labels")}
        self._of(partition).counts = counted

    def set_offsets(self, partition: int, applied: Mapping[Input, int], ends: Mapping[Input, int]) -> None:
        """First offset that is not in the state, and the end of the log; without an end no lag is known."""
        of = self._of(partition)
        of.applied = dict(applied)
        of.lag = {source: max(ends[source] - offset, 0) for source, offset in applied.items() if source in ends}

    def set_snapshot(self, partition: int, at_s: float, written_bytes: int) -> None:
        """When the last snapshot was complete (epoch seconds), and what it had to write."""
        self._of(partition).snapshot = (at_s, written_bytes)

    def forget_partition(self, partition: int) -> None:
        """It went to another worker."""
        self._partitions.pop(partition, None)

    def samples(self) -> Iterator[Sample]:
        """Everything as it is now."""
        partitions = sorted(self._partitions.items())
        for number, partition in partitions[:PARTITIONS_MAX]:
            yield from _samples(str(number), partition)
        rest = [partition for _, partition in partitions[PARTITIONS_MAX:]]
        if rest:
            yield from _sums(rest)

    def _of(self, partition: int) -> _Partition:
        return self._partitions.setdefault(partition, _Partition())


def _samples(number: str, partition: _Partition) -> Iterator[Sample]:
    yield from _counted(number, partition.counts)
    yield from _by_input(names.APPLIED_OFFSET, number, partition.applied)
    yield from _by_input(names.LAG, number, partition.lag)
    if partition.snapshot is not None:
        yield Sample(names.SNAPSHOT_TIME, (number,), partition.snapshot[0])
        yield Sample(names.SNAPSHOT_BYTES, (number,), partition.snapshot[1])


def _sums(partitions: list[_Partition]) -> Iterator[Sample]:
    """Offsets mean nothing in sum; of the snapshots, the oldest is told."""
    counts: dict[str, int] = {}
    lag: dict[Input, int] = {}
    for partition in partitions:
        for name, count in partition.counts.items():
            counts[name] = counts.get(name, 0) + count
        for source, records in partition.lag.items():
            lag[source] = lag.get(source, 0) + records
    yield from _counted(OTHER_NAME, counts)
    yield from _by_input(names.LAG, OTHER_NAME, lag)
    snapshots = [partition.snapshot for partition in partitions if partition.snapshot is not None]
    if snapshots:
        yield Sample(names.SNAPSHOT_TIME, (OTHER_NAME,), min(at_s for at_s, _ in snapshots))
        yield Sample(names.SNAPSHOT_BYTES, (OTHER_NAME,), sum(written for _, written in snapshots))


def _counted(number: str, counts: Mapping[str, int]) -> Iterator[Sample]:
    if counts:
        yield Sample(names.CONSUMED, (number,), counts["consumed"])
        yield Sample(names.LABELS, (number,), counts["labels"])
        yield from (Sample(names.EVENTS, (number, outcome), counts[outcome]) for outcome in OUTCOMES)


def _by_input(metric: Metric, number: str, values: Mapping[Input, int]) -> Iterator[Sample]:
    yield from (Sample(metric, (number, str(source)), value) for source, value in sorted(values.items()))
