"""Data quality against the schema contract: wrong types, values out of range, categories never seen.

A closed pane of the whole model in which clearly more than `quality_share_max` of a field's values (and twice the share the
reference itself had) break the contract opens an alert, once per onset. "Clearly" is three standard deviations of the
count that the limit allows: two values of 190 are no news at a limit of 1 %. A pane at or below the limit closes it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from driftline.config.model_spec import ModelSpec
from driftline.processors.codes import CELL_INVALID, PARTITION_CELLS
from driftline.processors.crossings import Place, open_alert
from driftline.processors.field_tables import FieldTables
from driftline.processors.signal_ids import digest
from driftline.schemas.alerts import FeatureEvidence
from driftline.schemas.signals import AlertOpened, WindowClosed

EVENTS_MIN: Final = 100
"""Below this many events a share of one per cent says nothing."""

NO_OFFSET: Final = -1
"""A closed window stands behind the alert, not one record."""

VIOLATIONS: Final = {
    "invalid": "of a wrong type",
    "out_of_range": "outside the contract's range",
    "new_category": "of a category the reference never saw",
}


class ContractWatch:
    """Remembers which violations are going on, so that each is said once; `open` is the state."""

    def __init__(self, spec: ModelSpec, tables: FieldTables) -> None:
        self._shape = digest("contract", str(spec.quality_share_max))
        self._limits: list[dict[str, float]] = []
        for m, field in enumerate(tables.fields):
            cells = tables.cells[0, m]
            total = max(float(cells[:PARTITION_CELLS].sum()), 1.0)
            limit = dict.fromkeys(VIOLATIONS, spec.quality_share_max)
            limit["invalid"] = max(limit["invalid"], 2.0 * float(cells[CELL_INVALID]) / total)
            # new values are to be expected where the reference's own list of categories was not complete
            if field.kind != "numeric" and not field.contract.categories_closed:
                del limit["new_category"]
            self._limits.append(limit)
        self.open: set[tuple[str, str, str]] = set()

    def look_at(self, window: WindowClosed, place: Place) -> Iterator[AlertOpened]:
        """Alerts that this closed pane of the whole model opens."""
        if window.n < EVENTS_MIN:
            return
        for field, limits in zip(window.fields, self._limits, strict=True):
            for violation, limit in limits.items():
                count = getattr(field, violation)
                key = (field.kind, field.name, violation)
                if count <= limit * window.n:
                    self.open.discard(key)
                elif key not in self.open and count > _clearly_above(limit, window.n):
                    self.open.add(key)
                    evidence = FeatureEvidence(
                        name=field.name,
                        statistic=float(f"{count / window.n:.12g}"),
                        threshold=limit,
                        n=window.n,
                        reference_n=field.reference_n or 0,
                    )
                    yield open_alert(
                        place,
                        "quality",
                        "contract",
                        evidence,
                        self._shape,
                        window.end_ms,
                        NO_OFFSET,
                        (window.start_ms, window.end_ms),
                        f"{field.kind} {violation}",
                        f"{count / window.n:.1%} of the values of {field.name} are {VIOLATIONS[violation]} "
                        f"(more than {limit:.1%}): {count} of {window.n} events.",
                    )


def _clearly_above(limit: float, n: int) -> float:
    """The count that a share at the limit passes about once in a thousand panes (normal tail beyond three deviations)."""
    return limit * n + 3.0 * math.sqrt(limit * (1.0 - limit) * n)
