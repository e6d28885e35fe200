"""A ranking model through the stream: its ids say which list an item was in, and where."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.config.model_spec import HOUR_MS, MINUTE_MS
from driftline.processors.performance.ranked_lists import (
    enter_list,
    find_list,
    kept_lists,
    list_values_plain,
    no_lists,
    restore_lists,
)
from driftline.schemas.signals import PerformanceWindow
from tests.outcomes.labelled_logs import START_MS, Log, Logs, both_logs, play, random_steps, spec
from tests.outcomes.test_snapshots import Worker


def shown_lists(rng: random.Random, lists: int) -> tuple[Logs, list[tuple[int, int]]]:
    """Lists of ten items, clicked more often the further up they are; half of the items are labelled. And what they were."""
    logs, labelled = Logs(Log(), Log()), []
    for query in range(lists):
        at_ms = START_MS + query * MINUTE_MS
        for position in range(1, 11):
            item = {"prediction_id": f"query {query}#{position}", "model": "m", "timestamp": at_ms}
            logs.predictions.add({**item, "prediction": round(rng.random(), 3), "features": {"x": 0.5}}, at_ms)
            if rng.random() < 0.5:
                clicked = int(rng.random() < 1.0 / (1 + position))
                logs.labels.add({**item, "label": clicked}, at_ms + MINUTE_MS)
                labelled.append((position, clicked))
    return logs, labelled


def test_click_through_rates_by_position_come_out_of_the_stream(test_seed: int) -> None:
    logs, labelled = shown_lists(random.Random(test_seed), 120)
    told = play(logs, both_logs(logs), replace(spec(6 * HOUR_MS), task="ranking"))
    window = next(w for w in told if isinstance(w, PerformanceWindow) and w.length_ms == 6 * HOUR_MS and not w.version)
    assert (window.n, window.labelled) == (1_200, len(labelled)), f"seed {test_seed}"
    assert window.metrics["ctr"] == pytest.approx(np.mean([clicked for _, clicked in labelled]))
    assert window.metrics["ctr_at_10"] == window.metrics["ctr"]


def test_lists_are_judged_as_a_whole_whatever_the_order_of_their_labels(test_seed: int) -> None:
    logs, _ = shown_lists(random.Random(test_seed), 40)
    told = play(logs, both_logs(logs), replace(spec(6 * HOUR_MS), task="ranking"))
    window = next(w for w in told if isinstance(w, PerformanceWindow) and w.length_ms == 6 * HOUR_MS and not w.version)
    labels: dict[str, list[float]] = {}
    for record in logs.labels.records:
        label = orjson.loads(record)
        query, _, position = label["prediction_id"].rpartition("#")
        labels.setdefault(query, [math.nan] * 10)[int(position) - 1] = label["label"]
    values = np.array([list_values_plain(of_list, 10) for of_list in labels.values()])
    assert window.metrics["ndcg_at_10"] == pytest.approx(np.nanmean(values[:, 0]), abs=1e-6), f"seed {test_seed}"
    assert window.metrics["mrr"] == pytest.approx(np.mean(values[:, 1]), abs=1e-6)


def test_a_snapshot_keeps_the_lists() -> None:
    lists = no_lists(2, 50)
    for key in range(70):
        at = enter_list(lists, float(key), key)
        lists.label[at, 3] = 1.0
    again = no_lists(2, 50)
    restore_lists(again, kept_lists(lists))
    assert [find_list(again, float(key)) for key in range(70)] == [find_list(lists, float(key)) for key in range(70)]
    assert np.array_equal(again.label, lists.label, equal_nan=True)
    assert enter_list(again, 100.0, 1) == enter_list(lists, 100.0, 1)


@given(seed=st.integers(0, 2**32 - 1))
def test_a_restart_anywhere_changes_nothing(seed: int) -> None:
    rng = random.Random(seed)
    logs, _ = shown_lists(rng, 6)
    model = replace(spec(2 * HOUR_MS), task="ranking")
    straight, restarted = Worker(logs, model), Worker(logs, model)
    for source, n in random_steps(rng, logs):
        straight.read(source, n)
        restarted.read(source, n)
        if rng.random() < 0.5:
            restarted.restart(rng)
    assert restarted.said == straight.said
    end_ms = START_MS + 12 * HOUR_MS
    told = straight.machine.finish(end_ms)
    assert restarted.machine.finish(end_ms) == told
    assert any(isinstance(w, PerformanceWindow) and w.metrics["mrr"] is not None for w in told)
