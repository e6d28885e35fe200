"""The e-detector of right and wrong: bets that errors have become more frequent, each at the rate known so far.

For each group (whole model, version, segment) lane j bets that the odds of an error are now o_j times what they were. If
the rate is p, an error multiplies its stake by o_j / D, a right prediction by 1 / D, D = 1 - p + o_j p, so that the mean
is 1; then as everywhere (`detectors.shiryaev_roberts`)

    S_j <- (S_j + w_j) e_j,        alarm when S_1 + ... + S_L >= A

No lane bets on fewer errors: a model that improves is no incident.

*The reference error rate is never known exactly*, and a detector that takes an estimate for the truth alarms many times too
often (8 times at 1,000 reference labels and A = 1e5). So p is the prediction of the next value from all before it, those of
the reference, if there is one, and those of the stream so far, with Jeffreys' prior:

    p = (errors + 1/2) / (values + 1)

Under "nothing has changed", which means that values could come in any order, such bets are fair whatever the unknown rate
is, up to the half: they are those of a conformal test martingale on smoothed ranks. So A keeps its meaning with a reference
of any size, or of none, and no margin is paid for it. What it costs: a rise so slow, or so small, that it cannot be told
from the error of the estimate becomes part of the reference.

The first `learn_from` values of a group without a reference only teach. Values that turn out to be evidence of an alarm
(since the statistic was last at rest) are taken out of the reference again, and nothing is learnt while an alarm holds.

Sources: V. Vovk, I. Petej, I. Nouretdinov, E. Ahlberg, L. Carlsson, A. Gammerman, "Retrain or not retrain: conformal test
martingales for change-point detection", COPA 2021, section 4 (Shiryaev-Roberts on conformal p-values); M. Pollak, "Optimal
detection of a change in distribution", Ann. Statist. 13 (1985), section 2.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from driftline.processors.arrays import F64, I32, I64
from driftline.processors.concept.standing import (
    ALARMING,
    AT,
    AT_REST,
    GIVEN,
    HELD,
    LEARNT,
    ROSE,
    SEEN,
    judge,
    leading,
    note_rest,
    rest_limit,
    tell_rise,
)
from driftline.processors.kernels import njit_uncounted

ODDS: Final = (1.12, 1.25, 1.5, 2.0, 3.5, 8.0)
"""From rises that take ten thousand labels to be told at all, to a model that has broken down."""

# `counts` of a group
VALUES: Final = 0  # of the reference and the stream so far
ERRORS: Final = 1  # of these
REST_VALUES: Final = 2  # both when the statistic was last at rest
REST_ERRORS: Final = 3
COUNTS: Final = 4


def odds_and_weights() -> tuple[F64, F64]:
    """float64[6] each: the odds of the lanes and their share of the stake."""
    return np.array(ODDS), np.full(len(ODDS), 1.0 / len(ODDS))


def resting_stakes() -> F64:
    """float64[6]: the stake of each lane lies about at this divided by p (1 - p) while nothing changes: w_j / D_j.

    D_j, the loss of log stake a value, is to second order (q - p)^2 / (2 q (1 - q)), q the rate that is bet on.
    """
    odds, weights = odds_and_weights()
    return weights * 2.0 * odds / (odds - 1.0) ** 2


@njit_uncounted(fastmath=False, error_model="numpy")
def error_bets_run(
    stakes: F64,
    marks: I64,
    counts: I64,
    onsets: F64,
    rows: I32,
    values: F64,
    odds: F64,
    weights: F64,
    resting: F64,
    thresholds: F64,
    learn_from: int,
    hits: I64,
    evidence: F64,
    deviations: F64,
) -> int:
    """Feed a batch of values, in order, to the groups each belongs to; the number of hits.

    stakes: float64[R, L], marks: int64[R, 5], counts: int64[R, 4], onsets: float64[R, L, 3]: the state of R groups, all zero
    when new, changed in place. rows: int32[k, G], the groups of each value, -1 for none; a group stands in one column only.
    values: float64[k], 1 = error, 0 = none; any other value is skipped. odds, weights, resting (`resting_stakes`):
    float64[L]. thresholds: float64[G], A of the groups in each column. hits: int64[H, 4], evidence: float64[H, 6]: see
    `standing`; H at least k G. deviations: float64[k, G], written: (value - p) / sqrt(p (1 - p)), NaN for none and while
    p is being learnt.
    """
    n_hits = 0
    resting_total = 0.0
    for j in range(resting.shape[0]):
        resting_total += resting[j]
    for i in range(values.shape[0]):
        x = values[i]
        usable = x == 0.0 or x == 1.0
        for g in range(rows.shape[1]):
            r = rows[i, g]
            deviations[i, g] = math.nan
            if not usable or r < 0:
                continue
            mark, count, stake = marks[r], counts[r], stakes[r]
            mark[SEEN] += 1
            if count[VALUES] < learn_from and mark[GIVEN] == 0:
                count[VALUES] += 1
                count[ERRORS] += np.int64(x)
                count[REST_VALUES], count[REST_ERRORS] = count[VALUES], count[ERRORS]
                mark[AT] = mark[SEEN]
                note_rest(onsets[r], stake, resting, 0.0, thresholds[g], mark[SEEN], count[VALUES], count[ERRORS])
                if count[VALUES] == learn_from:
                    mean = count[ERRORS] / count[VALUES]
                    hits[n_hits, 0], hits[n_hits, 1], hits[n_hits, 2], hits[n_hits, 3] = i, g, r, LEARNT
                    evidence[n_hits, 0], evidence[n_hits, 1] = 0.0, thresholds[g]
                    evidence[n_hits, 2], evidence[n_hits, 3] = count[VALUES], mean
                    evidence[n_hits, 4], evidence[n_hits, 5] = count[VALUES], mean
                    n_hits += 1
                continue
            p = (count[ERRORS] + 0.5) / (count[VALUES] + 1.0)
            deviations[i, g] = (x - p) / math.sqrt(p * (1.0 - p))
            for j in range(stake.shape[0]):
                stake[j] = (stake[j] + weights[j]) * ((odds[j] if x == 1.0 else 1.0) / (1.0 - p + odds[j] * p))
            if mark[HELD] == 0:
                count[VALUES] += 1
                count[ERRORS] += np.int64(x)
            variance = p * (1.0 - p)
            standing, total = judge(stake, mark, thresholds[g], rest_limit(resting_total / variance, thresholds[g]))
            note_rest(onsets[r], stake, resting, variance, thresholds[g], mark[SEEN], count[VALUES], count[ERRORS])
            if standing == AT_REST:
                count[REST_VALUES], count[REST_ERRORS] = count[VALUES], count[ERRORS]
            elif standing == ALARMING:
                hits[n_hits, 0], hits[n_hits, 1], hits[n_hits, 2], hits[n_hits, 3] = i, g, r, ROSE
                onset = onsets[r, leading(stake)]
                tell_rise(evidence[n_hits], onset, mark[SEEN], count[VALUES], count[ERRORS], total, thresholds[g])
                n_hits += 1
                count[VALUES], count[ERRORS] = count[REST_VALUES], count[REST_ERRORS]
    return n_hits
