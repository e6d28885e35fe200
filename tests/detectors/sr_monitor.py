"""One Shiryaev-Roberts monitor over the kernel, for the tests: arrays as the core holds them, runs of any length."""

from __future__ import annotations

import numpy as np

from driftline.processors.arrays import F64, I64, U8, U16
from driftline.processors.detectors.bets import BETS, value_bets
from driftline.processors.detectors.shiryaev_roberts import MARKS, alarm_limits, mixture, shiryaev_roberts_run


class Monitor:
    """Feed `levels` in runs; `alarms` are the positions (from 0) of all alarms, `evidence` a row for each."""

    def __init__(self, threshold: float, bets: F64, table: F64 | None = None) -> None:
        self.bets = bets
        self.table = value_bets() if table is None else table
        self.limits = alarm_limits(threshold, bets, table)
        self.state: F64 = np.zeros(BETS)
        self.latched: U8 = np.zeros(1, np.uint8)
        self.marks: I64 = np.zeros(MARKS, np.int64)
        self.seen = 0
        self.alarms: list[int] = []
        self.evidence: list[list[float]] = []

    def run(self, levels: U16) -> None:
        hits = np.zeros(len(levels) // 8 + 1, np.int64)
        evidence = np.zeros((len(hits), 4))
        n = shiryaev_roberts_run(
            self.state,
            self.latched,
            self.marks,
            self.seen,
            levels,
            self.table,
            self.bets,
            self.limits,
            hits,
            evidence,
        )
        assert n <= len(hits)
        self.alarms += (hits[:n] + self.seen).tolist()
        self.evidence += evidence[:n].tolist()
        self.seen += len(levels)

    def run_in_pieces(self, levels: U16, cuts: list[int]) -> None:
        for piece in np.split(levels, sorted(cuts)):
            self.run(piece)

    @property
    def statistic(self) -> float:
        return float(mixture(self.state))
