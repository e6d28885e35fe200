"""The hot path: admitted events go into the histograms and detectors of their segments.

One call handles the events between two window closings. For every segment set the events are sorted by segment (stable, so
each segment sees its events in log order), and then one (segment, field) after another takes all its events at once:
its state stays in cache or registers, and nothing depends on how the log was cut into batches, because detectors look
at each value in order and window counts only add up.

*Randomised probability-integral transform*: a value becomes one of 256 levels, uniform under the reference. A bin of mass p
covers an interval of the unit line; where in it a value falls is decided by bits of the event's id hash, so that
replay finds the same level. Categories are laid side by side on the line in the same way. So one table of bets serves all
fields, and alarms keep their meaning for discrete and tied values (Brockwell, "Universal residuals: a multivariate
transformation", Statistics & Probability Letters 77, 2007, section 2).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numba import njit

from driftline.processors.arrays import F64, I32, I64, U8, U16, U32, U64
from driftline.processors.budget import PAGE_HINKLEY_ALLOWANCE
from driftline.processors.codes import CELL_NEW_CATEGORY, CELL_OUT_OF_RANGE, CELLS, NEW_CATEGORY_CODE
from driftline.processors.detectors.adwin import adwin_run
from driftline.processors.detectors.bets import MISSING_LEVEL
from driftline.processors.detectors.chi_square_cascade import cascade_run
from driftline.processors.detectors.page_hinkley import BOTH, page_hinkley_run
from driftline.processors.detectors.shiryaev_roberts import shiryaev_roberts_run
from driftline.processors.kernels import njit_uncounted
from driftline.processors.moments import MOMENTS, add_value, merge_moments

SHIRYAEV_ROBERTS: Final = 0
CHI_SQUARE: Final = 1
ADWIN: Final = 2
PAGE_HINKLEY: Final = 3
DETECTORS: Final = ("shiryaev_roberts", "chi_square", "adwin", "page_hinkley")

# columns of what is written for each alarm
HIT_COLUMNS: Final = 6  # position in the batch, row, field, detector, events of the segment so far, events since onset
HIT_NUMBERS: Final = 8  # statistic, threshold, moments of a numeric field in the open panes up to the alarm


class Columns(NamedTuple):
    """A batch as the kernel sees it."""

    codes: U16  # [M, n]
    values: F64  # [M_numeric, n]
    id_hash: U64  # [n]
    slot: I32  # [n] place of the event's pane in the window state


class Tables(NamedTuple):
    """What the reference gives: see FieldTables."""

    cell_of_code: U8  # [M, 258]
    is_numeric: U8  # [M]
    whole_cdf: U32  # [M, 257]
    segment_cdf: U32  # [R, M, 65]
    multipliers: U64  # [M]
    center: F64  # [M_numeric]
    low: F64  # [M_numeric]
    high: F64  # [M_numeric]


class Windows(NamedTuple):
    """The arrays of WindowState."""

    events: I64  # [G, S]
    counts: U32  # [G, S, M, 68]
    moments: F64  # [G, S, M_numeric, 6]
    detections: U32  # [G, S, M, 2]


@njit_uncounted()
def _sort_by_row(events: I64, rows: I32, tally: I64, order: I64, starts: I64, touched: I64) -> int:
    """Stable counting sort of events by segment row, touching only rows that occur; the number of such rows.

    tally: int64[G], all zero before and after. Written: order int64[k], starts int64[<= k + 1], touched int64[<= k].
    """
    n_touched = 0
    for j in range(events.shape[0]):
        row = rows[j]
        if tally[row] == 0:
            touched[n_touched] = row
            n_touched += 1
        tally[row] += 1
    at = 0
    for t in range(n_touched):
        starts[t] = at
        size = tally[touched[t]]
        tally[touched[t]] = at
        at += size
    starts[n_touched] = at
    for j in range(events.shape[0]):
        row = rows[j]
        order[tally[row]] = events[j]
        tally[row] += 1
    for t in range(n_touched):
        tally[touched[t]] = 0
    return n_touched


@njit_uncounted()
def _count_field(
    events: I64, g: int, m: int, r: int, columns: Columns, tables: Tables, windows: Windows, cells: U8, levels: U16
) -> None:
    """Histogram and moments of one segment and field; writes the cell and the level of each event (256 = not a value)."""
    codes = columns.codes[m]
    cell_of_code = tables.cell_of_code[m]
    counts = windows.counts[g, :, m]
    slot = columns.slot
    numeric = tables.is_numeric[m] != 0
    whole = g == 0
    multiplier = tables.multipliers[m]
    cdf = tables.whole_cdf[m] if whole else tables.segment_cdf[r, m]
    for j in range(events.shape[0]):
        i = events[j]
        code = codes[i]
        cell = cell_of_code[code]
        counts[slot[i], cell] += np.uint32(1)
        cells[j] = cell
        if cell >= CELLS:
            levels[j] = MISSING_LEVEL
            continue
        position = np.int64(code) if whole else np.int64(cell)
        low = np.int64(cdf[position])
        width = np.int64(cdf[position + 1]) - low
        random = np.int64((columns.id_hash[i] * multiplier) >> np.uint64(48))
        level = (low + ((width * random) >> 16)) >> 8
        levels[j] = level if level < 255 else 255
        if not numeric and code == NEW_CATEGORY_CODE:
            counts[slot[i], CELL_NEW_CATEGORY] += np.uint32(1)
    if numeric:
        values = columns.values[m]
        center, least, most = tables.center[m], tables.low[m], tables.high[m]
        moments = windows.moments[g, :, m]
        for j in range(events.shape[0]):
            if cells[j] < CELLS:
                i = events[j]
                x = values[i]
                add_value(moments, slot[i], x, center)
                if x < least or x > most:
                    counts[slot[i], CELL_OUT_OF_RANGE] += np.uint32(1)


class Detectors(NamedTuple):
    """The arrays of DetectorState."""

    seen: I64  # [G]
    bets: F64  # [G, M, 24]
    bets_latched: U8  # [G, M, 1]
    bets_marks: I64  # [G, M, 3]
    cascade: U16  # [G, M, LEVELS, 18]
    cascade_latched: U8  # [G, M, 1]
    adwin_sums: F64  # [G, M, 14, 5]
    adwin_counts: U8  # [G, M, 14]
    adwin_head: F64  # [G, M, 4]
    page_hinkley: F64  # [G, M, 6]
    page_hinkley_latched: U8  # [G, M, 1]


class Judges(NamedTuple):
    """Parameters and thresholds of the detectors: see Thresholds."""

    alarms: U8  # [4] whether a detector may alarm
    level_values: F64  # [257] u of a level, for ADWIN; NaN for missing
    level_deviations: F64  # [257] sqrt(12) (u - 1/2), for Page-Hinkley; NaN for missing
    log_width: F64  # ADWIN's table
    bet_tables: F64  # [T, 257, 24]
    bet_table_of: I64  # [R, M] which of them
    field_bets: F64  # [R, M, 3, 24]
    bet_limits: F64  # [R, M, 13]
    base_of_cell: U8  # [R, M, 68]
    test_cell: U8  # [R, M, LEVELS, 18]
    cascade_reference: F64  # [R, M, 18]
    cascade_critical: F64  # [R, M, 2, LEVELS]
    cascade_levels: I64  # [R, M]
    adwin_delta: F64  # [1 + sets]
    page_hinkley_threshold: F64  # [1 + sets]


@njit_uncounted()
def _detect(
    events: I64,
    g: int,
    m: int,
    s: int,
    r: int,
    columns: Columns,
    windows: Windows,
    state: Detectors,
    judges: Judges,
    levels: U16,
    cells: U8,
    hits: I64,
    evidence: F64,
    out: I64,
    numbers: F64,
    n_out: int,
) -> int:
    """Feed one segment's events of one field to its detectors; alarms are added to `out`, their new number is returned."""
    seen = state.seen[g]
    slot = columns.slot
    judged = r >= 0
    if judged:
        k = shiryaev_roberts_run(
            state.bets[g, m],
            state.bets_latched[g, m],
            state.bets_marks[g, m],
            seen,
            levels,
            judges.bet_tables[judges.bet_table_of[r, m]],
            judges.field_bets[r, m],
            judges.bet_limits[r, m],
            hits,
            evidence,
        )
        for h in range(k if judges.alarms[SHIRYAEV_ROBERTS] else 0):
            _put(out, numbers, n_out, events[hits[h]], g, m, SHIRYAEV_ROBERTS, seen + hits[h] + 1, evidence[h])
            n_out += 1
        k = cascade_run(
            state.cascade[g, m],
            state.cascade_latched[g, m],
            seen,
            cells,
            judges.base_of_cell[r, m],
            judges.test_cell[r, m],
            judges.cascade_reference[r, m],
            judges.cascade_critical[r, m],
            judges.cascade_levels[r, m],
            hits,
            evidence,
        )
        for h in range(k if judges.alarms[CHI_SQUARE] else 0):
            _put(out, numbers, n_out, events[hits[h]], g, m, CHI_SQUARE, seen + hits[h] + 1, evidence[h])
            n_out += 1
    k = adwin_run(
        state.adwin_sums[g, m],
        state.adwin_counts[g, m],
        state.adwin_head[g, m],
        levels,
        judges.level_values,
        judges.log_width,
        judges.adwin_delta[s],
        hits,
        evidence,
    )
    for h in range(k):
        i = events[hits[h]]
        windows.detections[g, slot[i], m, 0] += np.uint32(1)
        if judged and judges.alarms[ADWIN]:
            _put(out, numbers, n_out, i, g, m, ADWIN, seen + hits[h] + 1, evidence[h])
            n_out += 1
    k = page_hinkley_run(
        state.page_hinkley[g, m],
        state.page_hinkley_latched[g, m],
        levels,
        judges.level_deviations,
        0.0,
        1.0,
        PAGE_HINKLEY_ALLOWANCE,
        judges.page_hinkley_threshold[s],
        1.0,
        BOTH,
        True,
        True,
        hits,
        evidence,
    )
    for h in range(k):
        i = events[hits[h]]
        windows.detections[g, slot[i], m, 1] += np.uint32(1)
        if judged and judges.alarms[PAGE_HINKLEY]:
            _put(out, numbers, n_out, i, g, m, PAGE_HINKLEY, seen + hits[h] + 1, evidence[h])
            n_out += 1
    return n_out


