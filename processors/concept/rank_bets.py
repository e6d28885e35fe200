"""The e-detector of errors that are numbers: bets that they have become larger, by their rank among all before them.

A value becomes u, its smoothed rank: the share of earlier values of its group that were smaller, ties broken by a fixed
hash of its offset. Ranks are taken over 64 cells, so the state of a group is bounded:

    u = (values in lower cells + theta (values in its own cell + 1)) / (values + 1)

While values could come in any order u is exactly uniform and independent of what was before, wherever the edges of the
cells lie and however few values there were: nothing is paid for a reference that is only an estimate. (For right and
wrong see `error_bets`, where the same holds of the rate.) Bets on u, mean 1, never on smaller errors:

    half of the stake    mean   1 + b x,  b = .05, .15, .4, .55;  x = sqrt(12) (u - 1/2)
    the other half       tail   1.4 in the top quarter, 3 in the top sixteenth, 8 in the top sixty-fourth

The edges are quantiles of the reference's errors, or of the first ones of the stream (`EDGES_FROM`).

Source: V. Vovk et al., "Retrain or not retrain: conformal test martingales for change-point detection", COPA 2021,
sections 2 (smoothed ranks) and 4 (Shiryaev-Roberts).
"""

from __future__ import annotations

import functools
import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from driftline.processors.arrays import F64, I32, I64, U64
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
from driftline.processors.detectors.bets import LEVELS, with_mean_one
from driftline.processors.detectors.protocol import LARGEST_VALUE
from driftline.processors.kernels import njit_uncounted

MEAN_BETS: Final = (0.05, 0.15, 0.4, 0.55)
TAIL_BETS: Final = ((1 / 4, 1.4), (1 / 16, 3.0), (1 / 64, 8.0))
CELLS: Final = 64
EDGES_FROM: Final = 1_000
"""Values from which the edges are taken where there is no reference: about 16 in a cell."""

# `sums` of a group
VALUES: Final = 0  # of the reference and the stream so far; a whole number
TOTAL: Final = 1  # of these
REST_VALUES: Final = 2  # both when the statistic was last at rest
REST_TOTAL: Final = 3
SUMS: Final = 4


@functools.cache
def rank_bets() -> F64:
    """float64[256, 7], read-only: what a level of u multiplies the stake of each lane by; the mean of a lane is 1."""
    x = np.sqrt(12.0) * ((np.arange(LEVELS) + 0.5) / LEVELS - 0.5)
    lanes = [1.0 + b * x for b in MEAN_BETS]
    for share, inside in TAIL_BETS:
        top = np.arange(LEVELS) >= round(LEVELS * (1.0 - share))
        lanes.append(np.where(top, inside, (1.0 - inside * share) / (1.0 - share)))
    table = np.stack([with_mean_one(lane) for lane in lanes], axis=1)
    table.setflags(write=False)
    return table


@functools.cache
def rank_weights() -> F64:
    """float64[7], sum 1, read-only: the stake of each lane."""
    weights = np.array([0.5 / len(MEAN_BETS)] * len(MEAN_BETS) + [0.5 / len(TAIL_BETS)] * len(TAIL_BETS))
    weights.setflags(write=False)
    return weights


@functools.cache
def resting_stakes() -> F64:
    """float64[7], read-only: about where each stake lies while nothing changes: w_j / D_j, D_j the loss of log stake."""
    stakes: F64 = rank_weights() / -np.log(rank_bets()).mean(axis=0)
    stakes.setflags(write=False)
    return stakes


def cell_edges(values: ArrayLike) -> F64:
    """float64[63], ascending: the quantiles of `values` (float64[n > 0], finite) between which the 64 cells lie."""
    shares = np.arange(1, CELLS) / CELLS
    return np.asarray(np.quantile(np.asarray(values, np.float64), shares, method="inverted_cdf"), np.float64)


def cell_counts(values: ArrayLike, edges: F64) -> I64:
    """int64[64]: how many of `values` (float64[n]) lie in each cell; a value on an edge lies in the lower cell."""
    cells = np.searchsorted(edges, np.asarray(values, np.float64), side="left")
    return np.bincount(cells, minlength=CELLS).astype(np.int64)


def thetas(offsets: I64) -> F64:
    """float64[k] in [0, 1): a fixed hash of each offset (int64[k]), so that a replay breaks ties in the same way.

    Source of the mixing: G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    """
    z: U64 = offsets.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return np.asarray((z >> np.uint64(11)).astype(np.float64) * 2.0**-53, np.float64)


@njit_uncounted(fastmath=False, error_model="numpy", forceinline=True)
def _cell(edges: F64, x: float) -> int:
    low, high = 0, edges.shape[0]
    while low < high:
        middle = (low + high) // 2
        if edges[middle] < x:
            low = middle + 1
        else:
            high = middle
    return low


