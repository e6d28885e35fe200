"""Is a share unusual, next to the same share in earlier panes?

Panes differ by more than chance: labels come in nightly batches, at weekends fewer. So the spread *between* panes is
what a new one is measured with, at least the spread that chance alone gives at its size:

    t = (mean - share) / sqrt(max(s^2, mean (1 - mean) / n) (1 + 1/k)),      Student's t with k - 1 degrees of freedom

mean and s over the last k panes, at most 64. With few panes the tails are heavy, and the test is careful by itself.

Source: the prediction interval for one more observation, e.g. G. Hahn, W. Meeker, "Statistical Intervals" (1991), sec. 4.7.
"""

from __future__ import annotations

import math
from typing import Final

from scipy import special

PANES_MIN: Final = 8
PANES_MAX: Final = 64


class ShareHistory:
    """The shares of the last panes; `shares` is the state, oldest first."""

    def __init__(self, shares: list[float] | None = None) -> None:
        self.shares = list(shares or [])

    def add(self, share: float) -> None:
        """A pane that is nothing unusual."""
        self.shares.append(share)
        del self.shares[:-PANES_MAX]

    @property
    def mean(self) -> float | None:
        """None while there are fewer than eight panes."""
        k = len(self.shares)
        return math.fsum(self.shares) / k if k >= PANES_MIN else None

    def p_below(self, share: float, n: int) -> float | None:
        """How likely a pane of n > 0 would have this share or a smaller one; None while that cannot be told.

        >>> ShareHistory([0.5, 0.52, 0.48, 0.51, 0.49, 0.5, 0.53, 0.47]).p_below(0.1, n=1_000) < 1e-6
        True
        """
        mean = self.mean
        if mean is None:
            return None
        k = len(self.shares)
        variance = math.fsum((s - mean) ** 2 for s in self.shares) / (k - 1)
        # a mean of 0 or 1 is known no better than to half an event in all
        p = min(max(mean, 0.5 / (k * n)), 1.0 - 0.5 / (k * n))
        spread = math.sqrt(max(variance, p * (1.0 - p) / n) * (1.0 + 1.0 / k))
        return float(special.stdtr(k - 1, (share - mean) / spread))

    def p_above(self, share: float, n: int) -> float | None:
        """How likely this share or a larger one would be."""
        below = ShareHistory([1.0 - s for s in self.shares])
        return below.p_below(1.0 - share, n)
