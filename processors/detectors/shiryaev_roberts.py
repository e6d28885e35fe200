"""The online detector that carries the budget: a Shiryaev-Roberts mixture of bets against "nothing has changed".

Lane j holds the stake S_j = w_j R_j. Every value first adds the weight, then multiplies by the bet of its level:

    S_j <- (S_j + w_j) e_j(level),      alarm when S_0 + ... + S_23 >= A

So R_j is the sum, over all possible onsets, of the wealth of a gambler who began to bet there. Without drift R_j - t is
a martingale, so the average run length to a false alarm is at least A, whatever the field; no simulation is needed. A
missing value moves the six lanes that bet on missing values; for the others it does not take a turn.

*Latch*, one alarm per onset: after an alarm the bets go on, the statistic is kept at or below 10 A, and the detector is
armed again, with all stakes 0, when the statistic has stayed below A / 10 for as many values as the evidence of the
alarm took. (Once below A / 10 is what a small drift is time and again: docs/decisions/one-alarm-per-onset.md.)
Limit and re-arming are looked at where the monitor's own count of values is a multiple of 8, the alarm at every value.

*Speed*: blocks of 8 values, lane by lane, so that lanes of bets become lanes of SIMD registers. No value of a block is
looked at alone when the statistic at its start is so small that 8 values cannot lift it to A (`_quiet_limits`), a bound
that holds with rounding included: no crossing is missed. Blocks end at multiples of 8 of the monitor's own count, so
how a log is cut into batches never shows.

Sources: M. Pollak, "Optimal detection of a change in distribution", Ann. Statist. 13 (1985), section 2; J. Shin,
A. Ramdas, A. Rinaldo, "E-detectors: a nonparametric framework for sequential change detection" (2022), section 2.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from driftline.processors.arrays import F64, I64, U8, U16
from driftline.processors.detectors.bets import (
    BETS,
    LEVELS,
    MISSING_LEVEL,
    VALUE_BETS,
    field_bets,
    growth_max,
    resting_statistic,
    value_bets,
)
from driftline.processors.detectors.kernel_detector import KernelDetector
from driftline.processors.detectors.protocol import LARGEST_VALUE, Evidence
from driftline.processors.kernels import njit_uncounted

BLOCK: Final = 8
MARKS: Final = 3

# `limits`: what a run compares the statistic with
ALARM: Final = 0
CAP: Final = 1
REARM: Final = 2
REST: Final = 3
QUIET: Final = 4  # first of nine: QUIET + c is for a block with c missing values
LIMITS: Final = QUIET + BLOCK + 1

CAP_FACTOR: Final = 10.0
REARM_FACTOR: Final = 0.1
REST_FACTOR: Final = 3.0  # of the resting statistic: a lower one dates the onset too early, a higher one too late

SMALLEST_THRESHOLD: Final = 10.0
LARGEST_THRESHOLD: Final = 1e100


def alarm_limits(threshold: float, bets: F64, table: F64 | None = None) -> F64:
    """float64[13] for `shiryaev_roberts_run`: alarm, cap, re-arm, rest, then nine limits of a quiet block.

    threshold: A, the average run length in values, 10..1e100; bets: float64[3, 24] of `bets.field_bets`; table: the
    bets on values that the run is given too, None = `bets.value_bets`. Raises ValueError for any other threshold.
    """
    if table is None:
        table = value_bets()
    if not SMALLEST_THRESHOLD <= threshold <= LARGEST_THRESHOLD:
        raise ValueError(f"threshold {threshold!r}: give the average run length, 10 to 1e100 values")
    limits = np.empty(LIMITS)
    limits[ALARM] = threshold
    limits[CAP] = CAP_FACTOR * threshold
    limits[REST] = min(REST_FACTOR * resting_statistic(bets, table), 0.5 * threshold)
    limits[REARM] = max(REARM_FACTOR * threshold, limits[REST])  # below its rest the statistic seldom is
    limits[QUIET:] = _quiet_limits(threshold, *growth_max(bets, table))
    return limits


def _quiet_limits(threshold: float, present: float, missing: float) -> F64:
    """float64[9]: below entry c, 8 values of which c are missing cannot lift the statistic to the threshold.

    present, missing: the most by which such a value multiplies any lane, at least 1. One value turns a statistic S into
    at most (S + 1) g, g the largest bet, so 8 values into (S + 8) g_1 ... g_8.
    The margins cover the rounding of 8 steps and of the sum (a few 1e-15) many times over.
    """
    c = np.arange(BLOCK + 1)
    growth = present ** (BLOCK - c) * missing**c
    return np.asarray(threshold / growth * (1.0 - 1e-9) - (BLOCK + 1e-6), np.float64)


# The kernels are put into their callers whole (forceinline), without Python's test for division by zero, and a helper has
# no branch: else numba counts references to the arrays, which takes 200 ns a run, ten times what a run of one value does.


@njit_uncounted(fastmath=False, error_model="numpy", forceinline=True)
def mixture(state: F64) -> float:
    """The statistic: float64[24] stakes, added up as a fixed tree."""
    s = state
    a = ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]))
    b = ((s[8] + s[9]) + (s[10] + s[11])) + ((s[12] + s[13]) + (s[14] + s[15]))
    c = ((s[16] + s[17]) + (s[18] + s[19])) + ((s[20] + s[21]) + (s[22] + s[23]))
    return (a + b) + c  # type: ignore[no-any-return]


@njit_uncounted(fastmath=False, error_model="numpy", forceinline=True)
def _bet_present(state: F64, level: np.int64, table: F64, bets: F64) -> None:
    # a length that the compiler does not know: 24 steps it would unroll, and so not vectorise
    for j in range(state.shape[0]):
        state[j] = (state[j] + bets[0, j]) * (table[level, j] * bets[1, j])  # one of the two factors is 1


@njit_uncounted(fastmath=False, error_model="numpy", forceinline=True)
def _bet_missing(state: F64, bets: F64) -> None:
    for j in range(VALUE_BETS, BETS):
        state[j] = (state[j] + bets[0, j]) * bets[2, j]


@njit_uncounted(fastmath=False, error_model="numpy", forceinline=True)
def _bet_eight_present(state: F64, levels: U16, start: int, table: F64, bets: F64) -> None:
    """Eight present values at once: the same operations on each lane in the same order as `_bet_present`."""
    a, b = np.int64(levels[start]), np.int64(levels[start + 1])
    c, d = np.int64(levels[start + 2]), np.int64(levels[start + 3])
    e, f = np.int64(levels[start + 4]), np.int64(levels[start + 5])
    g, h = np.int64(levels[start + 6]), np.int64(levels[start + 7])
    for j in range(state.shape[0]):
        s = state[j]
        w = bets[0, j]
        present = bets[1, j]
        s = (s + w) * (table[a, j] * present)
        s = (s + w) * (table[b, j] * present)
        s = (s + w) * (table[c, j] * present)
        s = (s + w) * (table[d, j] * present)
        s = (s + w) * (table[e, j] * present)
        s = (s + w) * (table[f, j] * present)
        s = (s + w) * (table[g, j] * present)
        s = (s + w) * (table[h, j] * present)
        state[j] = s


@njit_uncounted(fastmath=False, error_model="numpy", forceinline=True)
def cut_to(state: F64, cap: float) -> None:
    """Cut the tallest lanes to one height, so that a statistic above `cap` becomes `cap`.

    The others keep their stake: when the leading bet has a bad run, they hold the latch.
    """
    tall_from = cap / 32.0  # some lane is taller: 24 lanes add up to more than `cap`
    tall = 0
    rest = 0.0
    for j in range(state.shape[0]):
        if state[j] > tall_from:
            tall += 1
        else:
            rest += state[j]
    height = (cap - rest) / tall
    for j in range(state.shape[0]):
        if state[j] > height:
            state[j] = height


@njit_uncounted(fastmath=False, error_model="numpy", forceinline=True)
def shiryaev_roberts_run(
    state: F64,
    latched: U8,
    marks: I64,
    seen: int,
    levels: U16,
    table: F64,
    bets: F64,
    limits: F64,
    hits: I64,
    evidence: F64,
) -> int:
    """Feed a run of values, in order, to one monitor; the number of alarms, at most one in 8 values.

    state: float64[24] stakes, latched: uint8[1], marks: int64[3]: all zero when new, changed in place. marks[0]: the
    count of values when the statistic was last at rest; latched: when it was last not below the re-arm limit. marks[1],
    marks[2]: onset of the last alarm, and how many values its evidence took. seen: values of this monitor so far.
    levels: uint16[n], 0..255, 256 = missing. table: float64[257, 24], `bets.value_bets` or `category_bets`. bets:
    float64[3, 24], `bets.field_bets`. limits: float64[13], `alarm_limits`. hits: int64[H], evidence: float64[H, 4]: see
    `protocol`; the last column counts the values since the statistic was at rest, an estimate of how long ago the
    change began.
    """
    n = levels.shape[0]
    n_hits = 0
    i = 0
    while i < n:
        at = seen + i
        stop = min(n, i + BLOCK - (at & (BLOCK - 1)))
        total = mixture(state)
        if at & (BLOCK - 1) == 0:
            if latched[0] == 0:
                if total < limits[REST]:
                    marks[0] = at
            elif total >= limits[REARM]:
                marks[0] = at
                if total > limits[CAP]:
                    cut_to(state, limits[CAP])
            elif at - marks[0] >= marks[2]:
                latched[0] = 0
                marks[0] = at
                state[:] = 0.0
                total = 0.0
        missing = np.int64(0)
        for k in range(i, stop):
            missing += np.int64(levels[k]) >> 8
        if latched[0] != 0 or total < limits[QUIET + missing]:
            if missing == 0 and stop - i == BLOCK:
                _bet_eight_present(state, levels, i, table, bets)
            else:
                for k in range(i, stop):
                    if levels[k] == MISSING_LEVEL:
                        _bet_missing(state, bets)
                    else:
                        _bet_present(state, np.int64(levels[k]), table, bets)
        else:
            for k in range(i, stop):
                if levels[k] == MISSING_LEVEL:
                    _bet_missing(state, bets)
                else:
                    _bet_present(state, np.int64(levels[k]), table, bets)
                if latched[0] == 0:
                    total = mixture(state)
                    if total >= limits[ALARM]:
                        count = seen + k + 1
                        latched[0] = 1
                        marks[1] = marks[0]
                        marks[2] = count - marks[0]
                        marks[0] = count
                        if n_hits < hits.shape[0]:
                            hits[n_hits] = k
                            evidence[n_hits, 0] = total
                            evidence[n_hits, 1] = limits[ALARM]
                            evidence[n_hits, 2] = count
                            evidence[n_hits, 3] = marks[2]
                        n_hits += 1
        i = stop
    return n_hits


def shiryaev_roberts_evidence(state: F64, latched: U8, marks: I64, seen: int, limits: F64) -> Evidence:
    """Where one monitor stands; the statistic is an e-value in the sense of Shin et al. and is shown up to 10 A."""
    onset = int(marks[1] if latched[0] else marks[0])
    statistic = min(float(mixture(state)), float(limits[CAP]))
    return Evidence(statistic, float(limits[ALARM]), float(seen), float(seen - onset))


class ShiryaevRoberts(KernelDetector):
    """Shiryaev-Roberts e-detector: finds shifts, changes of scale and local changes of a stream uniform on [0, 1).

    Feed it u = F(x), F the distribution function of the reference (randomised where it jumps); u below 0 or above 1
    counts as the nearest end. Alarms once for one onset.

    Parameters
    ----------
    arl
        The average number of values to a false alarm is at least this: 10 to 1e100. Default 1,000,000.

    >>> rng = np.random.default_rng(1)
    >>> u = np.concatenate([rng.random(2_000), rng.random(1_000) ** 1.3])  # the reference, then a shift by -.27 sd
    >>> detector = ShiryaevRoberts(arl=1e6)
    >>> [i for i, x in enumerate(u) if detector.update(x)]
    [2168]

    It goes on to say how strong the drift is and since when.

    >>> detector.statistic == 10 * detector.threshold, detector.evidence.n_since_change
    (True, 928.0)

    References
    ----------
    M. Pollak, "Optimal detection of a change in distribution", Ann. Statist. 13 (1985), pp. 206-227.
    J. Shin, A. Ramdas, A. Rinaldo, "E-detectors: a nonparametric framework for sequential change detection" (2022).
    """

    def __init__(self, arl: float = 1e6) -> None:
        self.arl = arl
        self._bets = field_bets(None, 0)
        self._limits = alarm_limits(arl, self._bets)
        self._stakes: F64 = np.zeros(BETS)
        self._latched: U8 = np.zeros(1, np.uint8)
        self._marks: I64 = np.zeros(MARKS, np.int64)
        self._seen: I64 = np.zeros(1, np.int64)
        super().__init__(
            {"arl": arl},
            {"stakes": self._stakes, "latched": self._latched, "marks": self._marks, "seen": self._seen},
            shortest_gap=BLOCK,
        )

    def _run(self, levels: U16, table: F64, hits: I64, evidence: F64) -> int:
        x = table[levels]
        taken = np.flatnonzero(np.abs(x) <= LARGEST_VALUE)
        u_levels = np.clip(x[taken] * LEVELS, 0, LEVELS - 1).astype(np.uint16)
        seen = int(self._seen[0])
        n_hits = shiryaev_roberts_run(
            self._stakes,
            self._latched,
            self._marks,
            seen,
            u_levels,
            value_bets(),
            self._bets,
            self._limits,
            hits,
            evidence,
        )
        hits[:n_hits] = taken[hits[:n_hits]]
        self._seen[0] += len(taken)
        return int(n_hits)

    def _standing(self) -> Evidence:
        return shiryaev_roberts_evidence(self._stakes, self._latched, self._marks, int(self._seen[0]), self._limits)
