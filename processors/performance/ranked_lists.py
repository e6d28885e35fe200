"""Measures of whole ranked lists, whose labels come item by item.

The prediction_id of an item is LIST#POSITION: "query-8123#3" was shown third for that query. So both logs say by the id
alone which list an item is in and where, and nothing more has to be kept of its prediction.

Of a list the labels are kept by position, 1..64. What it contributes is a pure function of them, so a change of one label
takes the old value away and adds the new one (`ranking.add_list`).

    DCG_k = sum over positions i = 1..k of relevance / log2(1 + i)       NDCG_k = DCG_k / DCG_k of the best order
    reciprocal rank = 1 / position of the first relevant item, 0 if none

A list counts once one of its items is labelled; items without a label count as not relevant. NDCG is not defined for a list
without a relevant item. A list counts in the pane and the groups of the item that was labelled first.

Lists are kept up to a number, oldest first out: what one that left has contributed stays, and it is counted in `evicted`.

Sources: Jaervelin and Kekaelaeinen, ACM Trans. Inf. Syst. 20, 2002 (linear gain, as sklearn.metrics.ndcg_score); Voorhees,
TREC-8, 1999 (reciprocal rank).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from driftline.processors.arrays import F64, I32, I64, U64
from driftline.processors.id_hash import hash_ids
from driftline.processors.kernels import njit_uncounted

F32: TypeAlias = NDArray[np.float32]

SEPARATOR: Final = "#"
NO_LIST: Final = -1.0
POSITIONS_MAX: Final = 64
LISTS_MAX: Final = 100_000
LIST_COLUMNS: Final = ("key", "label", "pane", "groups", "state")

_DISCOUNT: Final = 1.0 / np.log2(2.0 + np.arange(POSITIONS_MAX))
_POSITION_DIGITS_MAX: Final = 9
_SHIFT: Final = 11  # 53 bits of a hash are a whole number that float64 holds


def list_items(hash_key: U64, ids: Sequence[str]) -> tuple[F64, F64]:
    """float64[n] each: the list of every prediction id, a whole number below 2**53, and the item's position there, from 1.

    -1 and NaN for an id that names none. hash_key: uint64[2], the model's (`id_hash.hash_key`).

    >>> list_items(np.zeros(2, np.uint64), ["q#7", "plain"])[1].tolist()
    [7.0, nan]
    """
    parts = [one.rpartition(SEPARATOR) for one in ids]
    position = np.array([_position(after) if before else math.nan for before, _, after in parts], np.float64)
    lists = (hash_ids(hash_key, [before for before, _, _ in parts]) >> np.uint64(_SHIFT)).astype(np.float64)
    return np.where(np.isnan(position), NO_LIST, lists), position


def _position(text: str) -> float:
    if not (text.isascii() and text.isdigit() and len(text) <= _POSITION_DIGITS_MAX) or int(text) == 0:
        return math.nan
    return float(text)


class RankedLists(NamedTuple):
    """Up to `capacity` lists, in a ring; all arrays are changed in place."""

    key: F64  # [capacity] NO_LIST = free
    label: F32  # [capacity, 64] by position; NaN = none
    pane: I64  # [capacity]
    groups: I32  # [capacity, G]
    table: I32  # [2**k >= 2 * capacity] index of the list + 1, 0 = free
    state: I64  # [2] place of the next list, lists evicted


def no_lists(groups: int, capacity: int = LISTS_MAX) -> RankedLists:
    """An empty ring; groups: how many groups a prediction counts in besides the whole model."""
    table = 64
    while table < 2 * capacity:
        table *= 2
    return RankedLists(
        key=np.full(capacity, NO_LIST),
        label=np.empty((capacity, POSITIONS_MAX), np.float32),  # memory that is first used when a list comes
        pane=np.zeros(capacity, np.int64),
        groups=np.zeros((capacity, groups), np.int32),
        table=np.zeros(table, np.int32),
        state=np.zeros(2, np.int64),
    )


@njit_uncounted(fastmath=False)
def _home(key: float, mask: np.int64) -> np.int64:
    return np.int64(key) & mask


@njit_uncounted(fastmath=False)
def find_list(lists: RankedLists, key: float) -> int:
    """Where the list of this key (>= 0) is; -1: nowhere."""
    mask = np.int64(lists.table.shape[0] - 1)
    slot = _home(key, mask)
    while lists.table[slot] > 0:
        if lists.key[lists.table[slot] - 1] == key:
            return int(lists.table[slot]) - 1
        slot = (slot + 1) & mask
    return -1


@njit_uncounted(fastmath=False)
def _forget(lists: RankedLists, at: int) -> None:
    """Take a list out of the table; those behind it move up, so that every search still ends at them."""
    mask = np.int64(lists.table.shape[0] - 1)
    hole = _home(lists.key[at], mask)
    while lists.table[hole] != at + 1:
        hole = (hole + 1) & mask
    slot = (hole + 1) & mask
    while lists.table[slot] > 0:
        distance = (slot - _home(lists.key[lists.table[slot] - 1], mask)) & mask
        if distance >= (slot - hole) & mask:
            lists.table[hole] = lists.table[slot]
            hole = slot
        slot = (slot + 1) & mask
    lists.table[hole] = 0


@njit_uncounted(fastmath=False)
def enter_list(lists: RankedLists, key: float, pane: int) -> int:
    """A place for a list that is nowhere yet, with no label; its groups are the caller's to write."""
    at = int(lists.state[0])
    lists.state[0] = (at + 1) % lists.key.shape[0]
    if lists.key[at] >= 0.0:
        lists.state[1] += 1
        _forget(lists, at)
    lists.key[at], lists.pane[at] = key, pane
    _enter(lists, at)
    for i in range(POSITIONS_MAX):
        lists.label[at, i] = np.nan
    return at


