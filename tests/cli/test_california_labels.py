"""The housing example with its labels: the model gets worse as it leaves the region it was trained on, and that is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.replays import CALIFORNIA, EXAMPLES, HOUSE_LABELS, HOUSES, lines, replay

WEEK_MS = 7 * 86_400_000


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("california")
    done = replay(HOUSES, folder, "--config", CALIFORNIA, "--labels", HOUSE_LABELS)
    assert done.exit_code == 0, done.output
    return folder


def test_accuracy_falls_from_that_of_the_reference(out: Path) -> None:
    reference = json.loads((EXAMPLES / "california" / "reference.json").read_text())
    weeks = {
        window["start_ms"]: window
        for window in lines(out / "performance.jsonl")
        if window["signal"] == "performance_window" and window["length_ms"] == WEEK_MS and not window["version"]
    }
    labelled = sum(week["labelled"] for week in weeks.values())
    right = sum(week["metrics"]["accuracy"] * week["labelled"] for week in weeks.values())
    assert labelled == 8_232
    assert (round(reference["performance"]["metrics"]["accuracy"], 3), round(right / labelled, 3)) == (0.67, 0.589)


def test_the_errors_alarm_as_concept_drift_apart_from_the_drift_of_the_features(out: Path) -> None:
    alerts = lines(out / "alerts.jsonl")
    errors = [alert for alert in alerts if alert["kind"] == "concept" and alert["detector"] == "shiryaev_roberts"]
    assert errors
    assert all(alert["features"][0]["name"] == "error rate" for alert in errors)
    assert {"data", "concept"} <= {alert["kind"] for alert in alerts}


def test_every_window_has_an_estimate_beside_what_the_labels_say(out: Path) -> None:
    windows = [w for w in lines(out / "performance.jsonl") if w["signal"] == "performance_window"]
    assert windows
    assert all(w["estimated"]["accuracy"] is not None for w in windows)
