"""What the worker needs from the outside: small protocols, given by whoever wires it (`cli/worker.py`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Protocol

from driftline.processors.counters import Counters
from driftline.schemas.inputs import Input
from driftline.schemas.outputs import Output, OutputTopic
from driftline.schemas.rejections import RejectionReason
from driftline.schemas.signals import Signal


class OutputLog(Protocol):
    """Where outputs go: in order, at least once, bounded."""

    written: dict[OutputTopic, int]
    oversized: int

    @property
    def waiting(self) -> int:
        """Outputs that were put and are not acknowledged."""

    def put(self, outputs: Iterable[Output], appended_ms: int) -> None:
        """Take outputs to be written after all earlier ones; returns at once. appended_ms: of the record behind them."""

    async def room(self) -> None:
        """Wait until there is room for more. Raises what went wrong with an earlier output."""

    async def acknowledged(self) -> None:
        """Wait until all that was put so far is written for good. Raises what went wrong."""


class SnapshotLog(Protocol):
    """The compacted topic that keeps the state; records are (key, value), None is a tombstone."""

    async def write(self, partition: int, records: Sequence[tuple[bytes, bytes | None]]) -> None:
        """Write records and wait until they are acknowledged. Raises what went wrong."""

    def read(self, partition: int) -> AsyncIterator[Sequence[tuple[bytes, bytes | None]]]:
        """Every record of the partition, from the oldest to the last that is there now, in runs."""


class Outside(Protocol):
    """Kafka, as far as the worker writes to it."""

    @property
    def outputs(self) -> OutputLog:
        """What monitors say goes there."""

    @property
    def snapshots(self) -> SnapshotLog:
        """And their state there."""

    async def start(self) -> None:
        """Connect."""

    async def stop(self) -> None:
        """Write what waits, as far as that is quick, and disconnect."""

    async def tick(self, topic: str, partition: int) -> None:
        """Write one tick to an input. Raises PermissionError where that is not allowed."""


class Metrics(Protocol):
    """What is shown of the worker to Prometheus. Times are seconds, but for those named _ms."""

    def observe(self, signals: Iterable[Signal]) -> None:
        """Take over what monitors said."""

    def outputs_made(self, outputs: Iterable[Output]) -> None:
        """Note what had to be shortened."""

    def dead_letter(self, reason: RejectionReason, *, written: bool) -> None:
        """A record could not be read; whether it goes to the dead-letter topic or is one of a flood."""

    def set_watermarks(self, partition: int, watermark_ms: Mapping[str, int]) -> None:
        """Event time up to which the windows of each model are closed."""

    def set_counters(self, partition: int, counters: Counters) -> None:
        """What became of every event of this partition so far."""

    def set_offsets(self, partition: int, applied: Mapping[Input, int], ends: Mapping[Input, int]) -> None:
        """Next offset to apply and end of the log, by input."""

    def set_outbox(self, waiting: int, written: Mapping[OutputTopic, int], oversized: int) -> None:
        """Outputs that wait, that were acknowledged, and that no record can hold."""

    def snapshot_taken(self, partition: int, *, at_s: float, took_s: float, held_s: float, written_bytes: int) -> None:
        """A snapshot is complete: from its cut to its commit, and how long the cut alone held up the records."""

    def committed(self, *, done: bool) -> None:
        """Input offsets were committed, or that failed."""

    def forget_partition(self, partition: int) -> None:
        """The partition went to another worker."""

    def exposition(self) -> bytes:
        """All metrics in the text format."""
