"""Labels of one class come late: accuracy so far is biased towards the other class, and the corrected one is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from driftline.config.model_spec import DAY_MS, HOUR_MS
from driftline.schemas.inputs import Input
from driftline.schemas.signals import PerformanceWindow
from tests.outcomes.labelled_logs import START_MS, Log, Logs, play, spec

pytestmark = pytest.mark.compiled  # 48,000 predictions

DAYS = 16
A_DAY = 3_000


@pytest.fixture(scope="module")
def windows() -> list[PerformanceWindow]:
    """One in five is a fraud, known within hours and often missed; the rest is known to be none only days later."""
    rng = np.random.default_rng(11)
    n = DAYS * A_DAY
    at_ms = START_MS + np.arange(n) * (DAY_MS // A_DAY)
    fraud = rng.random(n) < 0.2
    right = rng.random(n) < np.where(fraud, 0.6, 0.95)
    delay_ms = np.where(fraud, rng.exponential(3 * HOUR_MS, n), DAY_MS + rng.random(n) * 4 * DAY_MS).astype(np.int64)
    logs = Logs(Log(), Log())
    for i in range(n):
        event = {"prediction_id": f"p{i}", "model": "m", "timestamp": int(at_ms[i]), "features": {"x": 0.5}}
        predicted = int(fraud[i] == right[i])
        logs.predictions.add({**event, "prediction": predicted, "score": 0.5}, int(at_ms[i]))
    for i in np.argsort(at_ms + delay_ms, kind="stable").tolist():
        known_ms = int(at_ms[i] + delay_ms[i])
        label = {"prediction_id": f"p{i}", "model": "m", "timestamp": known_ms, "label": bool(fraud[i])}
        logs.labels.add(label, known_ms)
    steps = [(source, 1_000) for _ in range(n // 1_000) for source in Input]
    model = replace(spec(7 * DAY_MS), windows_ms=(HOUR_MS, DAY_MS), segments=())
    said = play(logs, steps, model)
    return [s for s in said if isinstance(s, PerformanceWindow) and s.length_ms == DAY_MS and not s.version]


def test_the_corrected_accuracy_is_near_the_truth_where_the_naive_one_is_far_off(
    windows: list[PerformanceWindow],
) -> None:
    truth = {w.start_ms: w.metrics["accuracy"] for w in windows if w.final}
    # once earlier days have shown how slow labels can be; at half the horizon some of the slow ones are in
    settled = [w for w in windows if w.start_ms in truth and w.start_ms >= START_MS + 7 * DAY_MS and w.revision == 5]
    assert len(settled) >= 5
    naive = np.mean([w.metrics["accuracy"] - truth[w.start_ms] for w in settled])  # type: ignore[operator]
    corrected = np.mean([w.metrics["accuracy_corrected"] - truth[w.start_ms] for w in settled])  # type: ignore[operator]
    assert naive < -0.05
    assert abs(corrected) < 0.01


def test_coverage_and_delays_say_how_mature_a_window_is(windows: list[PerformanceWindow]) -> None:
    of_one_day = [w for w in windows if w.start_ms == START_MS + 8 * DAY_MS]
    assert [w.revision for w in of_one_day] == sorted(w.revision for w in of_one_day)
    coverage = [w.coverage or 0.0 for w in of_one_day]
    assert coverage == sorted(coverage)
    assert coverage[0] < 0.3
    assert (of_one_day[-1].coverage, of_one_day[-1].final) == (1.0, True)
    assert of_one_day[0].delay_ms_p90 is not None and of_one_day[-1].delay_ms_p90 is not None
    assert of_one_day[0].delay_ms_p90 < DAY_MS < of_one_day[-1].delay_ms_p90
