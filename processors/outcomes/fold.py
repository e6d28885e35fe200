"""The join, one operation after the other: facts change, and what they add to the rows of their pane changes with them.

The rules, at merged time T; `final(t)` is the end of the pane of t, plus lateness and horizon:

- A fact is *valid* while T < final(its prediction's time), or, when only its label has come, while T < final(the merged
  time at which that label was read), and while it is among the last `capacity` facts that were made. A fact that is not
  valid is as good as none: judged here, in the order of the logs, so no store and no batching shows.
- A prediction with an implausible timestamp, or with T >= final(its time), changes nothing. One whose id has a valid
  prediction is a duplicate and changes nothing. Any other one is counted in its groups; if its label has come already,
  that is joined now.
- A label joins the valid prediction of its id. An earlier label is taken away first (`corrected`), unless it is the same
  value with the same weight (`repeated`): then nothing changes. Without a prediction it waits, in place of an earlier one;
  but it pushes nothing out of a store that is full, so that labels of what was dropped do not drop what is left.
- A retraction takes the label away. A label that comes after it is joined like a first one.

Every change marks the row with the number of the operation, so that windows are told of again only if they changed.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from driftline.processors.admission import EARLIEST_EVENT_MS
from driftline.processors.arrays import F64, I32, I64
from driftline.processors.estimation.estimator import add_estimated
from driftline.processors.estimation.tables import Tables
from driftline.processors.kernels import njit_uncounted
from driftline.processors.outcomes import counts
from driftline.processors.outcomes.facts import LABELLED, MATCHED, PREDICTED, Facts
from driftline.processors.outcomes.list_labels import change_list
from driftline.processors.outcomes.operations import PREDICTION, RETRACTION, Operations
from driftline.processors.outcomes.pane_rows import RowArrays, find_row, row_of
from driftline.processors.performance.common import COMMON_WIDTH, CORRECTED, RETRACTED, N, add_label
from driftline.processors.performance.ranked_lists import POSITIONS_MAX, RankedLists
from driftline.processors.performance.task_layout import RANKING, add_outcome, add_outcome_delay

# positions in the settings array
PANE_MS, FINAL_AFTER_MS, TOLERANCE_MS, CAPACITY, FACTS_ONLY, TASK, TASK_END, ESTIMATE, ESTIMATE_END = range(9)
MARK_MS, MARK_FACTS = 9, 10
SETTINGS: Final = 11

# positions in the clock array; a mark has the first five, and then its time
NEXT_SEQ, NEXT_PREDICTION, NEXT_LABEL, PREDICTIONS_MS, LABELS_MS, OPERATION, OPENED, MARKS, LAST_MARK = range(9)
CLOCK: Final = 9
MARK_AT_MS: Final = 5
MARK_WIDTH: Final = 6
NONE: Final = np.iinfo(np.int64).min
"""No pane was opened; nothing was read of a log."""


class Join(NamedTuple):
    """The state of the join besides its facts."""

    settings: I64  # [11] see above; CAPACITY 0: without limit; FACTS_ONLY 1: facts change, and nothing else does
    # [9] number of the next fact; of both logs, the first offset that was not done, and the merged time before it; number
    # of the last operation; pane that was opened by it or NONE; number of marks, and the multiple of MARK_MS of the last
    clock: I64
    counts: I64  # [15] see `counts`
    marks: I64  # [m, 6] the first five of the clock, and the time of the next operation; every MARK_MS or MARK_FACTS
    pane_of_seq: I64  # [CAPACITY] pane of each of the last facts that were made, by number modulo capacity
    rows: RowArrays
    delays: RowArrays  # one for each pane: how long labels took, see `performance.delay_curves`; of width 0 for no such
    tables: Tables  # what the label-free estimate looks up
    lists: RankedLists  # of a ranking: the lists that labelled items are in


class Matches(NamedTuple):
    """First matches in merged order, the first `n[0]` of these; as they were when they met."""

    n: I64  # [1]
    at_ms: I64
    event_ms: I64
    offset: I64  # of the prediction
    prediction: F64
    score: F64
    label: F64
    weight: F64
    groups: I32  # [operations, G]


def room_for_matches(n: int, groups: int) -> Matches:
    """Arrays for the matches of n operations."""
    return Matches(
        n=np.zeros(1, np.int64),
        at_ms=np.empty(n, np.int64),
        event_ms=np.empty(n, np.int64),
        offset=np.empty(n, np.int64),
        prediction=np.empty(n),
        score=np.empty(n),
        label=np.empty(n),
        weight=np.empty(n),
        groups=np.empty((n, groups), np.int32),
    )


@njit_uncounted()
def _final_ms(time_ms: int, join: Join) -> int:
    pane_ms = join.settings[PANE_MS]
    return int((time_ms // pane_ms + 1) * pane_ms + join.settings[FINAL_AFTER_MS])


@njit_uncounted()
def _valid(facts: Facts, f: int, at_ms: int, join: Join) -> bool:
    if facts.flags[f] == 0:
        return False
    capacity = join.settings[CAPACITY]
    if capacity > 0 and facts.seq[f] < join.clock[NEXT_SEQ] - capacity:
        return False
    since = facts.event_ms[f] if facts.flags[f] & PREDICTED else facts.label_at_ms[f]
    return bool(at_ms < _final_ms(since, join))


@njit_uncounted()
def _change(join: Join, pane: int, group: int, column: int, by: float) -> None:
    """Add to one column of one row; a first row of the whole model opens the pane."""
    if join.settings[FACTS_ONLY]:
        return
    before = join.rows.used[0]
    row = row_of(join.rows, pane, group)
    if row == before and group == 0:
        join.clock[OPENED] = pane
    join.rows.sums[row, column] += by
    join.rows.changed[row] = join.clock[OPERATION]


@njit_uncounted()
def _count(join: Join, what: int) -> None:
    if not join.settings[FACTS_ONLY]:
        join.counts[what] += 1


@njit_uncounted()
def _pushes_out(at_ms: int, join: Join) -> bool:
    """Whether the next new fact pushes one out whose time is not over."""
    seq, capacity = join.clock[NEXT_SEQ], join.settings[CAPACITY]
    if capacity == 0 or seq < capacity:
        return False
    end_ms = (join.pane_of_seq[seq % capacity] + 1) * join.settings[PANE_MS]
    return bool(at_ms < end_ms + join.settings[FINAL_AFTER_MS])


@njit_uncounted()
def _make_fact(facts: Facts, f: int, since_ms: int, at_ms: int, join: Join) -> None:
    """A new fact takes the next number; in a bounded store it pushes out the oldest."""
    pushes_out = _pushes_out(at_ms, join)
    seq = join.clock[NEXT_SEQ]
    join.clock[NEXT_SEQ] = seq + 1
    facts.flags[f], facts.seq[f] = 0, seq
    capacity = join.settings[CAPACITY]
    if capacity > 0:
        if pushes_out:
            _count(join, counts.EVICTED)
            _change(join, join.pane_of_seq[seq % capacity], 0, join.settings[ESTIMATE_END] + 1, 1.0)
        join.pane_of_seq[seq % capacity] = since_ms // join.settings[PANE_MS]


@njit_uncounted()
def _note_pane(facts: Facts, f: int, since_ms: int, join: Join) -> None:
    """A fact goes on living by another time."""
    capacity = join.settings[CAPACITY]
    if capacity > 0:
        join.pane_of_seq[facts.seq[f] % capacity] = since_ms // join.settings[PANE_MS]


@njit_uncounted()
def _match(facts: Facts, f: int, at_ms: int, matches: Matches) -> None:
    facts.flags[f] |= MATCHED
    m = matches.n[0]
    matches.n[0] = m + 1
    matches.at_ms[m], matches.event_ms[m] = at_ms, facts.event_ms[f]
    matches.offset[m] = facts.prediction_offset[f]
    matches.prediction[m], matches.score[m] = facts.prediction[f], facts.score[f]
    matches.label[m], matches.weight[m] = facts.label[f], facts.weight[f]
    for g in range(facts.groups.shape[1]):
        matches.groups[m, g] = facts.groups[f, g]


@njit_uncounted()
def _set_label(operations: Operations, i: int, facts: Facts, f: int) -> None:
    facts.flags[f] |= LABELLED
    facts.label_offset[f] = operations.offset[i]
    facts.label_at_ms[f] = operations.at_ms[i]
    facts.label_ms[f] = operations.event_ms[i]
    facts.label[f] = operations.value[i]
    facts.weight[f] = operations.score[i]


@njit_uncounted()
def _same_label(operations: Operations, i: int, facts: Facts, f: int) -> bool:
    old, new = facts.label[f], operations.value[i]
    return bool((old == new or (math.isnan(old) and math.isnan(new))) and facts.weight[f] == operations.score[i])


@njit_uncounted()
def _apply_label(facts: Facts, f: int, join: Join, sign: float) -> None:
    """Add the fact's label to the rows of its groups, or take it away. label_at_ms is when it was joined."""
    if join.settings[FACTS_ONLY]:
        return
    pane = facts.event_ms[f] // join.settings[PANE_MS]
    delay_ms = facts.label_ms[f] - facts.event_ms[f]
    prediction, label = facts.prediction[f], facts.label[f]
    task, task_end = join.settings[TASK], join.settings[TASK_END]
    usable = not (math.isnan(prediction) or math.isnan(label))
    if usable and join.delays.sums.shape[1] > 0:
        delays = join.delays.sums[row_of(join.delays, pane, 0)]
        add_outcome_delay(task, delays, prediction, label, facts.label_at_ms[f] - facts.event_ms[f], sign)
    if sign > 0.0 and not usable:
        join.counts[counts.UNUSABLE] += 1
    for g in range(-1, facts.groups.shape[1]):
        row = find_row(join.rows, pane, 0 if g < 0 else facts.groups[f, g])
        sums = join.rows.sums[row]
        join.rows.changed[row] = join.clock[OPERATION]
        add_label(sums, delay_ms, prediction, label, sign)
        if usable:
            values = sums[COMMON_WIDTH:task_end]
            add_outcome(task, values, prediction, facts.score[f], label, facts.weight[f], sign)
    if task == RANKING and usable and prediction >= 0.0 and facts.score[f] <= POSITIONS_MAX:
        change_list(join.lists, join.rows, facts, f, pane, task_end, join.clock[OPERATION], sign)


