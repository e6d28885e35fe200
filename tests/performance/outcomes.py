"""Random labelled predictions, and how kernels are fed with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from driftline.processors.arrays import F64


class Outcome(NamedTuple):
    prediction: float
    score: float
    label: float
    weight: float = 1.0


Add = Callable[[F64, float, float, float, float, float], None]

WEIGHTS = st.sampled_from([1.0, 1.0, 1.0, 0.25, 2.0, 0.3, 17.7]) | st.floats(1e-3, 50.0)
SCORES = st.floats(0.0, 1.0) | st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]) | st.just(float("nan"))


def outcomes(prediction: st.SearchStrategy[float], label: st.SearchStrategy[float]) -> st.SearchStrategy[list[Outcome]]:
    return st.lists(st.builds(Outcome, prediction, SCORES, label, WEIGHTS), max_size=60)


def classes(count: int) -> st.SearchStrategy[float]:
    return st.integers(0, count - 1).map(float)


def columns(of: Sequence[Outcome]) -> tuple[F64, F64, F64, F64]:
    """float64[n] each: prediction, score, label, weight."""
    table = np.array(of, np.float64).reshape(len(of), 4)
    return table[:, 0], table[:, 1], table[:, 2], table[:, 3]


def summed(add: Add, width: int, of: Sequence[Outcome]) -> F64:
    sums = np.zeros(width)
    for outcome in of:
        add(sums, *outcome, 1.0)
    return sums


def summed_with_corrections(
    add: Add, width: int, kept: Sequence[Outcome], replaced: Sequence[Outcome], seed: int
) -> F64:
    """Sums of `kept`, while those in `replaced` come and go again in between, all in a random order."""
    rng = np.random.default_rng(seed)
    moments = [(t, 1.0, o) for t, o in zip(rng.random(len(kept)), kept, strict=True)]
    for outcome in replaced:
        come, go = np.sort(rng.random(2))
        moments += [(come, 1.0, outcome), (go, -1.0, outcome)]
    sums = np.zeros(width)
    for _, sign, outcome in sorted(moments, key=lambda m: m[0]):
        add(sums, *outcome, sign)
    return sums
