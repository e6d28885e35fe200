"""Every threshold of a model, from its false-alarm budget and its reference, as the arrays the kernels read."""

from __future__ import annotations

import functools

import numpy as np

from driftline.config.model_spec import ModelSpec
from driftline.processors.apply import DETECTORS, Judges
from driftline.processors.arrays import F64, I64, U8
from driftline.processors.budget import MonitorRates, monitor_rates
from driftline.processors.codes import CELL_INVALID, CELL_MISSING, CELLS, N_CELLS, PARTITION_CELLS
from driftline.processors.detectors.adwin import LOG_WIDTH
from driftline.processors.detectors.bets import BETS, LEVELS, field_bets, value_bets
from driftline.processors.detectors.cascade_plan import (
    BASE_EVENTS,
    CASCADE_CELLS,
    CASCADE_LEVELS,
    REFERENCE_PER_WINDOW,
    cascade_plan,
)
from driftline.processors.detectors.category_bets import category_bets
from driftline.processors.detectors.chi_square_cascade import cascade_p
from driftline.processors.detectors.shiryaev_roberts import LIMITS, alarm_limits
from driftline.processors.field_tables import FieldTables
from driftline.processors.reference.profile import Reference
from driftline.processors.segments import WHOLE_MODEL
from driftline.processors.signal_ids import digest


class Thresholds:
    """`judges` is what the apply kernel takes; `rates` says how the budget was split.

    Reference rows (R) are those of `tables`: the whole model, then each segment with a profile of its own.
    """

    def __init__(self, spec: ModelSpec, reference: Reference | None, tables: FieldTables) -> None:
        rows, fields = tables.cells.shape[:2]
        self.rates = monitor_rates(spec, fields, reference.events_per_week if reference is not None else None)
        self._dof: I64 = np.zeros((rows, fields, CASCADE_LEVELS), np.int64)
        self.judges = _empty_judges(spec, self.rates, tables)
        scopes = (self.rates.whole_model, *self.rates.segment_sets)
        for segment, row in tables.rows.items():
            detectors = scopes[segment.set_index - WHOLE_MODEL].detectors
            threshold, rate = detectors["shiryaev_roberts"].threshold, detectors["chi_square"].rate
            for m in range(fields):
                self._fill(row, m, tables, threshold, rate)
        self._shapes = {
            name: digest(name, tables.reference_hash, *(f"{s.detectors[name].threshold!r}" for s in scopes))
            for name in DETECTORS
        }
        self.fingerprint = digest("detectors", *self._shapes.values())

    def _fill(self, row: int, m: int, tables: FieldTables, threshold: float, rate: float) -> None:
        judges, cells = self.judges, tables.cells[row, m]
        unusable = int(cells[CELL_INVALID] + cells[CELL_MISSING])
        total = max(1, int(cells[:PARTITION_CELLS].sum()))
        judges.field_bets[row, m], judges.bet_limits[row, m] = _bets_and_limits(unusable, total, threshold)
        if row == 0 and not tables.is_numeric[m]:
            judges.bet_table_of[row, m] = m - tables.n_numeric + 1
            table = judges.bet_tables[judges.bet_table_of[row, m]]
            table[:] = category_bets(cells[:CELLS])
            judges.bet_limits[row, m] = alarm_limits(threshold, judges.field_bets[row, m], table)
        if total < BASE_EVENTS * REFERENCE_PER_WINDOW:
            return  # no count window is short enough for such a small reference: levels_used stays 0
        plan = cascade_plan(cells, numeric=bool(tables.is_numeric[m]), rate=rate)
        judges.base_of_cell[row, m], judges.test_cell[row, m] = plan.base_of_cell, plan.test_cell
        judges.cascade_reference[row, m], judges.cascade_critical[row, m] = plan.reference, plan.critical
        judges.cascade_levels[row, m] = plan.levels_used
        self._dof[row, m] = plan.dof

    def p_value(self, row: int, field: int, statistic: float, events: int) -> float:
        """Of an alarm of the chi-square cascade in a window of so many events."""
        return cascade_p(statistic, float(events), self._dof[row, field])

    def shape(self, detector: str) -> str:
        """A hash of what shaped the detector: part of the ids of what it says."""
        return self._shapes[detector]


@functools.lru_cache(maxsize=4_096)
def _bets_and_limits(unusable: int, total: int, threshold: float) -> tuple[F64, F64]:
    """Most fields of a segment share these: they are never missing."""
    bets = field_bets(unusable, total)
    return bets, alarm_limits(threshold, bets)


def _empty_judges(spec: ModelSpec, rates: MonitorRates, tables: FieldTables) -> Judges:
    rows, fields = tables.cells.shape[:2]
    scopes = (rates.whole_model, *rates.segment_sets)
    u: F64 = np.append((np.arange(LEVELS) + 0.5) / LEVELS, np.nan)
    alarms: U8 = np.array([name in spec.detectors for name in DETECTORS], np.uint8)
    return Judges(
        alarms=alarms,
        level_values=u,
        level_deviations=np.sqrt(12.0) * (u - 0.5),
        log_width=LOG_WIDTH,
        # bets on categories for the whole model's; segments share one table, or their number would multiply 50 KB
        bet_tables=np.tile(value_bets(), (1 + fields - tables.n_numeric, 1, 1)),
        bet_table_of=np.zeros((rows, fields), np.int64),
        field_bets=np.ones((rows, fields, 3, BETS)),
        bet_limits=np.zeros((rows, fields, LIMITS)),
        base_of_cell=np.zeros((rows, fields, N_CELLS), np.uint8),
        test_cell=np.zeros((rows, fields, CASCADE_LEVELS, CASCADE_CELLS), np.uint8),
        cascade_reference=np.zeros((rows, fields, CASCADE_CELLS)),
        cascade_critical=np.zeros((rows, fields, 2, CASCADE_LEVELS)),
        cascade_levels=np.zeros((rows, fields), np.int64),
        adwin_delta=np.array([scope.detectors["adwin"].threshold for scope in scopes]),
        page_hinkley_threshold=np.array([scope.detectors["page_hinkley"].threshold for scope in scopes]),
    )
