"""ADWIN: a window that grows while its mean stays put, and is thrown away when its older and newer parts disagree.

The window is kept as buckets: row r holds up to five sums of 2**r values each, oldest first; a sixth bucket makes the
two oldest merge into the next row. Every 32nd value (`CLOCK`) all places between two buckets are tried as the moment
of change: with n0 values before, n1 after, both at least 5, ADWIN alarms when the two means differ by more than

    epsilon = sqrt(2 m v d) + 2/3 m d,    m = 1/(n0 - 4) + 1/(n1 - 4),  v = variance,  d = ln(2 ln(n0 + n1) / delta)

Source: A. Bifet, R. Gavalda, "Learning from time-changing data with adaptive windowing", SDM 2007, section 3.2, with
the constants and the order of operations of river 0.26.1, so that alarms fall on the same values. As in river an alarm
throws the whole window away; so the variance of single buckets, which only matters to a cut window, is not kept.

*Bounded memory*: river's rows grow without end, here there are 14. When a sixth bucket arrives in the last row (first
at value 81,916) the oldest one is forgotten, its values counted as if they had the window's variance. From then on the
window holds 73,724 to 81,915 values; up to there nothing differs from river.

*Speed*: four values at a time, because from the 12th on rows 0 and 1 hold four buckets each whenever the number of
values is a multiple of four. And before the formula above is worked out, `_may_cut` rules out nearly every check by a
necessary condition without divisions. The helpers are inlined: when an array is handed to another function, numba
counts references, which takes 100 ns a run, more than a short run itself.
"""

from __future__ import annotations

import math
from typing import Final, Literal

import numpy as np

from driftline.processors.arrays import F64, I64, U8, U16
from driftline.processors.detectors.kernel_detector import KernelDetector, StateArrays
from driftline.processors.detectors.protocol import LARGEST_VALUE, Evidence
from driftline.processors.kernels import njit_uncounted

ADWIN_ROWS: Final = 14
ADWIN_MAX_BUCKETS: Final = 5
ADWIN_HEAD: Final = 4  # values so far, width, total, variance (sum of squared deviations)

# `mode`: what an alarm is about
BOTH: Final = 0
UP: Final = 1
"""The newer values are larger. A window whose newer part is smaller is thrown away without a word."""

CLOCK: Final = 32
MIN_WINDOW_LENGTH: Final = 5.0
# river's grace period of 10 values needs no code: the first check is at the 32nd

# The necessary condition rounds otherwise than the formula does. A relative 1e-6 on its two terms, and 1e-11 of the
# window's size on top, are far more than the two can differ by (some 200 operations of 2**-53 each).
_SLACK: Final = 1.0 - 1e-6
_ROUNDING: Final = 1e-11

_LAST_ROW: Final = ADWIN_ROWS - 1
_LAST_ROW_VALUES: Final = float(1 << _LAST_ROW)
_WIDEST: Final = ADWIN_MAX_BUCKETS * ((1 << ADWIN_ROWS) - 1) + 1


