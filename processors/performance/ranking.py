"""Ranking: what a row keeps, and the metrics of it.

An event is one item that was shown: prediction = its rank score, label = its relevance (0 or false = not clicked, above 0 =
clicked, or a grade). Which list it was in, and at which position, its prediction_id says: LIST#POSITION (`ranked_lists`).

    ctr       clicked / labelled items                             for any id
    ctr_at_k  the same of the items at positions 1..k              for ids with a position
    ndcg_at_k, mrr   means over lists: see `ranked_lists`          for ids with a position

Only labelled items count. A source that sends labels for clicks alone has a rate of 1: it must send label 0 for what was
shown and not clicked. Items are weighted by the label's weight, lists are not weighted.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from driftline.processors.arrays import F64
from driftline.processors.kernels import njit_uncounted
from driftline.processors.performance.correction import corrected_names
from driftline.processors.performance.quantum import kept_weight, kept_weights, quantised
from driftline.processors.performance.standard_errors import mean_se, share_se

POSITIONS: Final = 20
"""Positions that are told apart, so the largest k of ctr_at_k."""
MISSED: Final = 0
CLICKED: Final = MISSED + POSITIONS + 1
"""Weights of the items not clicked, and clicked, by position 1..20; the last column holds later and unknown positions."""
MISSED_SQUARES: Final = CLICKED + POSITIONS + 1
CLICKED_SQUARES: Final = MISSED_SQUARES + POSITIONS + 1
"""Squares of the weights, by the same."""
NDCG: Final = CLICKED_SQUARES + POSITIONS + 1
RECIPROCAL_RANK: Final = NDCG + 3
"""Number of lists that have one, its sum, the sum of its squares."""
WIDTH: Final = RECIPROCAL_RANK + 3

STRATA: Final = 4
"""As for two classes with a prediction that is always 1: not clicked is stratum 0, clicked is 3."""
K: Final = 10


@njit_uncounted(fastmath=False)
def add(sums: F64, prediction: float, position: float, label: float, weight: float, sign: float) -> None:
    """Add a labelled item to sums (float64[WIDTH]); sign -1 takes away what 1 added, to the last bit.

    prediction is not used; position: from 1, NaN for an item whose id names none.
    """
    if label != label:
        return
    w = kept_weight(weight)
    at = int(position) - 1 if 1.0 <= position <= POSITIONS else POSITIONS
    if label > 0.0:
        sums[CLICKED + at] += sign * w
        sums[CLICKED_SQUARES + at] += sign * w * w
    else:
        sums[MISSED + at] += sign * w
        sums[MISSED_SQUARES + at] += sign * w * w


@njit_uncounted(fastmath=False)
def add_list(sums: F64, ndcg: float, reciprocal_rank: float, sign: float) -> None:
    """Add the values of a list (`ranked_lists.list_values`), or take them away; NaN = it has none: nothing is added."""
    if ndcg >= 0.0:
        sums[NDCG] += sign
        sums[NDCG + 1] += sign * quantised(ndcg)
        sums[NDCG + 2] += sign * quantised(ndcg * ndcg)
    if reciprocal_rank >= 0.0:
        sums[RECIPROCAL_RANK] += sign
        sums[RECIPROCAL_RANK + 1] += sign * quantised(reciprocal_rank)
        sums[RECIPROCAL_RANK + 2] += sign * quantised(reciprocal_rank * reciprocal_rank)


def sums_plain(prediction: F64, position: F64, label: F64, weight: F64) -> F64:
    """float64[WIDTH]: the sums of n labelled items, without lists, by whole arrays: what `add` is tested against."""
    usable = ~np.isnan(label)
    position, label, w = position[usable], label[usable], kept_weights(weight[usable])
    known = (position >= 1.0) & (position <= POSITIONS)
    at = np.where(known, np.nan_to_num(position) - 1.0, POSITIONS).astype(np.int64)
    by_position = [
        np.bincount(at[of], weights[of], POSITIONS + 1) for weights in (w, w * w) for of in (label <= 0.0, label > 0.0)
    ]
    return np.concatenate([*by_position, np.zeros(WIDTH - NDCG)])


def metrics(sums: F64, k: int = K) -> dict[str, F64]:
    """Every metric of m rows, float64[m, WIDTH], as float64[m]; k: 1..20, and that of the lists' NDCG.

    NaN = not defined: no labelled item (at a position up to k), no list, no list with a relevant item; for the error of a
    mean over lists fewer than two.
    """
    everywhere = slice(0, POSITIONS + 1)
    found = _rates(sums, everywhere, "ctr") | _rates(sums, slice(0, k), f"ctr_at_{k}")
    for name, first in ((f"ndcg_at_{k}", NDCG), ("mrr", RECIPROCAL_RANK)):
        lists = sums[..., first]
        with np.errstate(invalid="ignore", divide="ignore"):
            mean, mean_square = sums[..., first + 1] / lists, sums[..., first + 2] / lists
        found |= {name: mean, f"{name}_se": mean_se(mean, mean_square, lists)}
    return found


def _rates(sums: F64, positions: slice, name: str) -> dict[str, F64]:
    by_position = sums[..., :NDCG].reshape(*sums.shape[:-1], 4, POSITIONS + 1)[..., positions].sum(axis=-1)
    missed, clicked, missed_squares, clicked_squares = np.moveaxis(by_position, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = clicked / (clicked + missed)
    return {name: rate, f"{name}_se": share_se(clicked, missed, clicked_squares, missed_squares)}


def reweighted(sums: F64, weights: F64) -> F64:
    """float64[n, 84]: the columns of `corrected`, with each label standing for so many.

    sums: float64[n, WIDTH], rows of panes; weights: float64[n, 4] of `correction.pane_weights`, of each row's pane.
    """
    each = np.repeat(weights[:, [0, 3]], POSITIONS + 1, axis=1)
    return np.concatenate([each * sums[:, MISSED:MISSED_SQUARES], each**2 * sums[:, MISSED_SQUARES:NDCG]], axis=1)


def corrected(sums: F64, k: int = K) -> dict[str, F64]:
    """The click-through rates as they will be once the slow labels are in, with "_corrected" in the name.

    sums: float64[m, 84], added up from `reweighted`. float64[m]; NaN where no pane with labels is old enough to say. The
    standard errors take the weights as exact.
    """
    return corrected_names(_rates(sums, slice(0, POSITIONS + 1), "ctr") | _rates(sums, slice(0, k), f"ctr_at_{k}"))
