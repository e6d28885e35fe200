"""Where both logs were at which merged time: from where a lost join store has to be filled again.

A store is filled by doing the operations again that made its facts. A fact may be valid that was made up to one lifetime
ago: pane, lateness, horizon, and how far a prediction's time may lie ahead of record time. Whether an operation made a fact
or was a repetition depends on what was valid then, so reading begins two lifetimes ago. The number of the next fact is set
right at every mark on the way; from one lifetime ago on all of them are as they were.

Marks stand at most 1/64 of a horizon apart, so there are few. They are part of the snapshot; facts are not.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from driftline.config.model_spec import ModelSpec
from driftline.processors.arrays import I64
from driftline.processors.outcomes.fold import MARK_AT_MS, MARK_WIDTH

_PER_HORIZON: Final = 64
_SMALLEST: Final = 256


def mark_every_ms(spec: ModelSpec) -> int:
    """Merged time between two marks."""
    return max(spec.windows_ms[0], spec.labels.horizon_ms // _PER_HORIZON)


def lifetime_ms(spec: ModelSpec) -> int:
    """How long after it was made a fact may be valid at most."""
    return spec.windows_ms[0] + spec.lateness_ms + spec.labels.horizon_ms + spec.future_tolerance_ms


def no_marks() -> I64:
    """int64[256, 4]: room for the first ones."""
    return np.zeros((_SMALLEST, MARK_WIDTH), np.int64)


def with_room(marks: I64, used: int, oldest_ms: int) -> tuple[I64, int]:
    """Marks (int64[m, 4], the first `used` taken) with room for one more, and how many of them are taken.

    Those that are older than the last one before merged time `oldest_ms` are dropped; if none is, the room is doubled.
    """
    gone = max(int(np.searchsorted(marks[:used, MARK_AT_MS], oldest_ms, side="right")) - 1, 0)
    kept = marks[gone:used]
    size = len(marks) if gone else 2 * len(marks)
    room = np.zeros((size, MARK_WIDTH), np.int64)
    room[: len(kept)] = kept
    return room, len(kept)