def log_width_table() -> F64:
    """float64[2561]: entry k is ln(32 k), for the widths at which checks happen; entry 0 is not used."""
    return np.array([0.0] + [math.log(CLOCK * k) for k in range(1, _WIDEST // CLOCK + 1)])


LOG_WIDTH: Final = log_width_table()


@njit_uncounted(error_model="numpy")  # numpy: no test for zero before each division
def adwin_run(
    sums: F64,
    counts: U8,
    head: F64,
    levels: U16,
    table: F64,
    log_width: F64,
    delta: float,
    hits: I64,
    evidence: F64,
    mode: int = BOTH,
) -> int:
    """Feed a run of values, in order, to one monitor; the number of alarms.

    sums: float64[14, 5], counts: uint8[14], head: float64[4]: the monitor's state, all zero when new, changed in place.
    levels: uint16[n], value i is table[levels[i]]; table: float64[L], NaN for a level without a value: it is skipped.
    log_width: `LOG_WIDTH`. delta: 0 < delta < 1. hits: int64[H], evidence: float64[H, 4]: see `protocol`. The statistic
    is the difference of the two means, the threshold epsilon. There is at most one alarm in 32 values. mode: `BOTH` or `UP`.
    """
    tick = int(head[0])
    width, total, variance = head[1], head[2], head[3]
    n = len(levels)
    n_hits = i = 0
    while i < n:
        row = 0
        bucket = table[levels[i]]
        four = False
        if tick & 3 == 0 and tick >= 12 and n - i >= 4:
            x0, x1, x2, x3 = bucket, table[levels[i + 1]], table[levels[i + 2]], table[levels[i + 3]]
            four = abs(x0) + abs(x1) + abs(x2) + abs(x3) <= LARGEST_VALUE
        if four:
            w1, w2, w3, w4 = width + 1.0, width + 2.0, width + 3.0, width + 4.0
            t1 = total + x0
            t2 = t1 + x1
            t3 = t2 + x2
            d0, d1, d2, d3 = x0 - total / width, x1 - t1 / w1, x2 - t2 / w2, x3 - t3 / w3
            variance += width * d0 * d0 / w1
            variance += w1 * d1 * d1 / w2
            variance += w2 * d2 * d2 / w3
            variance += w3 * d3 * d3 / w4
            width, total = w4, t3 + x3
            first, second = sums[0, 0] + sums[0, 1], sums[0, 2] + sums[0, 3]
            sums[0, 0], sums[0, 1], sums[0, 2], sums[0, 3] = x0, x1, x2, x3
            bucket = sums[1, 0] + sums[1, 1]
            sums[1, 0], sums[1, 1], sums[1, 2], sums[1, 3] = sums[1, 2], sums[1, 3], first, second
            row = 2
            tick += 4
            i += 4
        else:
            i += 1
            if not abs(bucket) <= LARGEST_VALUE:
                continue
            if width > 0.0:
                d = bucket - total / width
                variance += width * d * d / (width + 1.0)
            width += 1.0
            total += bucket
            tick += 1

        forgotten = _carry(sums, counts, row, bucket)
        if forgotten == forgotten:
            n0, n1 = _LAST_ROW_VALUES, width - _LAST_ROW_VALUES
            total -= forgotten
            gap = forgotten / n0 - total / n1
            variance = max(0.0, variance - variance * n0 / width - n0 * n1 * gap * gap / width)
            width = n1

        if tick % CLOCK == 0:
            confidence = math.log(2.0 * log_width[int(width) // CLOCK] / delta)
            if _may_cut(sums, counts, width, total, variance, confidence):
                cut, difference, epsilon, n_after = _strongest_split(sums, counts, width, total, variance, confidence)
                if cut:
                    if difference > 0.0 or mode == BOTH:
                        if n_hits < len(hits):
                            hits[n_hits] = i - 1
                            evidence[n_hits, 0] = abs(difference)
                            evidence[n_hits, 1] = epsilon
                            evidence[n_hits, 2] = width
                            evidence[n_hits, 3] = n_after
                        n_hits += 1
                    tick = 0
                    width, total, variance = 0.0, 0.0, 0.0
                    sums[:, :] = 0.0
                    counts[:] = 0
    head[0], head[1], head[2], head[3] = tick, width, total, variance
    return n_hits


@njit_uncounted(error_model="numpy", inline="always")
def _carry(sums: F64, counts: U8, row: int, bucket: float) -> float:
    """Append a bucket to a row, merging upwards as rows overflow; the sum forgotten by the last row, NaN if none."""
    forgotten = np.nan
    while counts[row] == ADWIN_MAX_BUCKETS:
        oldest, next_oldest = sums[row, 0], sums[row, 1]
        if row == _LAST_ROW:
            forgotten = oldest
            sums[row, 0], sums[row, 1], sums[row, 2], sums[row, 3] = (
                next_oldest, sums[row, 2], sums[row, 3], sums[row, 4],
            )  # fmt: skip
            counts[row] = 4
        else:
            sums[row, 0], sums[row, 1], sums[row, 2], sums[row, 3] = sums[row, 2], sums[row, 3], sums[row, 4], bucket
            sums[row, 4] = 0.0
            counts[row] = 4
            bucket = oldest + next_oldest
            row += 1
    sums[row, counts[row]] = bucket
    counts[row] += 1
    return forgotten


@njit_uncounted(error_model="numpy", inline="always")
def _may_cut(sums: F64, counts: U8, width: float, total: float, variance: float, confidence: float) -> bool:
    """False only where no split can exceed its epsilon.

    With A = sum of (x - mean) over the older part the means differ by |A| width / (n0 n1), and m >= width / (n0 n1). So
    |A| > sqrt(2 V d n0 n1) / width + 2/3 d is needed, V = width v. All rows but the oldest are judged as a whole, by
    their largest |A| and smallest n0 n1. No cut can be in row 0: fewer than 5 values come after its first bucket.
    """
    mean = total / width
    linear = _SLACK * (2.0 / 3.0) * confidence - _ROUNDING * (math.sqrt(width * variance) + abs(total))
    quadratic = _SLACK * 2.0 * variance * confidence / (width * width)
    top = _LAST_ROW
    while counts[top] == 0:
        top -= 1
    size = float(1 << top)
    n0 = 0.0
    a = 0.0
    may = False
    for k in range(counts[top]):
        n0 += size
        a += sums[top, k] - mean * size
        excess = abs(a) - linear
        may |= (excess > 0.0) & (excess * excess > quadratic * (n0 * (width - n0)))
    for row in range(top - 1, 0, -1):  # these hold four or five buckets
        size *= 0.5
        centre = mean * size
        five = counts[row] == ADWIN_MAX_BUCKETS
        a0 = a + (sums[row, 0] - centre)
        a1 = a0 + (sums[row, 1] - centre)
        a2 = a1 + (sums[row, 2] - centre)
        a3 = a2 + (sums[row, 3] - centre)
        a = a3 + (sums[row, 4] - (centre if five else 0.0))
        excess = max(max(max(abs(a0), abs(a1)), max(abs(a2), abs(a3))), abs(a)) - linear
        after_first = n0 + size
        n0 += (5.0 if five else 4.0) * size
        smallest = min(after_first * (width - after_first), n0 * (width - n0))
        may |= (excess > 0.0) & (excess * excess > quadratic * smallest)
    return may


@njit_uncounted(error_model="numpy", inline="always")
def _strongest_split(
    sums: F64, counts: U8, width: float, total: float, variance: float, confidence: float
) -> tuple[bool, float, float, float]:
    """All splits by the exact formula: whether any alarms; newer mean less older mean, epsilon and n1 of the strongest."""
    n0, n1 = 0.0, width
    u0, u1 = 0.0, total
    cut = False
    strongest = -1.0
    difference, epsilon, n_after = 0.0, math.inf, 0.0
    for row in range(_LAST_ROW, 0, -1):
        size = float(1 << row)
        for k in range(counts[row]):
            n0 += size
            n1 -= size
            u0 += sums[row, k]
            u1 -= sums[row, k]
            if n0 >= MIN_WINDOW_LENGTH and n1 >= MIN_WINDOW_LENGTH:
                change = u1 / n1 - u0 / n0
                gap = abs(change)
                m = 1.0 / (n0 - MIN_WINDOW_LENGTH + 1.0) + 1.0 / (n1 - MIN_WINDOW_LENGTH + 1.0)
                bound = math.sqrt(2.0 * m * (variance / width) * confidence) + 2.0 / 3.0 * confidence * m
                cut |= gap > bound
                if gap / bound > strongest:
                    strongest = gap / bound
                    difference, epsilon, n_after = change, bound, n1
    return cut, difference, epsilon, n_after


def adwin_evidence(sums: F64, counts: U8, head: F64, delta: float) -> Evidence:
    """How close one monitor is to an alarm: the split that is most over, or least under, its epsilon."""
    width, total, variance = float(head[1]), float(head[2]), float(head[3])
    if width < 2 * MIN_WINDOW_LENGTH:
        return Evidence(0.0, math.inf, width, 0.0)
    confidence = math.log(2.0 * math.log(width) / delta)
    _, difference, epsilon, n_after = _strongest_split(sums, counts, width, total, variance, confidence)
    return Evidence(abs(difference), epsilon, width, n_after)


_MODES: Final = {"both": BOTH, "up": UP}


class Adwin(KernelDetector):
    """Adaptive windowing on one stream: alarms when the mean of the older part of its window is not that of the newer.

    Alarms are those of `river.drift.ADWIN(delta)` 0.26.1; but broken values are skipped, and memory is bounded.
    For values spread evenly over [0, 1] the average run length to a false alarm is about 2570 delta**-1.65 values.

    Parameters
    ----------
    delta
        Confidence of one check, 0 < delta < 1; smaller is quieter. Default 0.002.
    mode
        "both", or "up": only an increase is an alarm; a decrease still makes the window start afresh. Default "both".

    >>> import random
    >>> rng = random.Random(12345)
    >>> stream = rng.choices([0, 1], k=1000) + rng.choices(range(4, 8), k=1000)
    >>> adwin = Adwin(delta=0.002)
    >>> [i for i, x in enumerate(stream) if adwin.update(x)]
    [1023]

    The window starts afresh after an alarm, so it now holds the new values only.

    >>> adwin.width
    976
    >>> round(adwin.mean, 2)
    5.47

    References
    ----------
    A. Bifet, R. Gavalda, "Learning from time-changing data with adaptive windowing", SDM 2007, pp. 443-448.
    """

    def __init__(self, delta: float = 0.002, mode: Literal["both", "up"] = "both") -> None:
        if mode not in _MODES:
            raise ValueError(f"mode={mode!r}: write one of {', '.join(_MODES)}")
        if not 0.0 < delta < 1.0:
            raise ValueError(f"delta={delta!r}: write a number between 0 and 1, for example 0.002")
        self.delta = float(delta)
        self._sums: F64 = np.zeros((ADWIN_ROWS, ADWIN_MAX_BUCKETS))
        self._counts: U8 = np.zeros(ADWIN_ROWS, np.uint8)
        self._head: F64 = np.zeros(ADWIN_HEAD)
        state: StateArrays = {"sums": self._sums, "counts": self._counts, "head": self._head}
        self._mode = _MODES[mode]
        super().__init__({"delta": self.delta, "mode": mode}, state, shortest_gap=CLOCK)

    def _run(self, levels: U16, table: F64, hits: I64, evidence: F64) -> int:
        args = (self._sums, self._counts, self._head, levels, table, LOG_WIDTH, self.delta, hits, evidence)
        return int(adwin_run(*args, self._mode))

    def _standing(self) -> Evidence:
        return adwin_evidence(self._sums, self._counts, self._head, self.delta)

    @property
    def width(self) -> int:
        """Number of values in the window; 0 after an alarm."""
        return int(self._head[1])

    @property
    def mean(self) -> float:
        """Mean of the window; 0 while it is empty."""
        return float(self._head[2] / self._head[1]) if self._head[1] else 0.0