@njit_uncounted(fastmath=False, error_model="numpy", forceinline=True)
def _copy(source: I64, target: I64) -> None:
    for c in range(source.shape[0]):
        target[c] = source[c]


@njit_uncounted(fastmath=False, error_model="numpy")
def rank_bets_run(
    stakes: F64,
    marks: I64,
    counts: I64,
    sums: F64,
    onsets: F64,
    rows: I32,
    values: F64,
    theta: F64,
    edges: F64,
    table: F64,
    weights: F64,
    resting: F64,
    thresholds: F64,
    learn_from: int,
    hits: I64,
    evidence: F64,
    deviations: F64,
) -> int:
    """Feed a batch of values, in order, to the groups each belongs to; the number of hits.

    stakes: float64[R, L], marks: int64[R, 5], counts: int64[R, 2, 64] (now, and when last at rest), sums: float64[R, 4],
    onsets: float64[R, L, 3]: the state of R groups, all zero when new, changed in place. rows: int32[k, G], the groups of
    each value, -1 for none; a group stands in one column only. values: float64[k]; one that is not finite is skipped. theta:
    float64[k], `thetas`. edges: float64[63]. table: float64[256, L]. weights, resting (`resting_stakes`): float64[L].
    thresholds: float64[G], A of the groups in each column. hits: int64[H, 4], evidence: float64[H, 6]: see `standing`; H at
    least k G. deviations: float64[k, G], written: sqrt(12) (u - 1/2), NaN for none and while a group only learns.
    """
    n_hits = 0
    resting_total = 0.0
    for j in range(resting.shape[0]):
        resting_total += resting[j]
    for i in range(values.shape[0]):
        x = values[i]
        usable = abs(x) <= LARGEST_VALUE
        cell = _cell(edges, x) if usable else 0
        for g in range(rows.shape[1]):
            r = rows[i, g]
            deviations[i, g] = math.nan
            if not usable or r < 0:
                continue
            mark, now, then, total_of, stake = marks[r], counts[r, 0], counts[r, 1], sums[r], stakes[r]
            mark[SEEN] += 1
            n = total_of[VALUES]
            if n < learn_from and mark[GIVEN] == 0:
                now[cell] += 1
                then[cell] += 1
                total_of[VALUES] += 1.0
                total_of[TOTAL] += x
                total_of[REST_VALUES], total_of[REST_TOTAL] = total_of[VALUES], total_of[TOTAL]
                mark[AT] = mark[SEEN]
                note_rest(onsets[r], stake, resting, 0.0, thresholds[g], mark[SEEN], total_of[VALUES], total_of[TOTAL])
                if total_of[VALUES] == learn_from:
                    mean = total_of[TOTAL] / total_of[VALUES]
                    hits[n_hits, 0], hits[n_hits, 1], hits[n_hits, 2], hits[n_hits, 3] = i, g, r, LEARNT
                    evidence[n_hits, 0], evidence[n_hits, 1] = 0.0, thresholds[g]
                    evidence[n_hits, 2], evidence[n_hits, 3] = total_of[VALUES], mean
                    evidence[n_hits, 4], evidence[n_hits, 5] = total_of[VALUES], mean
                    n_hits += 1
                continue
            below = np.int64(0)
            for c in range(cell):
                below += now[c]
            u = (below + theta[i] * (now[cell] + 1.0)) / (n + 1.0)
            deviations[i, g] = math.sqrt(12.0) * (u - 0.5)
            level = np.int64(u * LEVELS)
            level = level if level < LEVELS else np.int64(LEVELS - 1)
            for j in range(stake.shape[0]):
                stake[j] = (stake[j] + weights[j]) * table[level, j]
            if mark[HELD] == 0:
                now[cell] += 1
                total_of[VALUES] += 1.0
                total_of[TOTAL] += x
            standing, statistic = judge(stake, mark, thresholds[g], rest_limit(resting_total, thresholds[g]))
            note_rest(onsets[r], stake, resting, 1.0, thresholds[g], mark[SEEN], total_of[VALUES], total_of[TOTAL])
            if standing == AT_REST:
                _copy(now, then)
                total_of[REST_VALUES], total_of[REST_TOTAL] = total_of[VALUES], total_of[TOTAL]
            elif standing == ALARMING:
                hits[n_hits, 0], hits[n_hits, 1], hits[n_hits, 2], hits[n_hits, 3] = i, g, r, ROSE
                onset, n = onsets[r, leading(stake)], total_of[VALUES]
                tell_rise(evidence[n_hits], onset, mark[SEEN], n, total_of[TOTAL], statistic, thresholds[g])
                n_hits += 1
                _copy(then, now)
                total_of[VALUES], total_of[TOTAL] = total_of[REST_VALUES], total_of[REST_TOTAL]
    return n_hits