@njit_uncounted()
def _mark(facts: Facts, f: int, join: Join, column: int) -> None:
    """One more of something for every group of the fact."""
    pane = facts.event_ms[f] // join.settings[PANE_MS]
    _change(join, pane, 0, column, 1.0)
    for g in range(facts.groups.shape[1]):
        _change(join, pane, int(facts.groups[f, g]), column, 1.0)


@njit_uncounted()
def _estimate(facts: Facts, f: int, by: float, join: Join) -> None:
    """Add the prediction to the label-free estimates of its groups."""
    if join.settings[FACTS_ONLY] or math.isnan(facts.prediction[f]):
        return
    pane = facts.event_ms[f] // join.settings[PANE_MS]
    start, end, code = join.settings[TASK_END], join.settings[ESTIMATE_END], join.settings[ESTIMATE]
    tables = join.tables
    if start == end:
        return
    for g in range(-1, facts.groups.shape[1]):
        row = find_row(join.rows, pane, 0 if g < 0 else facts.groups[f, g])
        sums = join.rows.sums[row, start:end]
        add_estimated(code, sums, facts.prediction[f], by, tables.starts, tables.edges, tables.values)


@njit_uncounted()
def _predict(operations: Operations, i: int, facts: Facts, f: int, join: Join, matches: Matches) -> None:
    at_ms, event_ms = operations.at_ms[i], operations.event_ms[i]
    if event_ms < EARLIEST_EVENT_MS or event_ms > at_ms + join.settings[TOLERANCE_MS]:
        _count(join, counts.IMPLAUSIBLE)
        return
    if at_ms >= _final_ms(event_ms, join):
        _count(join, counts.TOO_LATE)
        return
    valid = _valid(facts, f, at_ms, join)
    if valid and facts.flags[f] & PREDICTED:
        _count(join, counts.DUPLICATE)
        return
    if valid:
        _note_pane(facts, f, event_ms, join)
    else:
        _make_fact(facts, f, event_ms, at_ms, join)
    _count(join, counts.ACCEPTED)
    facts.flags[f] |= PREDICTED
    facts.prediction_offset[f], facts.event_ms[f] = operations.offset[i], event_ms
    facts.prediction[f], facts.score[f] = operations.value[i], operations.score[i]
    for g in range(facts.groups.shape[1]):
        facts.groups[f, g] = operations.groups[i, g]
    _mark(facts, f, join, N)
    _estimate(facts, f, operations.by[i], join)
    if facts.flags[f] & LABELLED:
        _change(join, facts.label_at_ms[f] // join.settings[PANE_MS], 0, join.settings[ESTIMATE_END], -1.0)
        _count(join, counts.CLAIMED)
        facts.label_at_ms[f] = at_ms
        _apply_label(facts, f, join, 1.0)
        _match(facts, f, at_ms, matches)


@njit_uncounted()
def _label(operations: Operations, i: int, facts: Facts, f: int, join: Join, matches: Matches) -> None:
    """A label for a valid prediction."""
    if not facts.flags[f] & LABELLED:
        _count(join, counts.JOINED)
    elif _same_label(operations, i, facts, f):
        _count(join, counts.REPEATED)
        return
    else:
        _count(join, counts.CORRECTED)
        _mark(facts, f, join, CORRECTED)
        _apply_label(facts, f, join, -1.0)
    _set_label(operations, i, facts, f)
    _apply_label(facts, f, join, 1.0)
    if not facts.flags[f] & MATCHED:
        _match(facts, f, operations.at_ms[i], matches)


@njit_uncounted()
def _park(operations: Operations, i: int, facts: Facts, f: int, join: Join) -> None:
    """A label without a valid prediction."""
    at_ms = operations.at_ms[i]
    if _valid(facts, f, at_ms, join):
        _count(join, counts.REPLACED)
        _change(join, facts.label_at_ms[f] // join.settings[PANE_MS], 0, join.settings[ESTIMATE_END], -1.0)
        _note_pane(facts, f, at_ms, join)
    elif _pushes_out(at_ms, join):
        _count(join, counts.TURNED_AWAY)
        return
    else:
        _count(join, counts.PARKED)
        _make_fact(facts, f, at_ms, at_ms, join)
    _set_label(operations, i, facts, f)
    _change(join, at_ms // join.settings[PANE_MS], 0, join.settings[ESTIMATE_END], 1.0)


@njit_uncounted()
def _retract(facts: Facts, f: int, at_ms: int, join: Join) -> None:
    if not (_valid(facts, f, at_ms, join) and facts.flags[f] & LABELLED):
        _count(join, counts.IDLE)
    elif facts.flags[f] & PREDICTED:
        _count(join, counts.RETRACTED)
        _mark(facts, f, join, RETRACTED)
        _apply_label(facts, f, join, -1.0)
        facts.flags[f] = PREDICTED | MATCHED
    else:
        _count(join, counts.IDLE)
        _change(join, facts.label_at_ms[f] // join.settings[PANE_MS], 0, join.settings[ESTIMATE_END], -1.0)
        facts.flags[f] = 0


@njit_uncounted()
def _mark_way(operations: Operations, i: int, join: Join) -> None:
    """Note that this operation is done, and where the logs were before it: when merged time reaches the next multiple of
    MARK_MS, and when MARK_FACTS more facts were made.
    """
    at_ms, offset, clock = operations.at_ms[i], operations.offset[i], join.clock
    facts_since = clock[NEXT_SEQ] - join.marks[clock[MARKS] - 1, NEXT_SEQ] if clock[MARKS] > 0 else 0
    if at_ms // join.settings[MARK_MS] > clock[LAST_MARK] or facts_since >= join.settings[MARK_FACTS]:
        clock[LAST_MARK] = at_ms // join.settings[MARK_MS]
        mark = join.marks[clock[MARKS]]
        for column in range(MARK_AT_MS):
            mark[column] = clock[column]
        mark[MARK_AT_MS] = at_ms
        clock[MARKS] += 1
    if operations.kind[i] == PREDICTION:
        clock[NEXT_PREDICTION], clock[PREDICTIONS_MS] = offset + 1, at_ms
    else:
        clock[NEXT_LABEL], clock[LABELS_MS] = offset + 1, at_ms


@njit_uncounted()
def fold(
    start: int, due_ms: int, operations: Operations, which: I64, facts: Facts, join: Join, matches: Matches
) -> int:
    """Do the operations from `start` on; returns the first one that was not done.

    which: int64[n], the fact that each operation is about. It returns early at one with merged time >= due_ms, after one
    that opened a pane (whose windows may be due sooner), and when there is no room for another mark or more rows. facts,
    join and matches are changed in place.
    """
    rows_per_operation = facts.groups.shape[1] + 2
    for i in range(start, operations.key.shape[0]):
        if operations.at_ms[i] >= due_ms or join.rows.used[0] + rows_per_operation > join.rows.pane.shape[0]:
            return i
        if join.delays.used[0] == join.delays.pane.shape[0]:
            return i
        f = which[i]
        if not join.settings[FACTS_ONLY]:
            if join.clock[MARKS] == join.marks.shape[0]:
                return i
            _mark_way(operations, i, join)
            join.clock[OPERATION] += 1
        join.clock[OPENED] = NONE
        kind = operations.kind[i]
        if kind == PREDICTION:
            _predict(operations, i, facts, f, join, matches)
        elif kind == RETRACTION:
            _retract(facts, f, operations.at_ms[i], join)
        elif _valid(facts, f, operations.at_ms[i], join) and facts.flags[f] & PREDICTED:
            _label(operations, i, facts, f, join, matches)
        else:
            _park(operations, i, facts, f, join)
        if join.clock[OPENED] != NONE:
            return i + 1
    return int(operations.key.shape[0])
