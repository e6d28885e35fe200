"""How often detectors alarm on streams that have not changed: realised / stated rate. Bar B1.

Independent values, thresholds from the stated rate, latches on (an alarm is counted once per onset, and the time until the
detector is armed again counts as time without alarms: that is what a user sees).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import monitors
import numpy as np
from changes import Draw, missing, no_change
from scipy import stats

VALUES_PER_SEED = 10_000_000
_RUN = 1_000_000

POOLED_BAR = (0.5, 1.0)
SEED_BAR = 1.3


class Case(NamedTuple):
    """A detector on a stream. judged: whether bar B1 is about it."""

    name: str
    make: Callable[[np.random.Generator], monitors.MakeMonitor]
    draw: Draw
    arl: float
    seeds: int
    judged: bool


class Row(NamedTuple):
    """values: in all; alarms: of each seed."""

    case: Case
    alarms: list[int]

    @property
    def values(self) -> int:
        return len(self.alarms) * VALUES_PER_SEED

    @property
    def ratio(self) -> float:
        return sum(self.alarms) * self.case.arl / self.values

    @property
    def largest(self) -> float:
        return max(self.alarms) * self.case.arl / VALUES_PER_SEED

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the ratio: exact Poisson limits of the number of alarms (Garwood 1936)."""
        k, expected = sum(self.alarms), self.values / self.case.arl
        low = stats.chi2.ppf(0.025, 2 * k) / 2 / expected if k else 0.0
        return float(low), float(stats.chi2.ppf(0.975, 2 * k + 2) / 2 / expected)

    @property
    def met(self) -> bool:
        return POOLED_BAR[0] <= self.ratio <= POOLED_BAR[1] and self.largest <= SEED_BAR

    def raw(self) -> dict[str, Any]:
        return {
            "case": self.case.name,
            "arl": self.case.arl,
            "values_per_seed": VALUES_PER_SEED,
            "alarms": self.alarms,
            "realised_over_stated": self.ratio,
            "interval_95": self.interval,
            "largest_seed": self.largest,
            "bar": "B1" if self.case.judged else None,
        }


def cases(seeds: int) -> list[Case]:
    few = max(seeds // 4, 1)
    return [
        Case("e-detector, never missing", _always(monitors.shiryaev_roberts(0, 20_000)), no_change, 1e5, seeds, True),
        Case(
            "e-detector, 5 % missing",
            _always(monitors.shiryaev_roberts(1_000, 20_000)),
            missing(0.05),
            1e5,
            seeds,
            True,
        ),
        Case(
            "e-detector, bets on values only", _always(monitors.shiryaev_roberts(None, 0)), no_change, 1e5, seeds, True
        ),
        Case("e-detector, never missing", _always(monitors.shiryaev_roberts(0, 20_000)), no_change, 1e4, few, False),
        Case("e-detector, never missing", _always(monitors.shiryaev_roberts(0, 20_000)), no_change, 1e6, seeds, False),
        Case("chi-square cascade, m = 80,000", _cascade(80_000), no_change, 1e5, seeds, False),
        Case("chi-square cascade, m = 80,000", _cascade(80_000), no_change, 1e6, seeds, False),
        Case("Page-Hinkley", _always(monitors.page_hinkley), no_change, 1e5, few, False),
        Case("Page-Hinkley", _always(monitors.page_hinkley), no_change, 1e6, seeds, False),
        Case("ADWIN", _always(monitors.adwin), no_change, 1e5, few, False),
        Case("ADWIN", _always(monitors.adwin), no_change, 1e6, seeds, False),
    ]


def _always(make: monitors.MakeMonitor) -> Callable[[np.random.Generator], monitors.MakeMonitor]:
    return lambda rng: make


def _cascade(n: int) -> Callable[[np.random.Generator], monitors.MakeMonitor]:
    """A new reference for every 500,000 values: what is promised is the mean over references."""
    return lambda rng: monitors.chi_square(monitors.random_reference(rng, n))


def measure(case: Case, seed: int) -> Row:
    alarms = []
    for k in range(case.seeds):
        rng = np.random.default_rng([seed, k])
        alarms.append(_alarms(case, rng))
    return Row(case, alarms)


def _alarms(case: Case, rng: np.random.Generator) -> int:
    alarms = 0
    monitor = case.make(rng)(1.0 / case.arl)
    for start in range(0, VALUES_PER_SEED, _RUN):
        if start and case.name.startswith("chi-square"):
            monitor = case.make(rng)(1.0 / case.arl)
        alarms += len(monitor(case.draw(rng, _RUN)))
    return alarms


def table(rows: list[Row]) -> list[str]:
    lines = [f"{'':34} {'ARL':>9} {'values':>8} {'alarms':>6}  realised/stated (95 %)   largest seed  bar"]
    for row in rows:
        low, high = row.interval
        bar = ("met" if row.met else "MISSED") if row.case.judged else "-"
        lines.append(
            f"{row.case.name:34} {row.case.arl:9.0e} {row.values:8.1e} {sum(row.alarms):6}  "
            f"{row.ratio:5.2f} ({low:.2f}-{high:.2f}){row.largest:17.2f}       {bar}"
        )
    return lines
