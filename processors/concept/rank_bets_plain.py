"""The e-detector of errors that are numbers in plain Python, for one group: what the kernel must equal, bit for bit."""

from __future__ import annotations

import bisect
import math

from driftline.processors.arrays import F64
from driftline.processors.concept.rank_bets import CELLS, rank_bets, rank_weights, resting_stakes
from driftline.processors.concept.standing_plain import PlainStanding


class PlainRankBets(PlainStanding):
    """See `rank_bets`. threshold: A; edges: float64[63]; the first `learn_from` values only teach."""

    def __init__(self, threshold: float, edges: F64, learn_from: int) -> None:
        super().__init__(threshold, len(rank_weights()))
        self.edges, self.learn_from = edges.tolist(), learn_from
        self.table, self.weights = rank_bets().tolist(), rank_weights().tolist()
        self.counts, self.total = [0] * CELLS, 0.0
        self.at_rest = (self.counts, self.total)
        self.u = math.nan

    def update(self, x: float, theta: float) -> bool:
        """Take one value and what breaks its ties; whether it alarms. `u` is its rank."""
        self.seen += 1
        cell, n = bisect.bisect_left(self.edges, x), sum(self.counts)
        if n < self.learn_from:
            self._learn(cell, x)
            self.at_rest, self.mark = (self.counts, self.total), self.seen
            self.note_rest(resting_stakes().tolist(), 0.0, n + 1, self.total)
            return False
        self.u = (sum(self.counts[:cell]) + theta * (self.counts[cell] + 1.0)) / (n + 1.0)
        bets = self.table[min(int(self.u * 256), 255)]
        self.stakes = [(s + w) * e for s, w, e in zip(self.stakes, self.weights, bets, strict=True)]
        if not self.held:
            self._learn(cell, x)
        standing = self.judge(sum(resting_stakes().tolist()))
        self.note_rest(resting_stakes().tolist(), 1.0, sum(self.counts), self.total)
        if standing == "at rest":
            self.at_rest = (self.counts, self.total)
        elif standing == "alarming":
            self.counts, self.total = self.at_rest
        return standing == "alarming"

    def _learn(self, cell: int, x: float) -> None:
        self.counts = [*self.counts[:cell], self.counts[cell] + 1, *self.counts[cell + 1 :]]
        self.total += x
