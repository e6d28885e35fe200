"""After a rebalance: may the state in memory be kept, with its epoch?

State is right at any offset, whoever holds it. What can be wrong is its place: behind the committed offsets, records that
it needs may have left the log. And the epoch is only ours as long as nobody else could have owned the partition, because
the next owner takes our chunks away once it has its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from driftline.schemas.inputs import Input


class Keeping(StrEnum):
    """KEPT: go on with the same state and epoch. All others: read the partition back and start a new epoch."""

    KEPT = "kept"
    NOTHING_HELD = "nothing_held"
    OWNERSHIP_INTERRUPTED = "ownership_interrupted"
    EPOCH_BURNT = "epoch_burnt"
    BEHIND_COMMITTED = "behind_committed"


@dataclass(frozen=True, slots=True)
class Held:
    """What a worker has in memory of a partition. `generation`: of the group, the last in which it owned the partition."""

    generation: int
    next_offsets: Mapping[Input, int]
    burnt: bool


def keeping(held: Held | None, generation: int, committed: Mapping[Input, int]) -> Keeping:
    """Whether a worker that owns the partition in this generation may go on with what it holds.

    `committed`: the group's offsets; an input without one is at 0.

    >>> here = {Input.PREDICTIONS: 7, Input.LABELS: 2}
    >>> str(keeping(Held(4, here, burnt=False), 5, here))
    'kept'
    >>> str(keeping(Held(3, here, burnt=False), 5, here))
    'ownership_interrupted'
    """
    if held is None:
        return Keeping.NOTHING_HELD
    if generation - held.generation not in (0, 1):
        return Keeping.OWNERSHIP_INTERRUPTED
    if held.burnt:
        return Keeping.EPOCH_BURNT
    if any(held.next_offsets[each] < committed.get(each, 0) for each in Input):
        return Keeping.BEHIND_COMMITTED
    return Keeping.KEPT
