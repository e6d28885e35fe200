"""What a worker keeps over a rebalance."""

from __future__ import annotations

import pytest

from driftline.processors.recovery.ownership import Held, Keeping, keeping
from driftline.schemas.inputs import Input

P, L = Input.PREDICTIONS, Input.LABELS
HELD = Held(generation=4, next_offsets={P: 10, L: 5}, burnt=False)


@pytest.mark.parametrize(
    ("held", "generation", "committed", "expected"),
    [
        (HELD, 5, {P: 10, L: 5}, Keeping.KEPT),
        (HELD, 5, {P: 3}, Keeping.KEPT),
        (HELD, 5, {}, Keeping.KEPT),
        (HELD, 4, {}, Keeping.KEPT),
        (None, 5, {}, Keeping.NOTHING_HELD),
        (HELD, 6, {}, Keeping.OWNERSHIP_INTERRUPTED),
        (HELD, 3, {}, Keeping.OWNERSHIP_INTERRUPTED),
        (Held(4, HELD.next_offsets, burnt=True), 5, {}, Keeping.EPOCH_BURNT),
        (HELD, 5, {P: 11, L: 5}, Keeping.BEHIND_COMMITTED),
        (HELD, 5, {P: 10, L: 6}, Keeping.BEHIND_COMMITTED),
    ],
)
def test_state_and_epoch_are_kept_only_if_nobody_else_can_have_owned_the_partition(
    held: Held | None, generation: int, committed: dict[Input, int], expected: Keeping
) -> None:
    assert keeping(held, generation, committed) is expected
