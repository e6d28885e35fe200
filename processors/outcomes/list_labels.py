"""A ranked item gets its label, or loses it: what its list contributes to the rows is another then."""

from __future__ import annotations

import math

from driftline.processors.kernels import njit_uncounted
from driftline.processors.outcomes.facts import Facts
from driftline.processors.outcomes.pane_rows import RowArrays, find_row
from driftline.processors.performance.common import COMMON_WIDTH
from driftline.processors.performance.ranked_lists import RankedLists, enter_list, find_list, list_values
from driftline.processors.performance.ranking import K, add_list


@njit_uncounted()
def change_list(
    lists: RankedLists, rows: RowArrays, facts: Facts, f: int, pane: int, task_end: int, operation: int, sign: float
) -> None:
    """Give the list of fact f the label of its item (sign 1), or take it away (-1).

    The fact's prediction is its list (>= 0), its score its position, 1..64. pane: of the fact; a list that is new counts
    there, and in the fact's groups. operation: noted in the rows that change.
    """
    at = find_list(lists, facts.prediction[f])
    if at < 0:
        if sign < 0.0:
            return  # the list had to make room: what it has contributed stays
        at = enter_list(lists, facts.prediction[f], pane)
        for g in range(facts.groups.shape[1]):
            lists.groups[at, g] = facts.groups[f, g]
    label = lists.label[at]
    old_ndcg, old_rank = list_values(label, K)
    label[int(facts.score[f]) - 1] = facts.label[f] if sign > 0.0 else math.nan
    ndcg, rank = list_values(label, K)
    for g in range(-1, facts.groups.shape[1]):
        row = find_row(rows, lists.pane[at], 0 if g < 0 else lists.groups[at, g])
        if row >= 0:
            values = rows.sums[row][COMMON_WIDTH:task_end]
            rows.changed[row] = operation
            add_list(values, old_ndcg, old_rank, -1.0)
            add_list(values, ndcg, rank, 1.0)
