"""What is said about performance depends on the two logs alone: not on batches, nor on which log is read faster."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from driftline.config.model_spec import DAY_MS
from driftline.schemas.codec import encode
from tests.outcomes.labelled_logs import Logs, both_logs, make_logs, play, random_steps, spec


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 40))
def test_any_cut_and_any_interleaving_of_the_logs_gives_the_same_bytes(seed: int, n: int) -> None:
    rng = random.Random(seed)
    logs, model = make_logs(rng, n), spec(DAY_MS)
    whole = [encode(signal) for signal in play(logs, both_logs(logs), model)]
    assert [encode(signal) for signal in play(logs, random_steps(rng, logs), model)] == whole
    backwards = both_logs(logs)[::-1]
    assert [encode(signal) for signal in play(logs, backwards, model)] == whole


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(150, 250))
def test_the_same_while_the_reference_is_still_being_learnt(seed: int, n: int) -> None:
    rng = random.Random(seed)
    logs, model = make_logs(rng, n), spec(DAY_MS, learn_from=100)
    whole = [encode(signal) for signal in play(logs, both_logs(logs), model, learns=True)]
    assert whole
    assert [encode(signal) for signal in play(logs, random_steps(rng, logs), model, learns=True)] == whole


def test_two_runs_of_the_same_logs_name_their_windows_alike() -> None:
    logs: Logs = make_logs(random.Random(5), 30)
    first, second = (play(logs, both_logs(logs), spec()) for _ in range(2))
    assert [signal.id for signal in first] == [signal.id for signal in second]
    assert len({signal.id for signal in first}) == len(first)