def kept_lists(lists: RankedLists) -> dict[str, NDArray[np.generic]]:
    """For a snapshot: the lists that there are, by LIST_COLUMNS; labels as the bits of float32."""
    used = int(np.count_nonzero(lists.key >= 0.0))  # the ring is filled from its start
    columns = {name: getattr(lists, name)[:used] for name in ("key", "pane", "groups")}
    return {**columns, "label": lists.label[:used].view(np.uint32), "state": lists.state}


def restore_lists(lists: RankedLists, kept: Mapping[str, NDArray[np.generic]]) -> None:
    """Take over what `kept_lists` gave, into empty lists of the same capacity."""
    used = len(kept["key"])
    for name in ("key", "pane", "groups"):
        getattr(lists, name)[:used] = kept[name]
    lists.label[:used] = kept["label"].view(np.float32)
    lists.state[:] = kept["state"]
    for at in range(used):
        _enter(lists, at)


@njit_uncounted(fastmath=False)
def _enter(lists: RankedLists, at: int) -> None:
    mask = np.int64(lists.table.shape[0] - 1)
    slot = _home(lists.key[at], mask)
    while lists.table[slot] > 0:
        slot = (slot + 1) & mask
    lists.table[slot] = np.int32(at + 1)


@njit_uncounted(fastmath=False)
def list_values(label: F32, k: int) -> tuple[float, float]:
    """NDCG_k and reciprocal rank of a list; NaN where there is none. label: float32[64] by position, NaN = none."""
    labelled = False
    first = 0
    for i in range(POSITIONS_MAX):
        labelled = labelled or label[i] == label[i]
        if first == 0 and label[i] > 0.0:
            first = i + 1
    if not labelled:
        return math.nan, math.nan
    if first == 0:
        return math.nan, 0.0
    gain = 0.0
    best = 0.0
    top = -1
    for rank in range(k):
        gain += max(float(label[rank]), 0.0) * _DISCOUNT[rank] if label[rank] == label[rank] else 0.0
        top = _next_relevant(label, top) if rank == 0 or top >= 0 else -1
        best += float(label[top]) * _DISCOUNT[rank] if top >= 0 else 0.0
    return gain / best, 1.0 / first


@njit_uncounted(fastmath=False)
def _next_relevant(label: F32, before: int) -> int:
    """Index of the largest label above 0 after the one at `before`, by (label, index); -1: there is none."""
    best = -1
    for i in range(POSITIONS_MAX):
        behind = before < 0 or label[i] < label[before] or (label[i] == label[before] and i > before)
        if label[i] > 0.0 and behind and (best < 0 or label[i] > label[best]):
            best = i
    return best


def list_values_plain(label: ArrayLike, k: int) -> tuple[float, float]:
    """The definitions by sorting: what `list_values` is tested against.

    >>> list_values_plain([0.0, 1.0, math.nan], 10)
    (0.63..., 0.5)
    """
    relevance = np.asarray(label, np.float64)
    if np.isnan(relevance).all():
        return math.nan, math.nan
    gains = np.maximum(np.nan_to_num(relevance), 0.0)
    if not gains.any():
        return math.nan, 0.0
    discount = 1.0 / np.log2(2.0 + np.arange(len(gains)))
    best = np.sort(gains)[::-1]
    ndcg = float((gains[:k] * discount[:k]).sum() / (best[:k] * discount[:k]).sum())
    return ndcg, 1.0 / (1.0 + int(np.flatnonzero(gains)[0]))
