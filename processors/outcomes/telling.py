"""Rows of panes to performance windows: add up, compute the metrics, and say so."""

from __future__ import annotations

import numpy as np
from msgspec import structs

from driftline.config.fingerprint import config_hash, shape_fingerprint
from driftline.config.model_spec import ModelSpec
from driftline.processors.arrays import F64, I32, I64, Bool
from driftline.processors.estimation.estimator import Estimator
from driftline.processors.outcomes.groups import Group, Groups
from driftline.processors.outcomes.pane_rows import PaneRows
from driftline.processors.outcomes.row_columns import RowColumns
from driftline.processors.outcomes.schedule import Due
from driftline.processors.outcomes.segment_gaps import SegmentGaps
from driftline.processors.performance.classes import Classes
from driftline.processors.performance.common import (
    COMMON_WIDTH,
    CORRECTED,
    DELAY,
    DELAY_CELLS,
    LABELLED,
    RETRACTED,
    UNUSABLE,
    N,
    delay_quantile,
)
from driftline.processors.performance.corrected_windows import PaneSums, corrected_metrics
from driftline.processors.performance.task_layout import TaskLayout
from driftline.processors.rounding import written_all
from driftline.processors.signal_ids import digest
from driftline.schemas.signals import LabelExpired, PerformanceWindow


