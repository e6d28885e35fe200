"""When a mixture of bets alarms and is armed again, in plain Python: what `standing.judge` must equal."""

from __future__ import annotations


class PlainStanding:
    """Stakes of `lanes` bets against a threshold A; subclasses make the bets."""

    def __init__(self, threshold: float, lanes: int) -> None:
        self.threshold = threshold
        self.stakes: list[float] = [0.0] * lanes
        self.seen = 0
        self.held = False
        self.mark = 0
        self.took = 0
        self.onsets: list[tuple[int, float, float]] = [(0, 0, 0)] * lanes

    @property
    def statistic(self) -> float:
        """The stakes, added up from the left."""
        total = 0.0
        for stake in self.stakes:
            total += stake
        return total

    def judge(self, resting: float) -> str:
        """What the last bets made of it. resting: where the statistic lies without drift."""
        total, rest = self.statistic, min(3.0 * resting, 0.5 * self.threshold)
        if not self.held:
            if total >= self.threshold:
                self.held, self.took, self.mark = True, self.seen - self.mark, self.seen
                return "alarming"
            if total < rest:
                self.mark = self.seen
                return "at rest"
            return "moving"
        if total >= max(0.1 * self.threshold, rest):
            self.mark = self.seen
            self._cut(2.0 * self.threshold)
        elif self.seen - self.mark >= self.took:
            self.held, self.mark = False, self.seen
            self.stakes = [0.0] * len(self.stakes)
        return "holding"

    def note_rest(self, resting: list[float], scale: float, n: float, total: float) -> None:
        """Lanes whose stake is low remember where they are."""
        for j, stake in enumerate(self.stakes):
            if stake < 0.5 * self.threshold / len(self.stakes) and stake * scale < 3.0 * resting[j]:
                self.onsets[j] = (self.seen, n, total)

    def _cut(self, cap: float) -> None:
        if self.statistic > cap:
            small = [s for s in self.stakes if s <= cap / 32.0]
            rest = 0.0
            for s in small:
                rest += s
            height = (cap - rest) / (len(self.stakes) - len(small))
            self.stakes = [min(s, height) for s in self.stakes]
