"""R1, R2, R5, R6, R12, R14 without a broker: whatever happens in whatever order, nothing is lost or counted twice."""

from __future__ import annotations

import functools

import pytest

from tests.recovery.kinds import Real
from tests.recovery.simulation import simulate


@functools.cache
def real() -> Real:
    return Real()


@pytest.mark.compiled
def test_whatever_happens_the_end_is_that_of_an_offline_computation(toy_seeds: range) -> None:
    for seed in toy_seeds:
        simulate(seed)


@pytest.mark.compiled
def test_the_same_holds_for_the_partitions_of_a_worker(real_seeds: range) -> None:
    for seed in real_seeds:
        simulate(seed, real())


def test_a_seed_repeats_itself_and_seeds_take_every_road() -> None:
    counts = simulate(0)
    assert counts == simulate(0)
    for seed in range(1, 30):
        counts += simulate(seed)
    roads = {"crash", "kept", "ownership_interrupted", "snapshot, committed", "tombstone", "missing_chunk"}
    assert {road for road in roads if counts[road] < 3} == set()