class Telling:
    """Makes the signals of one model out of its rows; changes nothing."""

    def __init__(
        self,
        spec: ModelSpec,
        partition: int,
        groups: Groups,
        columns: RowColumns,
        task: TaskLayout,
        classes: Classes,
        estimator: Estimator,
    ) -> None:
        self._model = spec.name
        self._partition = partition
        self._groups = groups
        self._columns = columns
        self._task = task
        self._classes = classes
        self._estimator = estimator
        self._gaps = SegmentGaps(spec, task)
        self._final_age_ms = spec.labels.horizon_ms + spec.lateness_ms
        self._pane_ms = spec.windows_ms[0]
        self._config_hash = config_hash(spec)
        self._shape = digest("outcomes", shape_fingerprint(spec, "windows"), spec.labels.horizon_ms)

    def windows(
        self, due: Due, rows: PaneRows, delays: PaneRows, *, final: bool, all_groups: bool
    ) -> list[PerformanceWindow]:
        """One window of every group that has predictions in it, by number of the group.

        all_groups: also of those in which nothing has changed since the window was told of last.
        """
        of_window = np.flatnonzero(self.rows_of(due, rows))
        if not len(of_window) or not (all_groups or (rows.changed[of_window] > due.told).any()):
            return []
        numbers, which = np.unique(rows.group[of_window], return_inverse=True)
        sums = self._added_up(rows.sums[of_window], which, len(numbers))
        changed: I64 = np.zeros(len(numbers), np.int64)
        np.maximum.at(changed, which, rows.changed[of_window])
        told = (sums[:, N] > 0) & (all_groups | (changed > due.told))
        told &= np.array([self._groups.group(number).told for number in numbers.tolist()])
        if not told.any():
            return []
        corrected = {} if final else self._corrected(due, rows, delays, numbers[told])
        windows = self._signals(due, numbers[told].tolist(), sums[told], corrected, final)
        if windows and not numbers[told][0]:  # the whole model is group 0
            groups = [self._groups.group(number) for number in numbers.tolist()]
            windows[0] = structs.replace(windows[0], gaps=self._gaps.of_window(groups, sums))
        return windows

    def expired(self, due: Due, rows: PaneRows) -> LabelExpired | None:
        """What the final pane leaves unjoined; None when that is nothing."""
        whole = self.rows_of(due, rows) & (rows.group == 0)
        sums = rows.sums[whole].sum(axis=0)
        predictions, labels = int(sums[N] - sums[LABELLED]), int(sums[self._columns.waiting])
        if not predictions and not labels:
            return None
        return LabelExpired(
            id=digest("label_expired", self._shape, self._model, self._partition, due.end_ms),
            model=self._model,
            partition=self._partition,
            pane_end_ms=due.end_ms,
            predictions=predictions,
            labels=labels,
        )

    def rows_of(self, due: Due, rows: PaneRows) -> Bool:
        """bool[rows]: those whose pane lies in the window."""
        first, end = due.start_ms // self._pane_ms, due.end_ms // self._pane_ms
        inside: Bool = (rows.pane >= first) & (rows.pane < end)
        return inside

    def _id(self, due: Due, group: Group, final: bool) -> str:
        segment = (*group.segment_set, group.segment)
        about = (self._model, group.version, self._partition)
        return digest("performance", self._shape, *about, *segment, due.length_ms, due.end_ms, due.revision, int(final))

    def _added_up(self, sums: F64, which: I64, k: int) -> F64:
        """float64[k, width]: of rows (float64[n, width]), the sum of those with each `which` (int64[n])."""
        total: F64 = np.zeros((k, sums.shape[1]))
        np.add.at(total, which, sums)
        if self._task.pairs:
            task = slice(COMMON_WIDTH, self._columns.task_end)
            for group in range(k):
                total[group, task] = self._task.merged(sums[which == group, task])
        return total

    def _corrected(self, due: Due, rows: PaneRows, delays: PaneRows, numbers: I32) -> dict[str, F64]:
        """Metrics of k groups (int32[k], ascending) corrected for labels that come at different speeds: see `correction`."""
        of_groups = np.flatnonzero(self.rows_of(due, rows) & np.isin(rows.group, numbers))
        task = slice(COMMON_WIDTH, self._columns.task_end)
        return corrected_metrics(
            self._task,
            PaneSums(rows.sums[of_groups, task], rows.pane[of_groups]),
            PaneSums(delays.sums, delays.pane),
            np.searchsorted(numbers, rows.group[of_groups]),
            len(numbers),
            at_ms=due.due_ms,
            pane_ms=self._pane_ms,
            final_age_ms=self._final_age_ms,
        )

    def _signals(
        self, due: Due, numbers: list[int], sums: F64, corrected: dict[str, F64], final: bool
    ) -> list[PerformanceWindow]:
        """sums: float64[k, width], those of the k groups of these numbers."""
        cells = sums[:, DELAY : DELAY + DELAY_CELLS]
        p50, p90 = _whole_ms(delay_quantile(cells, 0.5)), _whole_ms(delay_quantile(cells, 0.9))
        coverage = written_all(sums[:, LABELLED] / sums[:, N])
        computed = self._task.metrics(sums[:, COMMON_WIDTH : self._columns.task_end], self._classes.names)
        metrics = _written({**computed, **corrected})
        guessed = self._estimator.metrics(sums[:, self._columns.task_end : self._columns.estimate_end])
        estimated = _written(guessed)
        counts = [N, LABELLED, CORRECTED, RETRACTED, UNUSABLE, self._columns.evicted]
        counted = sums[:, counts].astype(np.int64).tolist()
        signals = []
        for k, number in enumerate(numbers):
            group = self._groups.group(number)
            signals.append(
                PerformanceWindow(
                    id=self._id(due, group, final),
                    model=self._model,
                    version=group.version,
                    partition=self._partition,
                    segment_set=list(group.segment_set),
                    segment=group.segment,
                    start_ms=due.start_ms,
                    end_ms=due.end_ms,
                    length_ms=due.length_ms,
                    final=final,
                    revision=due.revision,
                    n=counted[k][0],
                    labelled=counted[k][1],
                    corrected=counted[k][2],
                    retracted=counted[k][3],
                    unusable=counted[k][4],
                    evicted=counted[k][5],
                    coverage=coverage[k],
                    delay_ms_p50=p50[k],
                    delay_ms_p90=p90[k],
                    metrics={name: values[k] for name, values in metrics.items()},
                    estimated={name: values[k] for name, values in estimated.items()},
                    config_hash=self._config_hash,
                )
            )
        return signals


def _written(metrics: dict[str, F64]) -> dict[str, list[float | None]]:
    """Every metric, float64[k], as it is written; all in one go, as one call costs more than its numbers."""
    if not metrics:
        return {}
    flat = written_all(np.concatenate(list(metrics.values())))
    k = len(flat) // len(metrics)
    return {name: flat[i * k : (i + 1) * k] for i, name in enumerate(metrics)}


def _whole_ms(values: F64) -> list[int | None]:
    return [None if value != value else round(value) for value in values.tolist()]
