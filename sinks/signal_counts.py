"""What signals say that is counted and not measured: alerts, late and rejected events, health. Since the worker started."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from driftline.schemas.signals import AlertOpened, Health, LateEvents, Rejected, Signal
from driftline.sinks import metric_names as names
from driftline.sinks.capped_table import CappedTable
from driftline.sinks.metric_names import Metric
from driftline.sinks.samples import Number, Sample

ALERT_ROWS_MAX: Final = 400
LATE_ROWS_MAX: Final = 300
REJECTED_ROWS_MAX: Final = 300
HEALTH_ROWS_MAX: Final = 100


class SignalCounts:
    """Takes signals, gives samples."""

    def __init__(self) -> None:
        self._tables: dict[Metric, CappedTable[Number]] = {
            names.ALERTS_OPENED: CappedTable(Number, 3, ALERT_ROWS_MAX),
            names.LATE: CappedTable(Number, 2, LATE_ROWS_MAX),
            names.REJECTED: CappedTable(Number, 3, REJECTED_ROWS_MAX),
            names.HEALTH: CappedTable(Number, 1, HEALTH_ROWS_MAX),
        }

    @property
    def folded(self) -> int:
        """Updates that went under `__other__`."""
        return sum(table.folded for table in self._tables.values())

    def observe(self, signal: Signal) -> None:
        """Count what it says; signals that say nothing countable are passed over."""
        if isinstance(signal, AlertOpened):
            alert = signal.alert
            self._add(names.ALERTS_OPENED, (alert.model, alert.kind, alert.severity), 1)
        elif isinstance(signal, LateEvents):
            self._add(names.LATE, (str(signal.partition), signal.model), signal.count)
        elif isinstance(signal, Rejected):
            for reason, count in signal.reasons.items():
                self._add(names.REJECTED, (str(signal.partition), signal.model, str(reason)), count)
        elif isinstance(signal, Health):
            self._add(names.HEALTH, (str(signal.code),), 1)

    def _add(self, metric: Metric, labels: tuple[str, ...], count: int) -> None:
        self._tables[metric][labels].value += count

    def forget_partition(self, partition: str) -> None:
        """Its models are counted where it went."""
        for metric in (names.LATE, names.REJECTED):
            self._tables[metric].drop(partition)

    def samples(self) -> Iterator[Sample]:
        """Everything as it is now."""
        for metric, table in self._tables.items():
            yield from (Sample(metric, labels, row.value) for labels, row in table.items())
