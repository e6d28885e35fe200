"""Measures of whole ranked lists: a list is known item by item, and its labels come one by one.

Items of one list are found by the id of the list. They share one record of fixed width (LIST_RECORD), so that it can lie
in a join store under the key of that id: the order of each item (greater = further up: its rank score, or minus its
position where the event says it) and its label. What a list contributes is a pure function of its record: a change of an
item takes the old value away and adds the new one (`ranking.add_list`).

    DCG_k = sum over ranks r = 1..k of relevance / log2(1 + r)       NDCG_k = DCG_k / DCG_k of the best order
    reciprocal rank = 1 / rank of the first relevant item, 0 if none

A list counts once one of its items is labelled; its other items then count as not relevant. NDCG is not defined for a list
without a relevant item. Ties are broken by the order in which the items came. At most 64 items of a list are kept, those
that came first.

Sources: Jaervelin and Kekaelaeinen, ACM Trans. Inf. Syst. 20, 2002 (linear gain, as sklearn.metrics.ndcg_score); Voorhees,
TREC-8, 1999 (reciprocal rank).
"""

from __future__ import annotations

import math
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from driftline.processors.arrays import U16
from driftline.processors.kernels import njit_uncounted

F32: TypeAlias = NDArray[np.float32]

ITEMS_MAX: Final = 64
LIST_RECORD: Final = np.dtype([("items", "<u2"), ("order", "<f4", ITEMS_MAX), ("label", "<f4", ITEMS_MAX)])
"""514 bytes; `label` is NaN for an item without one. A record of zeros is a list without items."""

_DISCOUNT: Final = 1.0 / np.log2(2.0 + np.arange(ITEMS_MAX))
NO_SLOT: Final = -1


@njit_uncounted(fastmath=False)
def place(items: U16, order: F32, label: F32, at: int, value: float) -> int:
    """Put an item into list `at`, without a label; its slot, which belongs into the item's fact; -1: the list is full.

    items: uint16[m], order and label: float32[m, 64], the columns of m records, changed in place. value: finite, the order
    of the item.
    """
    slot = int(items[at])
    if slot >= ITEMS_MAX:
        return NO_SLOT
    order[at, slot] = value
    label[at, slot] = math.nan
    items[at] = slot + 1
    return slot


@njit_uncounted(fastmath=False)
def list_values(order: F32, label: F32, items: int, k: int) -> tuple[float, float]:
    """NDCG_k and reciprocal rank of a list; NaN where there is none.

    order, label: float32[>= items], of a record; label NaN = none.
    """
    labelled = False
    first = -1
    for i in range(items):
        if label[i] == label[i]:
            labelled = True
            if label[i] > 0.0 and (first < 0 or order[i] > order[first]):
                first = i
    if not labelled:
        return math.nan, math.nan
    if first < 0:
        return math.nan, 0.0
    rank = 1
    for i in range(items):
        if order[i] > order[first] or (order[i] == order[first] and i < first):
            rank += 1
    gain = 0.0
    best = 0.0
    top = -1
    top_label = -1
    for r in range(min(k, items)):
        top = _next(order, items, top)
        if label[top] > 0.0:
            gain += label[top] * _DISCOUNT[r]
        if r == 0 or top_label >= 0:
            top_label = _next(label, items, top_label)
        if top_label >= 0:
            best += max(float(label[top_label]), 0.0) * _DISCOUNT[r]
    return gain / best, 1.0 / rank


@njit_uncounted(fastmath=False)
def _next(value: F32, items: int, before: int) -> int:
    """Index of the largest value after that at `before`, by (value, index); -1: there is none. NaN is passed over."""
    best = -1
    for i in range(items):
        behind = before < 0 or value[i] < value[before] or (value[i] == value[before] and i > before)
        if value[i] == value[i] and behind and (best < 0 or value[i] > value[best]):
            best = i
    return best


def list_values_plain(order: ArrayLike, label: ArrayLike, k: int) -> tuple[float, float]:
    """The definitions by sorting: what `list_values` is tested against.

    >>> list_values_plain([3.0, 2.0, 1.0], [0.0, 1.0, math.nan], 10)
    (0.63..., 0.5)
    """
    relevance = np.asarray(label, np.float64)
    if np.isnan(relevance).all():
        return math.nan, math.nan
    gains = np.maximum(np.nan_to_num(relevance), 0.0)[np.argsort(-np.asarray(order, np.float64), kind="stable")]
    if not gains.any():
        return math.nan, 0.0
    discount = 1.0 / np.log2(2.0 + np.arange(len(gains)))
    best = np.sort(gains)[::-1]
    ndcg = float((gains[:k] * discount[:k]).sum() / (best[:k] * discount[:k]).sum())
    return ndcg, 1.0 / (1.0 + int(np.flatnonzero(gains)[0]))
