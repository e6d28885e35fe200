"""Where a mixture of bets on one group of predictions stands: at rest, moving, alarming, or held after an alarm.

The same rule as `detectors.shiryaev_roberts`, looked at after every value: an alarm when the stakes reach the threshold A;
then the bets go on, kept at or below 2 A, until the statistic has stayed below A / 10 for as many values as the evidence
of the alarm took. Then all stakes are 0 and it may alarm again. So one onset is one alarm
(docs/decisions/one-alarm-per-onset.md; 2 A and not 10 A, because the most cautious bet, which holds the alarm, comes down by
one part in 2,000 a value, and labels are few).

*Since when:* each lane remembers when its own stake was last as low as it is while nothing changes. The lane with the
largest stake at the alarm tells the onset: the bold ones in a few values, the cautious ones in some hundred.
"""

from __future__ import annotations

from typing import Final

from driftline.processors.arrays import F64, I64
from driftline.processors.detectors.shiryaev_roberts import REARM_FACTOR, REST_FACTOR, cut_to
from driftline.processors.kernels import njit_uncounted

# `marks` of a group
SEEN: Final = 0  # values so far
HELD: Final = 1  # 1 from an alarm until it is armed again
AT: Final = 2  # SEEN when it was last at rest; while held, when it was last high
TOOK: Final = 3  # values from the last rest to the last alarm
GIVEN: Final = 4  # 1: its reference was given, not learnt
MARKS: Final = 5

CAP_FACTOR: Final = 2.0

# `onsets` of a lane: SEEN, values and total of the reference when the lane was last at rest
ONSET_SEEN: Final = 0
ONSET_VALUES: Final = 1
ONSET_TOTAL: Final = 2
ONSETS: Final = 3

# what a value has made of it
AT_REST: Final = 0
MOVING: Final = 1
ALARMING: Final = 2
HOLDING: Final = 3

# columns of `hits`
HIT_POSITION: Final = 0  # in the batch
HIT_COLUMN: Final = 1  # which of the event's groups
HIT_ROW: Final = 2  # the group
HIT_WHAT: Final = 3  # `ROSE` or `LEARNT`
HIT_COLUMNS: Final = 4

ROSE: Final = 0
LEARNT: Final = 1

# columns of `evidence`
STATISTIC: Final = 0
THRESHOLD: Final = 1
N: Final = 2  # values since the onset told by the leading lane, and their mean
MEAN: Final = 3
REFERENCE_N: Final = 4  # values of the reference, and their mean
REFERENCE_MEAN: Final = 5
EVIDENCE: Final = 6


@njit_uncounted(fastmath=False, error_model="numpy", forceinline=True)
def judge(stakes: F64, marks: I64, threshold: float, rest: float) -> tuple[int, float]:
    """Take the bets of one more value into account; what they made of it, and the statistic.

    stakes: float64[L], after the bets; marks: int64[5]; both are changed in place. threshold: A; rest: a statistic below
    this is at rest.
    """
    total = 0.0
    for j in range(stakes.shape[0]):
        total += stakes[j]
    seen = marks[SEEN]
    if marks[HELD] == 0:
        if total >= threshold:
            marks[HELD] = 1
            marks[TOOK] = seen - marks[AT]
            marks[AT] = seen
            return ALARMING, total
        if total < rest:
            marks[AT] = seen
            return AT_REST, total
        return MOVING, total
    calm = REARM_FACTOR * threshold
    if total >= (calm if calm > rest else rest):
        marks[AT] = seen
        if total > CAP_FACTOR * threshold:
            cut_to(stakes, CAP_FACTOR * threshold)
    elif seen - marks[AT] >= marks[TOOK]:
        marks[HELD] = 0
        marks[AT] = seen
        stakes[:] = 0.0
    return HOLDING, total


@njit_uncounted(fastmath=False, error_model="numpy", forceinline=True)
def rest_limit(resting: float, threshold: float) -> float:
    """Below this a statistic that lies about `resting` without drift counts as at rest."""
    high, most = REST_FACTOR * resting, 0.5 * threshold
    return high if high < most else most


@njit_uncounted(fastmath=False, error_model="numpy", forceinline=True)
def note_rest(
    onsets: F64, stakes: F64, resting: F64, scale: float, threshold: float, seen: int, values: float, total: float
) -> None:
    """Lanes whose stake is at rest remember this place.

    onsets: float64[L, 3], stakes, resting: float64[L]; without drift a stake lies about at resting / scale. A stake that
    could lead an alarm (its share of half the threshold) is not at rest.
    """
    most = 0.5 * threshold / stakes.shape[0]
    for j in range(stakes.shape[0]):
        if stakes[j] < most and stakes[j] * scale < REST_FACTOR * resting[j]:
            onsets[j, 0], onsets[j, 1], onsets[j, 2] = seen, values, total


@njit_uncounted(fastmath=False, error_model="numpy", forceinline=True)
def leading(stakes: F64) -> int:
    """The lane with the largest stake, the first of equals."""
    lane = 0
    for j in range(1, stakes.shape[0]):
        if stakes[j] > stakes[lane]:
            lane = j
    return lane


@njit_uncounted(fastmath=False, error_model="numpy", forceinline=True)
def tell_rise(
    evidence: F64, onset: F64, seen: int, values: float, total: float, statistic: float, threshold: float
) -> None:
    """Fill one row of evidence; onset: float64[3] of the leading lane; values, total: of the reference with all since."""
    n = seen - onset[0]
    evidence[0], evidence[1] = statistic, threshold
    evidence[2], evidence[3] = n, (total - onset[2]) / n
    evidence[4], evidence[5] = onset[1], onset[2] / onset[1]
