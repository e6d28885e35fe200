"""The gaps between segments that the settings ask for, of one window: which groups are compared, and how that is written."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from driftline.config.model_spec import FAIRNESS_METRICS, ModelSpec
from driftline.processors.arrays import F64
from driftline.processors.outcomes.groups import Group
from driftline.processors.performance.common import COMMON_WIDTH, LABELLED, UNUSABLE
from driftline.processors.performance.fairness import Gap, gaps
from driftline.processors.performance.task_layout import TaskLayout
from driftline.processors.rounding import written_all
from driftline.schemas.signals import SegmentGap


class SegmentGaps:
    """Of one model. Metrics that its task does not have are passed over."""

    def __init__(self, spec: ModelSpec, task: TaskLayout) -> None:
        self._task = task
        self._metrics = [name for name in spec.fairness.metrics if name in FAIRNESS_METRICS[task.task]]
        compared = spec.segments if spec.fairness.segments is None else spec.fairness.segments
        self._sets = compared if self._metrics else ()

    def of_window(self, groups: Sequence[Group], sums: F64) -> list[SegmentGap]:
        """By set, metric and segment, each metric's widest gap last. sums: float64[k, >= 29 + task], one row a group."""
        found = []
        for keys in self._sets:
            at = [i for i, group in enumerate(groups) if group.segment_set == keys]
            rows = sums[at]
            by_metric = gaps(
                rows[:, COMMON_WIDTH : COMMON_WIDTH + self._task.width],
                rows[:, LABELLED] - rows[:, UNUSABLE],
                [groups[i].segment for i in at],
                self._metrics,
                self._task.metrics,
                self._task.pairs,
            )
            for of_metric in by_metric:
                widest = [] if of_metric.widest is None else [of_metric.widest]
                found += [_written(gap, keys) for gap in (*of_metric.to_rest, *widest)]
        return found


def _written(gap: Gap, keys: Sequence[str]) -> SegmentGap:
    numbers = written_all(np.array([gap.value, gap.other, gap.gap, gap.low, gap.high]))
    value, other, difference, low, high = (0.0 if number is None else number for number in numbers)
    return SegmentGap(
        metric=gap.metric,
        segment_set=list(keys),
        segment=gap.segment,
        other_segment=gap.other_segment,
        value=value,
        other_value=other,
        gap=difference,
        low=low,
        high=high,
        labels=gap.labels,
    )
