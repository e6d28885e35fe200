"""Every threshold of a model, from its false-alarm budget and its reference, as the arrays the kernels read."""

from __future__ import annotations

import numpy as np

from driftline.config.model_spec import ModelSpec
from driftline.processors.apply import DETECTORS, Judges
from driftline.processors.arrays import F64, I64, U8
from driftline.processors.codes import CELL_INVALID, CELL_MISSING, N_CELLS, PARTITION_CELLS
from driftline.processors.detectors.adwin import LOG_WIDTH
from driftline.processors.detectors.bets import BETS, LEVELS, field_bets, value_bets
from driftline.processors.detectors.cascade_plan import CASCADE_CELLS, CASCADE_LEVELS, cascade_plan
from driftline.processors.detectors.chi_square_cascade import cascade_p
from driftline.processors.detectors.shiryaev_roberts import LIMITS, alarm_limits
from driftline.processors.field_tables import FieldTables
from driftline.processors.reference.profile import Reference
from driftline.processors.signal_ids import digest


class Thresholds:
    """`judges` is what the apply kernel takes; `fingerprint` changes with anything that shapes a detector's state."""

    def __init__(self, spec: ModelSpec, reference: Reference | None, tables: FieldTables) -> None:
        rows, fields = tables.cells.shape[:2]
        sets = 1 + len(spec.segments)
        u = np.append((np.arange(LEVELS) + 0.5) / LEVELS, np.nan)
        bets: F64 = np.ones((rows, fields, 3, BETS))
        limits: F64 = np.zeros((rows, fields, LIMITS))
        base_of_cell: U8 = np.zeros((rows, fields, N_CELLS), np.uint8)
        test_cell: U8 = np.zeros((rows, fields, CASCADE_LEVELS, CASCADE_CELLS), np.uint8)
        cascade_reference: F64 = np.zeros((rows, fields, CASCADE_CELLS))
        critical: F64 = np.zeros((rows, fields, 2, CASCADE_LEVELS))
        levels_used: I64 = np.zeros((rows, fields), np.int64)
        self._dof: I64 = np.zeros((rows, fields, CASCADE_LEVELS), np.int64)
        rate = spec.false_alarms.per_week / (
            spec.events_per_week or (reference.events_per_week if reference else 0) or 1e6
        )
        A = max(1 / (rate * 0.5 / max(fields, 1) * 0.6), 10.0)
        for r in range(rows):
            for m in range(fields):
                cells = tables.cells[r, m]
                unusable = int(cells[CELL_INVALID] + cells[CELL_MISSING])
                bets[r, m] = field_bets(unusable, max(1, int(cells[:PARTITION_CELLS].sum())))
                limits[r, m] = alarm_limits(A, bets[r, m])
                plan = cascade_plan(cells, numeric=bool(tables.is_numeric[m]), rate=1 / A)
                base_of_cell[r, m], test_cell[r, m], cascade_reference[r, m], critical[r, m], levels_used[r, m] = (
                    plan.kernel_arguments()
                )
                self._dof[r, m] = plan.dof
        alarms: U8 = np.array([name in spec.detectors for name in DETECTORS], np.uint8)
        self.judges = Judges(
            alarms=alarms,
            level_values=u,
            level_deviations=np.sqrt(12.0) * (u - 0.5),
            log_width=LOG_WIDTH,
            bet_table=value_bets(),
            field_bets=bets,
            bet_limits=limits,
            base_of_cell=base_of_cell,
            test_cell=test_cell,
            cascade_reference=cascade_reference,
            cascade_critical=critical,
            cascade_levels=levels_used,
            adwin_delta=np.full(sets, 1e-4),
            page_hinkley_threshold=np.full(sets, 40.0),
        )
        self.fingerprint = digest("thresholds", str(A))

    def p_value(self, row: int, field: int, statistic: float, events: int) -> float:
        """Of an alarm of the chi-square cascade in a window of so many events."""
        return cascade_p(statistic, float(events), self._dof[row, field])

    def shape(self, detector: str) -> str:
        return digest(detector, self.fingerprint)
