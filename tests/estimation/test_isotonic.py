"""Pool adjacent violators against scikit-learn's; what pooling to few steps keeps."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from driftline.processors.arrays import F64, Bool
from driftline.processors.estimation.isotonic import pooled_violators, rising_steps

ROWS = st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=60).map(
    lambda rows: (np.array([s / 8 for s, _ in rows]), np.array([e for _, e in rows]))
)
"""Scores with many ties, and events."""


@given(ROWS)
def test_blocks_are_the_isotonic_regression_of_scikit_learn(rows: tuple[F64, Bool]) -> None:
    score, event = rows
    expected = IsotonicRegression().fit(score, event).predict(score)
    blocks = pooled_violators(score, event)
    found = [next(b.share for b in blocks if b.low <= s <= b.high) for s in score]
    assert found == pytest.approx(expected, abs=1e-9)
    assert all(a.share < b.share for a, b in pairwise(blocks))


@given(ROWS)
def test_the_order_of_rows_does_not_matter(rows: tuple[F64, Bool]) -> None:
    score, event = rows
    order = np.random.default_rng(len(score)).permutation(len(score))
    assert rising_steps(score[order], event[order]) == rising_steps(score, event)


@given(ROWS, st.integers(1, 8), st.integers(1, 10))
def test_steps_are_few_large_and_rising_and_hold_every_row(rows: tuple[F64, Bool], most: int, least: int) -> None:
    score, event = rows
    steps = rising_steps(score, event, steps_max=most, step_rows_min=least)
    assert len(steps.rows) <= most
    assert len(steps.rows) == 1 or min(steps.rows) >= least
    shares = [e / n for e, n in zip(steps.events, steps.rows, strict=True)]
    assert all(a < b for a, b in pairwise(shares))
    step = np.searchsorted(steps.edges, score, side="left")
    assert np.bincount(step, minlength=len(shares)).tolist() == steps.rows
    assert np.bincount(step, event, len(shares)).tolist() == steps.events


def test_a_score_that_says_nothing_gives_one_step() -> None:
    steps = rising_steps(np.arange(400.0), np.arange(400) < 200)
    assert (steps.edges, steps.rows, steps.events) == ([], [400], [200])
