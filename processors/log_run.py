"""A run of records on its way through a partition: decoded, then applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from driftline.processors.batches import DecodedBatch
from driftline.schemas.dead_letters import DeadLetter
from driftline.schemas.inputs import Input
from driftline.schemas.signals import Signal


@dataclass(slots=True)
class DecodedRun:
    """Records of one input at offsets [start, next), decoded; apply it once, after the runs decoded before it.

    - gap: so many offsets lie between what has been decoded and these records: nothing of them was taken
    - skipped: offsets of [start, next) without a record: transaction markers, or records that retention took
    - again: so many pieces at the front were applied before: they are for the outcome side alone
    - pieces: batches in log order; time moves on after each to its `last_record_ms`, that of the ticks behind it included
    """

    input: Input
    start: int
    next: int
    gap: int = 0
    skipped: int = 0
    again: int = 0
    pieces: list[DecodedBatch] = field(default_factory=list)
    rejected: list[DeadLetter] = field(default_factory=list)
    create_time: bool = False
    traceparents: Mapping[int, str] = field(default_factory=dict)

    @property
    def last_record_ms(self) -> int | None:
        """Running maximum of the log's record time at its end; None for a run without records."""
        return self.pieces[-1].last_record_ms if self.pieces else None


@dataclass(frozen=True, slots=True)
class Applied:
    """What follows from one run. Signals of one model are in log order."""

    signals: list[Signal]
    rejected: list[DeadLetter]
