"""`driftline replay`: the same log gives the same files, and every number agrees with them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from driftline.cli import replay_files
from driftline.config.load import load_config
from driftline.producers.files import read_events
from driftline.producers.json_lines import read_json_lines_blocks
from tests.cli.replays import CALIFORNIA, FILES, HOUSE_LABELS, HOUSES, event, lines, replay, write_events

TIMES = {"wall_s", "decode_s", "apply_s", "write_s", "events_per_s"}


@pytest.fixture(scope="module")
def california(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("california")
    done = replay(HOUSES, out, "--config", CALIFORNIA)
    assert done.exit_code == 0, done.output
    return out


def test_replaying_twice_gives_the_same_bytes(california: Path, tmp_path: Path) -> None:
    replay(HOUSES, tmp_path, "--config", CALIFORNIA)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (california / name).read_bytes(), name


@pytest.mark.parametrize("block_bytes", [1, 1 << 12, 1 << 18])
def test_the_size_of_the_blocks_that_are_read_does_not_show(
    california: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    spec = load_config(CALIFORNIA).models["california"]
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"".join(read_events(HOUSES, spec.columns, spec.name)))

    def in_blocks(path: Path, *_: object, **__: object) -> object:
        return read_json_lines_blocks(path, block_bytes=block_bytes)

    monkeypatch.setattr(replay_files, "read_events", in_blocks)
    out = tmp_path / "out"
    assert replay(log, out, "--config", CALIFORNIA).exit_code == 0
    for name in FILES:
        assert (out / name).read_bytes() == (california / name).read_bytes(), name


def test_every_number_of_the_summary_is_that_of_the_files(california: Path) -> None:
    summary = json.loads((california / "summary.json").read_text())
    alerts, windows = lines(california / "alerts.jsonl"), lines(california / "windows.jsonl")
    assert summary["alerts"] == Counter(alert["kind"] for alert in alerts)
    assert summary["windows"] == len(windows)
    counters = summary["counters"]
    parts = ("applied", "duplicate", "late", "rejected", "filtered")
    assert counters["consumed"] == sum(counters[name] for name in parts) == len(HOUSES.read_text().splitlines()) - 1
    for length_ms in {window["length_ms"] for window in windows}:
        whole = [w for w in windows if w["length_ms"] == length_ms and w["segment"] == ""]
        assert sum(window["n"] for window in whole) == counters["applied"]
    (model,) = summary["models"].values()
    assert {alert["config_hash"] for alert in alerts} == {model["config_hash"]}
    assert {window["reference_hash"] for window in windows} == {model["references"]["default"]}
    assert set(summary) >= TIMES
    # each crossing of a detector is said on its own too
    drifts = [notice for notice in lines(california / "notices.jsonl") if notice["signal"] == "drift"]
    assert len(drifts) == sum(alert["detector"] != "contract" for alert in alerts)


def test_bad_late_and_repeated_events_are_counted_and_add_up(tmp_path: Path) -> None:
    events = [event("m", i, x=float(i % 17)) for i in range(400)]
    late = {**event("m", 1_000, x=1.0), "timestamp": events[0]["timestamp"]}
    future = {**event("m", 1_001, x=1.0), "timestamp": 4_000_000_000_000}
    log = write_events(tmp_path / "log.jsonl", [*events, late, events[-1], future])
    with log.open("a") as file:
        file.write("{}\n\nnonsense\n")
    done = replay(log, tmp_path / "out", "--json", "--as-of", "2026-06-01T00:00:00Z")
    summary = json.loads(done.stdout)
    assert summary["counters"] == {
        "consumed": 405, "applied": 400, "duplicate": 1, "late": 1, "rejected": 3, "filtered": 0, "labels": 0,
    }  # fmt: skip
    assert summary["rejected"] == {"invalid_json": 1, "missing_field": 1}
    notices = lines(tmp_path / "out" / "notices.jsonl")
    assert sum(n["count"] for n in notices if n["signal"] == "late_events") == 1
    assert [n["reasons"] for n in notices if n["signal"] == "rejected"] == [{"timestamp_in_future": 1}]


def test_json_prints_the_summary_and_nothing_else(tmp_path: Path) -> None:
    done = replay(HOUSES, tmp_path, "--config", CALIFORNIA, "--json")
    assert done.stderr == ""
    assert json.loads(done.stdout) == json.loads((tmp_path / "summary.json").read_text())


def test_without_a_configuration_models_are_discovered_and_learnt(tmp_path: Path) -> None:
    """Two models in one file: one drifts after its reference is learnt, one does not."""
    events = [
        event(model, i, x=(i * 7919 % 1000) / 10 + (60.0 if model == "churn" and i > 7_000 else 0.0))
        for i in range(9_000)
        for model in ("churn", "credit")
    ]
    done = replay(write_events(tmp_path / "log.jsonl", events), tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "churn: 1 field drifted" in done.stdout
    assert "credit: " not in done.stdout.replace("budget of credit: ", "")
    learnt = [n for n in lines(tmp_path / "out" / "notices.jsonl") if n["signal"] == "reference_learnt"]
    assert sorted(notice["model"] for notice in learnt) == ["churn", "credit"]
    assert all(json.loads(notice["reference_json"])["n"] == 5_000 for notice in learnt)
    alerts = lines(tmp_path / "out" / "alerts.jsonl")
    assert {(alert["model"], alert["features"][0]["name"]) for alert in alerts} == {("churn", "x")}
    assert all(alert["detected_offset"] > 2 * 7_000 for alert in alerts)


def test_labels_without_times_are_taken_to_be_known_at_once(tmp_path: Path) -> None:
    done = replay(HOUSES, tmp_path, "--config", CALIFORNIA, "--labels", HOUSE_LABELS, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["counters"]["labels"] == 8_232


def test_labels_change_nothing_on_the_side_of_predictions(california: Path, tmp_path: Path) -> None:
    replay(HOUSES, tmp_path, "--config", CALIFORNIA, "--labels", HOUSE_LABELS)
    for name in set(FILES) - {"performance.jsonl"}:
        of_predictions = [line for line in lines(tmp_path / name) if line.get("kind") != "concept"]
        assert of_predictions == lines(california / name), name
    assert (california / "performance.jsonl").read_bytes() == b""
    assert lines(tmp_path / "performance.jsonl")


def test_the_closing_table_has_a_row_a_field_and_says_where_the_rest_is(tmp_path: Path) -> None:
    done = replay(HOUSES, tmp_path / "out", "--config", CALIFORNIA)
    words = " ".join(done.stdout.split())
    assert "10 fields drifted" in words
    assert done.stdout.count("Longitude") == 1
    assert "".join(f"written to {tmp_path / 'out'}".split()) in "".join(done.stdout.split())


def test_a_log_without_drift_says_so(tmp_path: Path) -> None:
    events = [event("m", i, x=(i * 7919 % 1000) / 10) for i in range(300)]
    done = replay(write_events(tmp_path / "log.jsonl", events), tmp_path / "out")
    assert done.exit_code == 0
    assert "No alerts: within the budget, nothing has drifted." in done.stdout


def test_a_replay_that_fails_leaves_no_files_behind(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert replay(tmp_path / "none.csv", out, "--config", CALIFORNIA).exit_code == 2
    assert not out.exists()


def test_finished_files_are_never_half_written(california: Path) -> None:
    assert sorted(path.name for path in california.iterdir()) == sorted([*FILES, "summary.json"])
