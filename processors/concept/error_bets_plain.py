"""The e-detector of right and wrong in plain Python, for one group: what the kernel must equal, bit for bit."""

from __future__ import annotations

from driftline.processors.concept.error_bets import odds_and_weights, resting_stakes
from driftline.processors.concept.standing_plain import PlainStanding


class PlainErrorBets(PlainStanding):
    """See `error_bets`. threshold: A; reference: values and errors, (0, 0) = to be learnt from `learn_from` values."""

    def __init__(self, threshold: float, learn_from: int, reference: tuple[int, int] = (0, 0)) -> None:
        odds, weights = odds_and_weights()
        super().__init__(threshold, len(odds))
        self.resting = resting_stakes().tolist()
        self.odds, self.weights = odds.tolist(), weights.tolist()
        self.learn_from = 0 if reference[0] else learn_from
        self.n, self.errors = reference
        self.onsets = [(0, self.n, self.errors)] * len(odds)
        self.at_rest = reference

    def update(self, x: float) -> bool:
        """Take one value, 1 = error, 0 = none; whether it alarms."""
        self.seen += 1
        if self.n < self.learn_from:
            self.n, self.errors = self.n + 1, self.errors + int(x)
            self.at_rest, self.mark = (self.n, self.errors), self.seen
            self.note_rest(self.resting, 0.0, self.n, self.errors)
            return False
        p = (self.errors + 0.5) / (self.n + 1.0)
        for j, o in enumerate(self.odds):
            e = (o if x == 1.0 else 1.0) / (1.0 - p + o * p)
            self.stakes[j] = (self.stakes[j] + self.weights[j]) * e
        if not self.held:
            self.n, self.errors = self.n + 1, self.errors + int(x)
        variance, resting = p * (1.0 - p), 0.0
        for stake in self.resting:
            resting += stake
        standing = self.judge(resting / variance)
        self.note_rest(self.resting, variance, self.n, self.errors)
        if standing == "at rest":
            self.at_rest = (self.n, self.errors)
        elif standing == "alarming":
            self.n, self.errors = self.at_rest
        return standing == "alarming"
