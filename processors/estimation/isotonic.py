"""Isotonic regression of a yes or no on a score: the rising step function that fits best, as a table of a few steps.

Pool adjacent violators: go through the scores in ascending order and pool neighbours for as long as the share of events
falls. Rows of one score are pooled to begin with, so their order does not matter.

Source: Barlow, Bartholomew, Bremner, Brunk, Statistical Inference under Order Restrictions, Wiley 1972, sec. 1.2; for
calibration: Zadrozny and Elkan, Transforming classifier scores into accurate multiclass probability estimates, KDD 2002.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from driftline.processors.arrays import F64, Bool
from driftline.processors.reference.bins import edge_between

STEPS_MAX: Final = 64
"""A curve that a person can read; of 70,000 rows of a real classifier neighbouring steps hardly differ any more."""

STEP_ROWS_MIN: Final = 50
"""Steps of fewer rows are pooled with a neighbour. Alone, the outermost ones would promise 0 or 1 on a handful of rows."""


@dataclass(slots=True)
class Block:
    """Rows with scores from `low` to `high`, of which `events` were positive."""

    low: float
    high: float
    rows: int
    events: int

    @property
    def share(self) -> float:
        return self.events / self.rows


@dataclass(frozen=True, slots=True)
class Steps:
    """Step k holds scores in (edges[k-1], edges[k]]; the share of events rises from step to step."""

    edges: list[float]
    rows: list[int]
    events: list[int]


def rising_steps(score: F64, event: Bool, steps_max: int = STEPS_MAX, step_rows_min: int = STEP_ROWS_MIN) -> Steps:
    """The isotonic regression of `event` on `score`, pooled to few steps; score: float64[n > 0], finite; event: bool[n].

    >>> rising_steps(np.array([0.1, 0.2, 0.3, 0.4]), np.array([False, True, False, True]), step_rows_min=1)
    Steps(edges=[0.15, 0.35], rows=[1, 2, 1], events=[0, 1, 1])
    """
    blocks = pooled_violators(score, event)
    _pool_small(blocks, step_rows_min)
    _pool_down_to(blocks, steps_max)
    return Steps(
        [edge_between(a.high, b.low) for a, b in pairwise(blocks)],
        [block.rows for block in blocks],
        [block.events for block in blocks],
    )


def pooled_violators(score: F64, event: Bool) -> list[Block]:
    """The blocks of the isotonic regression, by ascending score; their shares of events rise strictly."""
    scores, at = np.unique(score, return_inverse=True)
    rows = np.bincount(at)
    events = np.bincount(at, weights=event)
    blocks: list[Block] = []
    for value, n, hits in zip(scores.tolist(), rows.tolist(), events.tolist(), strict=True):
        blocks.append(Block(value, value, n, int(hits)))
        # in whole numbers: shares of different blocks are equal or not, whatever a division rounds
        while len(blocks) > 1 and blocks[-2].events * blocks[-1].rows >= blocks[-1].events * blocks[-2].rows:
            _pool(blocks, len(blocks) - 2)
    return blocks


def _pool_small(blocks: list[Block], rows_min: int) -> None:
    """Pool each block of fewer rows with the neighbour that costs less, the smallest first."""
    while len(blocks) > 1:
        smallest = min(range(len(blocks)), key=lambda b: blocks[b].rows)
        if blocks[smallest].rows >= rows_min:
            return
        sides = [b for b in (smallest - 1, smallest) if 0 <= b < len(blocks) - 1]
        _pool(blocks, min(sides, key=lambda b: _cost(blocks[b], blocks[b + 1])))


def _pool_down_to(blocks: list[Block], most: int) -> None:
    while len(blocks) > most:
        _pool(blocks, min(range(len(blocks) - 1), key=lambda b: _cost(blocks[b], blocks[b + 1])))


def _pool(blocks: list[Block], b: int) -> None:
    """Pool blocks b and b + 1."""
    lower, upper = blocks[b], blocks.pop(b + 1)
    blocks[b] = Block(lower.low, upper.high, lower.rows + upper.rows, lower.events + upper.events)


def _cost(lower: Block, upper: Block) -> float:
    """What pooling adds to the sum of squared residuals (Ward 1963, J. Am. Stat. Assoc. 58)."""
    return lower.rows * upper.rows / (lower.rows + upper.rows) * (upper.share - lower.share) ** 2
