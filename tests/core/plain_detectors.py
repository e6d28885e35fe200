"""The detecting side of a monitor from the plain classes of the detectors, event by event: the twin of the apply kernel."""

from __future__ import annotations

import math
from dataclasses import dataclass

from driftline.processors.apply import Judges
from driftline.processors.budget import PAGE_HINKLEY_ALLOWANCE
from driftline.processors.detectors.adwin_plain import PlainAdwin
from driftline.processors.detectors.cascade_plan import CascadePlan
from driftline.processors.detectors.chi_square_cascade_plain import PlainCascade
from driftline.processors.detectors.page_hinkley_plain import PlainCusum
from driftline.processors.detectors.shiryaev_roberts_plain import PlainShiryaevRoberts
from driftline.processors.field_tables import FieldTables
from driftline.processors.id_hash import hash_ids, hash_key
from driftline.processors.segments import Segment
from tests.core.plain_fields import PlainField
from tests.core.plain_monitor import Applied

Alarm = tuple[int, tuple[int, str], int, str]  # offset, segment, field, detector


@dataclass
class PlainJudge:
    """The four detectors of one field in one segment; the first two only where the reference has a profile."""

    bets: PlainShiryaevRoberts | None
    cascade: PlainCascade | None
    adwin: PlainAdwin
    page_hinkley: PlainCusum

    def update(self, level: int, cell: int) -> list[str]:
        u = math.nan if level == 256 else (level + 0.5) / 256
        alarms = []
        if self.bets is not None and self.bets.update(level):
            alarms.append("shiryaev_roberts")
        if self.cascade is not None and self.cascade.update(cell):
            alarms.append("chi_square")
        if self.adwin.update(u):
            alarms.append("adwin")
        if self.page_hinkley.update(math.sqrt(12.0) * (u - 0.5)):
            alarms.append("page_hinkley")
        return alarms


class PlainDetectors:
    """Fed with what a PlainMonitor applied; `judges` is keyed by (segment, field)."""

    def __init__(self, model: str, tables: FieldTables, judges: Judges) -> None:
        self._key = hash_key(model)
        self._tables, self._judges = tables, judges
        self._fields = [PlainField(profile) for profile in tables.fields]
        self.judges: dict[tuple[tuple[int, str], int], PlainJudge] = {}
        self.alarms: list[Alarm] = []

    def take(self, applied: Applied) -> None:
        id_hash = int(hash_ids(self._key, [applied.event.prediction_id])[0])
        for segment in applied.segments:
            row = self._tables.reference_row(Segment(*segment))
            for m, field in enumerate(self._fields):
                value = field.value(applied.event)
                cells = None if segment == (-1, "") else self._tables.cells[max(row, 0), m, :64].tolist()
                level = field.level(value, id_hash, int(self._tables.multipliers[m]), cells)
                if (segment, m) not in self.judges:
                    self.judges[segment, m] = self._judge(segment, row, m)
                for name in self.judges[segment, m].update(level, value.cell):
                    if row >= 0:
                        self.alarms.append((applied.offset, segment, m, name))

    def _judge(self, segment: tuple[int, str], row: int, m: int) -> PlainJudge:
        judges, scope = self._judges, segment[0] + 1
        bets = cascade = None
        if row >= 0:
            table = judges.bet_tables[judges.bet_table_of[row, m]]
            bets = PlainShiryaevRoberts(judges.field_bets[row, m], *judges.bet_limits[row, m, :4].tolist(), table)
            plan = CascadePlan(
                judges.base_of_cell[row, m],
                judges.test_cell[row, m],
                judges.cascade_reference[row, m],
                judges.cascade_critical[row, m],
                judges.cascade_levels[row, m],
                int(judges.cascade_levels[row, m]),
            )
            cascade = PlainCascade(plan)
        threshold = float(judges.page_hinkley_threshold[scope])
        return PlainJudge(
            bets,
            cascade,
            PlainAdwin(float(judges.adwin_delta[scope])),
            PlainCusum(threshold, PAGE_HINKLEY_ALLOWANCE),
        )
