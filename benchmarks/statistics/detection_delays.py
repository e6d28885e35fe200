"""How soon detectors find a change: median delay in values at an average run length of 1e6. Bar B5.

2,000 values without change, then at most 60,000 with it; a run that finds nothing counts as infinitely late, a run that
alarms before the change is left out and counted. Each detector has the whole rate to itself, as in the bar; the last
column is the pair with the rate split as the budget splits it, .6 : .4.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import changes
import monitors
import numpy as np
from changes import Draw
from scipy import stats

from driftline.processors.detectors.category_bets import category_bets

CLEAN = 2_000
LIMIT = 60_000
ARL = 1e6
REFERENCE_N = 80_000
_FIRST_RUN = 2_000

NOTHING_MISSING = monitors.shiryaev_roberts(0, REFERENCE_N)
SOME_MISSING = monitors.shiryaev_roberts(REFERENCE_N // 20, REFERENCE_N)
CASCADE = monitors.chi_square(np.append(np.full(64, REFERENCE_N / 64), np.zeros(4)))

SHARES = (0.45, 0.1, 0.1, 0.05, 0.3)
SHARES_NOW = (0.40, *(share * 0.6 / 0.55 for share in SHARES[1:]))
SHARES_SECOND = (0.40, 0.15, *SHARES[2:])
CATEGORY_BETS = monitors.shiryaev_roberts(0, REFERENCE_N, category_bets(np.array(SHARES) * REFERENCE_N))
CATEGORY_CASCADE = monitors.chi_square(monitors.category_reference(SHARES, REFERENCE_N), SHARES)
SEVENTEEN_FIELDS = 2e5 * 17 * 2
"""The threshold of one field of 17 at one alarm in 200,000 events, half of the budget for the e-detector."""


class Case(NamedTuple):
    """A change. bar: the largest median delay of the e-detector, None = shown only; its threshold is `arl`."""

    name: str
    draw: Draw
    bar: float | None = None
    before: Draw = changes.no_change
    arl: float = ARL
    detector: monitors.MakeMonitor = NOTHING_MISSING
    cascade: monitors.MakeMonitor = CASCADE


class Row(NamedTuple):
    """Delays in values, inf = not found: of the e-detector, of the cascade, of the pair; early: runs left out."""

    case: Case
    online: list[float]
    windows: list[float]
    pair: list[float]
    early: int

    @property
    def met(self) -> bool:
        return self.case.bar is None or float(np.median(self.online)) <= self.case.bar

    def raw(self) -> dict[str, Any]:
        def numbers(delays: list[float]) -> list[int | None]:
            return [int(delay) if np.isfinite(delay) else None for delay in delays]

        return {
            "case": self.case.name,
            "arl": self.case.arl,
            "bar": self.case.bar,
            "delays": {
                "e-detector": numbers(self.online),
                "cascade": numbers(self.windows),
                "pair": numbers(self.pair),
            },
            "alarms_before_the_change": self.early,
        }


def cases() -> list[Case]:
    normal, decile = changes.normal, changes.decile_to_the_next
    return [
        Case("mean + .05 sd", normal(0.05)),
        Case("mean + .1 sd", normal(0.1), 2_000),
        Case("mean + .2 sd", normal(0.2), 620),
        Case("mean + .5 sd", normal(0.5), 125),
        Case("mean + 1 sd", normal(1.0)),
        Case("mean + .1 sd, 5 % missing", *_missing(normal(0.1)), detector=SOME_MISSING),
        Case("mean + .2 sd, 5 % missing", *_missing(normal(0.2)), detector=SOME_MISSING),
        Case("mean + .5 sd, 5 % missing", *_missing(normal(0.5)), detector=SOME_MISSING),
        Case("scale x 1.1", normal(scale=1.1)),
        Case("scale x 1.3", normal(scale=1.3), 260),
        Case("scale x .8", normal(scale=0.8)),
        Case("half of the decile .4-.5 to the next", decile(0.5, 4), 1_250),
        *(Case(f"half of the decile .{d}-.{d + 1} to the next", decile(0.5, d)) for d in (0, 1, 2, 3, 5, 6, 7)),
        Case("half of the decile .8-.9 to the next", decile(0.5, 8)),
        Case("20 % of the decile .4-.5 to the next", decile(0.2, 4)),
        Case("2 % of the values into the top 2 %", changes.into(0.02, 0.98, 1.0)),
        Case("10 % of the values into the top decile", changes.into(0.1, 0.9, 1.0)),
        Case("share .45 -> .40, others in proportion", *_category(SHARES_NOW, 2_600)),
        Case("share .45 -> .40, the second .1 -> .15", *_category(SHARES_SECOND, 2_600)),
        Case("missing 0 -> 2 %", changes.missing(0.02), 300, arl=SEVENTEEN_FIELDS),
    ]


def _missing(draw: Draw) -> tuple[Draw, float | None, Draw]:
    return changes.missing(0.05, draw), None, changes.missing(0.05)


def _category(
    now: tuple[float, ...], bar: float
) -> tuple[Draw, float, Draw, float, monitors.MakeMonitor, monitors.MakeMonitor]:
    before = changes.categories(SHARES, SHARES)
    return changes.categories(SHARES, now), bar, before, SEVENTEEN_FIELDS, CATEGORY_BETS, CATEGORY_CASCADE


def measure(case: Case, runs: int, seed: int) -> Row:
    online: list[float] = []
    windows: list[float] = []
    pair: list[float] = []
    early = 0
    for k in range(runs):
        rate = 1.0 / case.arl
        made = [case.detector(rate), case.cascade(rate), case.detector(0.6 * rate), case.cascade(0.4 * rate)]
        delays = _delays(case, made, np.random.default_rng([seed, k]))
        if delays is None:
            early += 1
            continue
        online.append(delays[0])
        windows.append(delays[1])
        pair.append(min(delays[2:]))
    return Row(case, online, windows, pair, early)


def _delays(case: Case, made: list[monitors.Monitor], rng: np.random.Generator) -> list[float] | None:
    """The delay of each monitor on one stream; None if any alarms before the change."""
    clean = case.before(rng, CLEAN)
    if sum(len(monitor(clean)) for monitor in made):
        return None
    delays = [np.inf] * len(made)
    at, length = 0, _FIRST_RUN
    while at < LIMIT and np.inf in delays:
        levels = case.draw(rng, min(length, LIMIT - at))
        for i, monitor in enumerate(made):
            if delays[i] == np.inf:
                hits = monitor(levels)
                delays[i] = at + int(hits[0]) + 1 if len(hits) else np.inf
        at += len(levels)
        length *= 2
    return delays


def _median(delays: list[float]) -> str:
    """Median, its 95 % interval (order statistics), and the share of runs that found nothing."""
    ordered = np.sort(delays)
    n = len(ordered)
    low, high = (int(stats.binom.ppf(q, n, 0.5)) for q in (0.025, 0.975))
    middle, a, b = (f"{x:,.0f}" if np.isfinite(x) else "-" for x in (np.median(ordered), ordered[low], ordered[high]))
    missed = float(np.isinf(ordered).mean())
    return f"{middle:>6} ({a}-{b})" + (f" {missed:.0%} missed" if missed else "")


def table(rows: list[Row]) -> list[str]:
    lines = [f"{'change':39} {'ARL':>6} {'e-detector, median (95 %)':31} {'cascade':31} {'the pair':25} bar"]
    for row in rows:
        bar = "" if row.case.bar is None else f"{row.case.bar:,.0f} {'met' if row.met else 'MISSED'}"
        lines.append(
            f"{row.case.name:39} {row.case.arl:6.1e} {_median(row.online):31} {_median(row.windows):31} "
            f"{_median(row.pair):25} {bar}"
        )
    early = sum(row.early for row in rows)
    lines.append(f"left out because of an alarm before the change: {early} of {sum(_runs(row) for row in rows):,} runs")
    return lines


def _runs(row: Row) -> int:
    return len(row.online) + row.early
