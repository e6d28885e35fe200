"""One door to the four tasks: the kernel, the delays and the metrics are those of the model's task."""

from __future__ import annotations

import math

import numpy as np
import pytest

from driftline.config.model_spec import Task
from driftline.processors.performance.common import COMMON_WIDTH
from driftline.processors.performance.delay_curves import CELLS
from driftline.processors.performance.task_layout import add_outcome, add_outcome_delay, task_layout

SHOWN: dict[Task, str] = {"binary": "accuracy", "multiclass": "macro_f1", "regression": "mae", "ranking": "ctr"}


@pytest.mark.parametrize("task", SHOWN)
def test_a_row_of_each_task_takes_and_gives_back(task: Task) -> None:
    layout = task_layout(task, 3)
    row = np.zeros(COMMON_WIDTH + layout.width)
    sums = row[COMMON_WIDTH:]
    add_outcome(layout.code, sums, 1.0, 0.8, 1.0, 1.0, 1.0)
    assert math.isfinite(layout.metrics(sums[None], ["a", "b", "c"])[SHOWN[task]][0])
    add_outcome(layout.code, sums, 0.0, 0.8, 1.0, 2.0, 1.0)
    add_outcome(layout.code, sums, 0.0, 0.8, 1.0, 2.0, -1.0)
    add_outcome(layout.code, sums, 1.0, 0.8, 1.0, 1.0, -1.0)
    assert not row.any()


@pytest.mark.parametrize("task", SHOWN)
def test_panes_merge_and_are_corrected_where_there_are_classes(task: Task) -> None:
    layout = task_layout(task, 3)
    panes = np.zeros((2, 1, layout.width))
    add_outcome(layout.code, panes[0, 0], 1.0, 0.8, 1.0, 1.0, 1.0)
    add_outcome(layout.code, panes[1, 0], 0.0, 0.3, 1.0, 1.0, 1.0)
    shown = layout.metrics(layout.merged(panes), ["a", "b", "c"])
    corrected = layout.corrected(panes[:, 0], np.ones((2, layout.strata)), np.zeros(2, np.int64), 1)
    assert bool(corrected) == (task != "regression")
    for name, value in corrected.items():
        assert value == pytest.approx(shown[name.replace("_corrected", "")], nan_ok=True)


def test_delays_are_told_apart_by_what_matters_to_the_task() -> None:
    filled: dict[Task, list[int]] = {}
    for task in SHOWN:
        layout = task_layout(task, 3)
        table = np.zeros(layout.delays_width)
        for prediction, label in ((0.0, 0.0), (0.0, 1.0), (0.7, 2.0), (1.0, math.nan)):
            add_outcome_delay(layout.code, table, prediction, label, 1_000, 1.0)
        filled[task] = table.reshape(layout.strata, CELLS).sum(axis=1).astype(int).tolist()
    assert filled == {
        "binary": [0, 1, 1, 0],
        "multiclass": [0, 1, 1, 0, 1, 0, 0, 0],
        "regression": [],
        "ranking": [1, 0, 0, 2],
    }


def test_k_has_its_limits() -> None:
    assert "ctr_at_20" in task_layout("ranking", k=20).metrics(np.zeros((1, task_layout("ranking").width)))
    with pytest.raises(ValueError, match=r"k is 21: write one of 1\.\.20"):
        task_layout("ranking", k=21)
