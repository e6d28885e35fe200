"""Page-Hinkley and CUSUM: sums of deviations from a mean, which stay small until the mean has moved.

Two forms in one kernel:

* *fading* (river 0.26.1): deviations from the running mean, sums that fade by `alpha`; the statistic is the distance
  of a sum from its own extreme, and every alarm is followed by a fresh start:

      up = alpha up + dev - delta,  rise = up - min(up);    down = alpha down + dev + delta,  fall = max(down) - down

* *clipped*: sums that never fall below zero and are the statistic themselves. With the reference's mean and alpha = 1
  this is the two-sided CUSUM, whose average run length is known; with a running mean it is scikit-multiflow's form:

      up = max(0, alpha up + (dev - delta));                down = max(0, alpha down + (-dev - delta))

*Latch* (clipped form): one alarm per onset. After an alarm the sums go on but are kept at or below twice the threshold,
and the detector is armed again when both have fallen below a tenth of it.

Sources: E. S. Page, "Continuous inspection schemes", Biometrika 41 (1954), section 3; D. V. Hinkley, "Inference about
the change-point from cumulative sum tests", Biometrika 58 (1971). The order of operations is river's, so that alarms
fall on the same values.
"""

from __future__ import annotations

import math
from typing import Final, Literal, TypeAlias

import numpy as np

from driftline.processors.arrays import F64, I64, U8, U16
from driftline.processors.detectors.kernel_detector import KernelDetector, StateArrays
from driftline.processors.detectors.protocol import LARGEST_VALUE, Evidence
from driftline.processors.kernels import njit_uncounted

# values so far, running mean, up, down; then in the fading form min(up) and max(down), in the clipped form how many
# values ago up and down were last zero
PAGE_HINKLEY_STATE: Final = 6

BOTH: Final = 0
UP: Final = 1
DOWN: Final = 2

# Latched sums are kept at or below so many thresholds: the way back must not depend on how long a drift lasted.
CAP_FACTOR: Final = 2.0
REARM_FACTOR: Final = 0.1

# river starts the maximum at -1, not at minus infinity
_FIRST_MAXIMUM: Final = -1.0


@njit_uncounted(error_model="numpy")
def page_hinkley_run(
    state: F64,
    latched: U8,
    levels: U16,
    table: F64,
    fixed_mean: float,
    min_instances: float,
    delta: float,
    threshold: float,
    alpha: float,
    mode: int,
    clipped: bool,
    latch: bool,
    hits: I64,
    evidence: F64,
) -> int:
    """Feed a run of values, in order, to one monitor; the number of alarms.

    state: float64[6], latched: uint8[1]: the monitor's state, all zero when new, changed in place.
    levels: uint16[n], value i is table[levels[i]]; table: float64[L], NaN for a level without a value: it is skipped.
    fixed_mean: NaN for the running mean; used in the clipped form only, as `latch` is. min_instances: no alarm at fewer
    values. delta, threshold: in units of the values. mode: `BOTH`, `UP` or `DOWN`. hits: int64[H], evidence:
    float64[H, 4]: see `protocol`.
    """
    up_limit = threshold if mode != DOWN else math.inf
    down_limit = threshold if mode != UP else math.inf
    cap, calm = CAP_FACTOR * threshold, REARM_FACTOR * threshold
    running = not clipped or math.isnan(fixed_mean)
    count, up, down = state[0], state[2], state[3]
    mean = state[1] if running else fixed_mean
    low, high = (state[4], state[5]) if count > 0.0 else (math.inf, _FIRST_MAXIMUM)
    up_age, down_age = (state[4], state[5]) if clipped else (0.0, 0.0)
    armed = latched[0] == 0
    n_hits = 0
    for i in range(len(levels)):
        x = table[levels[i]]
        if not abs(x) <= LARGEST_VALUE:
            continue
        count += 1.0
        if running:
            mean += (1.0 / count) * (x - mean)
        dev = x - mean
        if clipped:
            rise = alpha * up + (dev - delta)
            fall = alpha * down + (-dev - delta)
            rise = rise if rise > 0.0 else 0.0
            fall = fall if fall > 0.0 else 0.0
            up, down = rise, fall
            up_age = (up_age + 1.0) * (up > 0.0)
            down_age = (down_age + 1.0) * (down > 0.0)
        else:
            up = alpha * up + dev - delta
            down = alpha * down + dev + delta
            low = up if up < low else low
            high = down if down > high else high
            rise, fall = up - low, high - down
        if not armed:
            up = up if up < cap else cap
            down = down if down < cap else cap
            armed = (up < calm or mode == DOWN) and (down < calm or mode == UP)
        elif (rise > up_limit or fall > down_limit) and count >= min_instances:
            rising = rise > up_limit
            if n_hits < len(hits):
                hits[n_hits] = i
                evidence[n_hits, 0] = rise if rising else fall
                evidence[n_hits, 1] = threshold
                evidence[n_hits, 2] = count
                evidence[n_hits, 3] = up_age if rising else down_age
            n_hits += 1
            if latch and clipped:
                armed = False
            else:
                count, up, down, up_age, down_age = 0.0, 0.0, 0.0, 0.0, 0.0
                mean = 0.0 if running else fixed_mean
                low, high = math.inf, _FIRST_MAXIMUM
    state[0], state[1], state[2], state[3] = count, (mean if running else 0.0), up, down
    state[4], state[5] = (up_age, down_age) if clipped or count == 0.0 else (low, high)
    latched[0] = 0 if armed else 1
    return n_hits


