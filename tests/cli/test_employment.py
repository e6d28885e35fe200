"""The employment example: 208,892 census rows with categories, segments and labels; ordered, so features drift."""

from __future__ import annotations

import json
from pathlib import Path

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
    alerts = lines(out / "alerts.jsonl")
    whole = {a["features"][0]["name"] for a in alerts if a["segment"] == ""}
    segments = {a["features"][0]["name"] for a in alerts if a["segment"]}
    shown = (out / "shown.txt").read_text()
    assert f"{len(whole | segments)} fields drifted, {len(alerts)} alerts" in shown
