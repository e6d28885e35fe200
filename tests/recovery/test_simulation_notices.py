"""The simulation is worth something only if it fails where the protocol does: each rule is broken once."""

from __future__ import annotations

import pytest

from tests.recovery.broken import BROKEN
from tests.recovery.simulation import simulate
from tests.recovery.variants import Variant
from tests.recovery.world import Violation

SEEDS_MAX = 1_000
"""The rarest needs one seed in about two hundred."""


@pytest.mark.compiled
@pytest.mark.parametrize("how", BROKEN)
def test_the_simulation_notices_when(how: str) -> None:
    with pytest.raises(Violation, match=r"repeat with: python -m tests\.recovery\.simulation \d+"):
        _simulate_until_noticed(BROKEN[how])


def _simulate_until_noticed(variant: Variant) -> None:
    for seed in range(SEEDS_MAX):
        simulate(seed, variant=variant)