@njit_uncounted(inline="always")
def _put(out: I64, numbers: F64, at: int, i: int, g: int, m: int, detector: int, seen: int, evidence: F64) -> None:
    out[at, 0], out[at, 1], out[at, 2], out[at, 3], out[at, 4] = i, g, m, detector, seen
    out[at, 5] = np.int64(evidence[3])
    numbers[at, 0], numbers[at, 1] = evidence[0], evidence[1]


@njit(cache=True, nogil=True)
def _describe(
    events: I64, m: int, first: int, last: int, columns: Columns, center: float, cells: U8, before: F64, after: F64,
    out: I64, numbers: F64,
) -> None:  # fmt: skip
    """Write the moments of the open panes at each alarm [first, last) of one segment and field, exactly as they were then.

    An alarm's description must not know what the batch brought after it. before: float64[P, 6] moments of the panes
    before these events; after: float64[P, 6], for use in here. Alarms of one detector are in the order of the log.
    """
    position = np.int64(-1)
    j = 0
    for h in range(first, last):
        if h == first or out[h, 0] <= position:
            after[:] = before
            j = 0
        position = out[h, 0]
        while j < events.shape[0] and events[j] <= position:
            if cells[j] < CELLS:
                add_value(after, columns.slot[events[j]], columns.values[m, events[j]], center)
            j += 1
        numbers[h, 2:] = after[0]
        for pane in range(1, after.shape[0]):
            merge_moments(numbers[h : h + 1, 2:], after[pane : pane + 1])


