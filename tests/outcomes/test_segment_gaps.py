"""Gaps between segments come with the window of the whole model, if the settings ask for them."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from driftline.config.model_spec import FAIRNESS_METRICS, HOUR_MS, FairnessSpec, ModelSpec, Task
from driftline.processors.outcomes.segment_gaps import SegmentGaps
from driftline.processors.performance.common import COMMON_WIDTH
from driftline.processors.performance.task_layout import task_layout
from driftline.schemas.signals import PerformanceWindow
from tests.outcomes.labelled_logs import START_MS, Log, Logs, both_logs, play, spec

RIGHT = {"eu": 0.95, "us": 0.7}


def judged(rng: random.Random, n: int) -> Logs:
    """Predictions of one hour that are right more often in one region than in the other; all are labelled at once."""
    logs = Logs(Log(), Log())
    for i in range(n):
        region, label = rng.choice(list(RIGHT)), rng.randrange(2)
        predicted = label if rng.random() < RIGHT[region] else 1 - label
        event = {"prediction_id": f"p{i}", "model": "m", "timestamp": START_MS + i}
        context = {"features": {"x": 0.5}, "context": {"region": region}}
        logs.predictions.add({**event, **context, "prediction": predicted}, START_MS + i)
        logs.labels.add({**event, "label": label}, START_MS + i)
    return logs


def told(model: ModelSpec, seed: int) -> list[PerformanceWindow]:
    logs = judged(random.Random(seed), 500)
    return [signal for signal in play(logs, both_logs(logs), model) if isinstance(signal, PerformanceWindow)]


def test_the_gap_of_a_segment_stands_with_the_whole_model(test_seed: int) -> None:
    asked = replace(spec(6 * HOUR_MS), fairness=FairnessSpec(metrics=("accuracy", "roc_auc")))
    windows = told(asked, test_seed)
    whole = next(w for w in windows if not w.segment and not w.version)
    found = {(gap.metric, gap.segment, gap.other_segment): gap for gap in whole.gaps}
    keys = [("region=eu", ""), ("region=us", ""), ("region=eu", "region=us")]
    assert len(whole.gaps) == 3, f"seed {test_seed}"  # without scores there is no area under the curve
    eu, us, widest = (found["accuracy", *key] for key in keys)
    by_segment = {w.segment: w for w in windows if w.start_ms == whole.start_ms and w.length_ms == whole.length_ms}
    assert eu.value == by_segment["region=eu"].metrics["accuracy"] == widest.value
    assert us.value == by_segment["region=us"].metrics["accuracy"] == eu.other_value
    assert eu.low > 0.0 and us.high < 0.0 and widest.low > 0.0
    assert eu.low < RIGHT["eu"] - RIGHT["us"] < eu.high
    assert not any(window.gaps for window in windows if window.segment)


def test_nothing_is_compared_unless_it_is_asked_for(test_seed: int) -> None:
    assert not any(window.gaps for window in told(spec(6 * HOUR_MS), test_seed))
    only_others = FairnessSpec(metrics=("accuracy",), segments=())
    assert not any(window.gaps for window in told(replace(spec(6 * HOUR_MS), fairness=only_others), test_seed))


@pytest.mark.parametrize("task", FAIRNESS_METRICS)
def test_every_metric_that_may_be_asked_for_has_a_standard_error(task: Task) -> None:
    layout = task_layout(task, 3)
    known = {name.removesuffix("_se") for name in layout.metrics(np.zeros((1, layout.width))) if name.endswith("_se")}
    assert set(FAIRNESS_METRICS[task]) <= known
    every = tuple(name for names in FAIRNESS_METRICS.values() for name in names)
    gaps = SegmentGaps(replace(spec(), fairness=FairnessSpec(metrics=every)), layout)
    assert gaps.of_window([], np.zeros((0, COMMON_WIDTH + layout.width))) == []
