"""The employment example: 208,892 census rows with categories, segments and labels; ordered, so features drift."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cli.replays import EXAMPLES, lines, replay

GROUP_QUARTERS = range(134_000, 144_000)
"""Rows of people in institutions and other group quarters, in the order of the analysis file."""

DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("employment")
    data = EXAMPLES / "data"
    done = replay(
        data / "employment_MA_analysis.parquet",
        folder,
        "--config", EXAMPLES / "employment" / "config.yaml",
        "--labels", data / "employment_MA_analysis_target.parquet",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    (folder / "shown.txt").write_text(done.stdout)
    return folder


def test_every_row_and_every_label_is_accounted_for(out: Path) -> None:
    counters = json.loads((out / "summary.json").read_text())["counters"]
    assert (counters["consumed"], counters["applied"], counters["labels"]) == (208_892, 208_892, 208_892)


def test_alarms_among_the_group_quarters_name_the_relationship_field(out: Path) -> None:
    alerts = [a for a in lines(out / "alerts.jsonl") if a["detected_offset"] in GROUP_QUARTERS]
    named = [alert for alert in alerts if alert["features"][0]["name"] == "RELP"]
    assert named
    # 16 and 17 are the census codes of people in group quarters
    assert any("share of '16'" in alert["summary"] or "share of '17'" in alert["summary"] for alert in named)


def test_the_worst_window_of_the_relationship_field_lies_there_too(out: Path) -> None:
    days = [w for w in lines(out / "windows.jsonl") if w["segment"] == "" and w["length_ms"] == DAY_MS]
    position, worst = 0, (0.0, 0)
    for window in days:
        relp = next(field for field in window["fields"] if field["name"] == "RELP")
        if relp["psi"] is not None:
            worst = max(worst, (relp["psi"], position))
        position += window["n"]
    assert worst[1] in GROUP_QUARTERS
    assert worst[0] > 5


def test_the_closing_table_puts_the_relationship_field_first(out: Path) -> None:
    rows = (out / "shown.txt").read_text().split("──\n", 1)[1]
    assert rows.startswith("RELP")


def test_a_field_that_alarmed_in_segments_only_is_shown_with_its_worst_segment(out: Path) -> None:
    alerts = [alert for alert in lines(out / "alerts.jsonl") if alert["kind"] != "concept"]
    whole = {a["features"][0]["name"] for a in alerts if a["segment"] == ""}
    segments = {a["features"][0]["name"] for a in alerts if a["segment"]}
    shown = (out / "shown.txt").read_text()
    assert f"{len(whole | segments)} fields drifted, {len(alerts)} alerts" in shown


def test_accuracy_by_year_is_that_of_the_whole_year_joined_at_once(out: Path) -> None:
    days = last_words(lines(out / "performance.jsonl"), DAY_MS)
    right: dict[str, float] = {}
    labelled: dict[str, int] = {}
    for day in days:
        year = datetime.fromtimestamp(day["start_ms"] / 1000, UTC).strftime("%Y")
        right[year] = right.get(year, 0.0) + day["metrics"]["accuracy"] * day["labelled"]
        labelled[year] = labelled.get(year, 0) + day["labelled"]
    assert sum(labelled.values()) == 208_892
    assert {year: round(right[year] / n, 4) for year, n in labelled.items()} == {
        "2016": 0.8253,
        "2017": 0.8292,
        "2018": 0.8282,
    }


def test_windows_become_final_once_their_labels_have_had_their_time(out: Path) -> None:
    days = last_words(lines(out / "performance.jsonl"), DAY_MS)
    open_days = [day for day in days if not day["final"]]
    # labels have 30 days, so those of December cannot all be there when the file ends
    assert {datetime.fromtimestamp(day["start_ms"] / 1000, UTC).strftime("%Y-%m") for day in open_days} == {"2018-12"}
    outcomes = json.loads((out / "summary.json").read_text())["outcomes"]
    assert (outcomes["joined"], outcomes["expired_predictions"], outcomes["expired_labels"]) == (208_892, 0, 0)


def last_words(said: list[dict[str, Any]], length_ms: int) -> list[dict[str, Any]]:
    """What was said last of each window of this length, of the whole model."""
    windows = [s for s in said if s["signal"] == "performance_window" and s["length_ms"] == length_ms]
    whole = [window for window in windows if not window["version"] and not window["segment"]]
    return list({window["start_ms"]: window for window in whole}.values())