@njit(cache=True, nogil=True)
def apply_run(
    events: I64,
    rows: I32,
    reference_row: I32,
    panes: int,
    columns: Columns,
    tables: Tables,
    windows: Windows,
    state: Detectors,
    judges: Judges,
    out: I64,
    numbers: F64,
) -> int:
    """Apply admitted events between two window closings; the number of alarms.

    events: int64[k] positions in the batch, ascending; rows: int32[1 + sets, k] segment rows; reference_row: int32[G];
    panes: places of the window state that are panes.
    Written: out int64[>= alarms_max, 6], numbers float64[>= alarms_max, 8] (HIT_COLUMNS, HIT_NUMBERS), in no set order.
    """
    k, fields = events.shape[0], columns.codes.shape[0]
    tally = np.zeros(state.seen.shape[0], np.int64)
    order, starts, touched = np.empty(k, np.int64), np.empty(k + 1, np.int64), np.empty(k, np.int64)
    cells, levels = np.empty(k, np.uint8), np.empty(k, np.uint16)
    hits, evidence = np.empty(k, np.int64), np.empty((k, 4))
    before, after = np.empty((panes, MOMENTS)), np.empty((panes, MOMENTS))
    n_out = 0
    for s in range(rows.shape[0]):
        n_touched = _sort_by_row(events, rows[s], tally, order, starts, touched)
        for t in range(n_touched):
            g = int(touched[t])
            mine = order[starts[t] : starts[t + 1]]
            n = mine.shape[0]
            for j in range(n):
                windows.events[g, columns.slot[mine[j]]] += 1
            r = int(reference_row[g])
            for m in range(fields):
                numeric = tables.is_numeric[m] != 0
                if numeric:
                    before[:] = windows.moments[g, :panes, m]
                first = n_out
                _count_field(mine, g, m, r if r > 0 else 0, columns, tables, windows, cells[:n], levels[:n])
                n_out = _detect(
                    mine, g, m, s, r, columns, windows, state, judges, levels[:n], cells[:n], hits, evidence,
                    out, numbers, n_out,
                )  # fmt: skip
                if numeric and n_out > first:
                    center = tables.center[m]
                    _describe(mine, m, first, n_out, columns, center, cells, before, after, out, numbers)
            state.seen[g] += n
    return n_out


def alarms_max(events: int, memberships: int, fields: int) -> int:
    """Room that `apply_run` may need: each of the four detectors alarms at most once at an event."""
    return len(DETECTORS) * fields * memberships * events
