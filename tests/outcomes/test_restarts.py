"""A partition that joins labels, killed at any moment: the next one says the same, from a snapshot and both logs."""

from __future__ import annotations

import functools
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.config.model_spec import LabelSpec
from driftline.processors.recovery.cut import StoredCut
from driftline.schemas.inputs import Input
from tests.core.logs import MINUTE_MS, reference
from tests.core.two_logs import OUTCOMES, Logs, Player, World, make_logs, stored, whole, world

SEEDS = st.integers(0, 2**32 - 1)
EVENTS = 120


@functools.cache
def the_world(capacity: int) -> World:
    """Horizons of minutes, so that windows become final within a small log."""
    given_world = world(reference())
    labels = LabelSpec(horizon_ms=30 * MINUTE_MS, capacity=capacity)
    specs = {name: replace(spec, labels=labels, task="binary") for name, spec in given_world.specs.items()}
    assert given_world.discovered is not None
    discovered = replace(given_world.discovered, labels=labels, task="binary")
    return World(specs, given_world.references, discovered, outcomes=True)


@functools.lru_cache(maxsize=4)
def in_one_run(seed: int, capacity: int) -> Player:
    player = Player(the_world(capacity).fresh(), logs_of(seed))
    player.play(whole(player.logs))
    return player


@functools.lru_cache(maxsize=4)
def logs_of(seed: int) -> Logs:
    return make_logs(seed, EVENTS)


@pytest.mark.parametrize("capacity", [1_000, 12], ids=["all wait", "few wait"])
@given(seed=SEEDS, order=SEEDS)
def test_a_kill_at_any_moment_leaves_no_trace(capacity: int, seed: int, order: int) -> None:
    rng, here = random.Random(order), the_world(capacity)
    player = Player(here.fresh(), logs_of(seed))
    kept: tuple[StoredCut, dict[tuple[str, str], int]] | None = None
    deaths = 0
    while any(player.left(source) for source in Input) or deaths == 0:
        source = rng.choice([each for each in Input if player.left(each)] or list(Input))
        player.play([(source, min(player.left(source), rng.choice([1, 5, 40])))])
        if not player.where.catching_up and rng.random() < 0.3:
            kept = stored(player.where.cut(full=True)), {key: len(said) for key, said in player.said.items()}
        at_the_end = not any(player.left(each) for each in Input)
        if (at_the_end and deaths == 0) or (kept is not None and rng.random() < 0.1 / (1 + deaths)):
            deaths += 1
            cut, said_by_then = kept or (None, {})
            player.restart(here.fresh() if cut is None else here.restored(cut))
            for key, said in player.said.items():
                del said[said_by_then.get(key, 0) :]
    expected = in_one_run(seed, capacity)
    assert not player.where.catching_up
    assert dict(player.said) == dict(expected.said)
    assert player.where.state() == expected.where.state()


def test_the_logs_of_these_tests_tell_of_performance_also_of_models_that_learn() -> None:
    said = [in_one_run(seed, 1_000).said for seed in range(6)]
    assert {model for each in said for side, model in each if side == OUTCOMES} >= {"m", "versions", "learner"}