Mode: TypeAlias = Literal["both", "up", "down"]
_MODES: Final = {"both": BOTH, "up": UP, "down": DOWN}


class PageHinkleyFamily(KernelDetector):
    """What `PageHinkley` and `Cusum` share: checked parameters, the state, one call of the kernel."""

    def __init__(
        self,
        min_instances: int,
        delta: float,
        threshold: float,
        alpha: float,
        mode: Mode,
        *,
        mean: float | None = None,
        clipped: bool = False,
        latch: bool = False,
    ) -> None:
        if mode not in _MODES:
            raise ValueError(f"mode={mode!r}: write one of {', '.join(_MODES)}")
        if min_instances < 1:
            raise ValueError(f"min_instances={min_instances!r}: write 1 or more")
        if not 0.0 <= delta < math.inf:
            raise ValueError(f"delta={delta!r}: write a number of 0 or more, in units of the values")
        if not 0.0 < threshold < math.inf:
            raise ValueError(f"threshold={threshold!r}: write a number above 0, in units of the values")
        if not 0.0 < alpha <= 1.0:
            raise ValueError(f"alpha={alpha!r}: write a number above 0 and up to 1, for example 0.9999")
        self._limits = (float(min_instances), float(delta), float(threshold), float(alpha))
        self._mode = _MODES[mode]
        self._mean = math.nan if mean is None else float(mean)
        self._clipped = clipped
        self._latch = latch
        self._sums: F64 = np.zeros(PAGE_HINKLEY_STATE)
        self._latched: U8 = np.zeros(1, np.uint8)
        parameters = {
            "min_instances": min_instances, "delta": delta, "threshold": threshold, "alpha": alpha,
            "mode": mode, "mean": mean, "clipped": clipped, "latch": latch,
        }  # fmt: skip
        state: StateArrays = {"sums": self._sums, "latched": self._latched}
        super().__init__(parameters, state, shortest_gap=1)

    def _run(self, levels: U16, table: F64, hits: I64, evidence: F64) -> int:
        state = (self._sums, self._latched, levels, table)
        form = (self._mode, self._clipped, self._latch)
        return int(page_hinkley_run(*state, self._mean, *self._limits, *form, hits, evidence))

    def _standing(self) -> Evidence:
        count, _, up, down, low_or_age, high_or_age = self._sums.tolist()
        if self._clipped:
            sides = [(up, low_or_age), (down, high_or_age)]
        else:
            sides = [(up - low_or_age, 0.0), (high_or_age - down, 0.0)] if count else [(0.0, 0.0), (0.0, 0.0)]
        watched = {BOTH: sides, UP: sides[:1], DOWN: sides[1:]}[self._mode]
        statistic, age = max(watched)
        return Evidence(statistic, self._limits[2], count, age)


class PageHinkley(PageHinkleyFamily):
    """Page-Hinkley test as in river: alarms when the values run away from their own running mean.

    Alarms are those of `river.drift.PageHinkley` 0.26.1; but broken values are skipped. The mean it compares with comes
    from the stream itself, so how often it alarms falsely is not known in advance: `Cusum` is the form where it is.

    Parameters
    ----------
    min_instances
        No alarm before this many values. Default 30.
    delta
        Deviation that is tolerated, in units of the values. Default 0.005.
    threshold
        Alarm when the statistic is above it, in units of the values. Default 50.
    alpha
        What is left of the sums at each value, 0 < alpha <= 1. Default 0.9999.
    mode
        Which way the mean may not move: "up", "down" or "both". Default "both".

    >>> import random
    >>> rng = random.Random(12345)
    >>> stream = rng.choices([0, 1], k=1000) + rng.choices(range(4, 8), k=1000)
    >>> page_hinkley = PageHinkley()
    >>> [i for i, x in enumerate(stream) if page_hinkley.update(x)]
    [1006]

    References
    ----------
    E. S. Page, "Continuous inspection schemes", Biometrika 41 (1954), pp. 100-115.
    R. Sebastiao, J. M. Fernandes, "Supporting the Page-Hinkley test with empirical mode decomposition for change
    detection", ISMIS 2017, pp. 492-498.
    """

    def __init__(
        self,
        min_instances: int = 30,
        delta: float = 0.005,
        threshold: float = 50.0,
        alpha: float = 0.9999,
        mode: Mode = "both",
    ) -> None:
        super().__init__(min_instances, delta, threshold, alpha, mode)
