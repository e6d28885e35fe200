"""The Shiryaev-Roberts mixture in plain Python, value by value: what the kernel must equal, bit for bit."""

from __future__ import annotations

from driftline.processors.arrays import F64
from driftline.processors.detectors.bets import BETS, VALUE_BETS, value_bets


class PlainShiryaevRoberts:
    """See `shiryaev_roberts`. After the bets come the first four of `alarm_limits`. table: None = `bets.value_bets`."""

    def __init__(
        self, bets: F64, threshold: float, cap: float, rearm: float, rest: float, table: F64 | None = None
    ) -> None:
        self.threshold, self.cap, self.rearm, self.rest = threshold, cap, rearm, rest
        self.weights, self.on_present, self.on_missing = bets.tolist()
        self.table = (value_bets() if table is None else table).tolist()
        self.stakes = [0.0] * BETS
        self.latched = False
        self.seen = 0
        self.at_rest = 0
        self.last_high = 0
        self.evidence_took = 0

    def update(self, level: int) -> bool:
        """Take one value, 0..255 or 256 = missing; whether it alarms."""
        if self.seen % 8 == 0:
            self._look_around()
        on_missing = self.on_missing if level == 256 else self.on_present
        on_value = self.table[level]
        for j in range(VALUE_BETS if level == 256 else 0, BETS):
            e = on_value[j] if j < VALUE_BETS else on_missing[j]
            self.stakes[j] = (self.stakes[j] + self.weights[j]) * e
        self.seen += 1
        if self.latched or self.statistic < self.threshold:
            return False
        self.latched = True
        self.evidence_took = self.seen - self.at_rest
        self.last_high = self.seen
        return True

    def _look_around(self) -> None:
        if not self.latched:
            if self.statistic < self.rest:
                self.at_rest = self.seen
        elif self.statistic >= self.rearm:
            self.last_high = self.seen
            self._cut()
        elif self.seen - self.last_high >= self.evidence_took:
            self.latched = False
            self.at_rest = self.seen
            self.stakes = [0.0] * BETS

    def _cut(self) -> None:
        if self.statistic > self.cap:
            small = [s for s in self.stakes if s <= self.cap / 32.0]
            rest = 0.0
            for s in small:
                rest += s
            height = (self.cap - rest) / (BETS - len(small))
            self.stakes = [min(s, height) for s in self.stakes]

    @property
    def statistic(self) -> float:
        """Pairs, pairs of pairs, eights; then the three eights from the left."""
        sums = self.stakes
        for _ in range(3):
            sums = [a + b for a, b in zip(sums[::2], sums[1::2], strict=True)]
        return (sums[0] + sums[1]) + sums[2]
