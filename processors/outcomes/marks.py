"""Where both logs were at which merged time: from where a lost join store has to be filled again.

A store is filled by doing the operations again that made its facts. A fact may be valid that was made up to one lifetime
ago: pane, lateness, horizon, and how far a prediction's time may lie ahead of record time. In a bounded store it may be one
of the last `capacity` as well, whichever is less. Whether an operation made a fact or was a repetition depends on what was
valid then, so reading begins three such lives ago. The number of the next fact is set right at every mark on the way; from
the last life on all of them are as they were, unless one id was predicted over and over again all the time.

Marks stand at most 1/64 of a horizon apart, and 1/16 of a bounded store, so there are few. They are part of the snapshot;
facts are not.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from driftline.config.model_spec import ModelSpec
from driftline.processors.arrays import I64
from driftline.processors.outcomes.fold import MARK_AT_MS, MARK_WIDTH, NEXT_SEQ, NONE
from driftline.schemas.inputs import Input

LIVES: Final = 3

_PER_HORIZON: Final = 64
_PER_CAPACITY: Final = 16
_SMALLEST: Final = 256


class Place(NamedTuple):
    """A place in one log: the first offset that is not before it, and the running maximum of record time before that.

    latest_ms: None at the beginning of the log.
    """

    offset: int
    latest_ms: int | None


class Position(NamedTuple):
    """A place in the merge of both logs. next_seq: the number of the next fact there."""

    next_seq: int
    predictions: Place
    labels: Place

    def place(self, source: Input) -> Place:
        """Of one log."""
        return self.predictions if source is Input.PREDICTIONS else self.labels


def position_of(row: I64) -> Position:
    """The position that a mark (int64[6]), or the first five of the kernel's clock, says."""
    seq, predictions, labels, predictions_ms, labels_ms = row[:MARK_AT_MS].tolist()
    return Position(
        next_seq=seq,
        predictions=Place(predictions, None if predictions_ms == NONE else predictions_ms),
        labels=Place(labels, None if labels_ms == NONE else labels_ms),
    )


def mark_every_ms(spec: ModelSpec) -> int:
    """Merged time between two marks."""
    return max(spec.windows_ms[0], spec.labels.horizon_ms // _PER_HORIZON)


def mark_every_facts(capacity: int) -> int:
    """Facts between two marks, for a store of this capacity (0: without limit)."""
    return max(1, capacity // _PER_CAPACITY) if capacity else np.iinfo(np.int64).max


def lifetime_ms(spec: ModelSpec) -> int:
    """How long after it was made a fact may be valid at most."""
    return spec.windows_ms[0] + spec.lateness_ms + spec.labels.horizon_ms + spec.future_tolerance_ms


def no_marks() -> I64:
    """int64[256, 6]: room for the first ones."""
    return np.zeros((_SMALLEST, MARK_WIDTH), np.int64)


def since(marks: I64, oldest_ms: int, oldest_seq: int) -> I64:
    """Those (int64[n, 6], ascending) from the last one on that is not after this merged time or this number of a fact."""
    of_time = int(np.searchsorted(marks[:, MARK_AT_MS], oldest_ms, side="right"))
    of_number = int(np.searchsorted(marks[:, NEXT_SEQ], oldest_seq, side="right"))
    return marks[max(of_time - 1, of_number - 1, 0) :]


def with_room(marks: I64, oldest_ms: int, oldest_seq: int) -> tuple[I64, int]:
    """Full marks (int64[m, 6]) with room for more, without those that are not needed, and how many of them are taken."""
    kept = since(marks, oldest_ms, oldest_seq)
    room = np.zeros((len(marks) if len(kept) < len(marks) else 2 * len(marks), MARK_WIDTH), np.int64)
    room[: len(kept)] = kept
    return room, len(kept)
