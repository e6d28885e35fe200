"""Files of labels that do not say when a label became known."""

from __future__ import annotations

import json
from pathlib import Path

from driftline.cli.label_times import prediction_times
from driftline.config.model_spec import ColumnMapping, LabelColumns
from driftline.producers.files import read_labels
from tests.cli.replays import START_MS, event


def test_the_time_of_a_prediction_is_found_by_its_id_and_the_first_one_counts() -> None:
    first, second = event("m", 0), event("m", 1)
    again = {**first, "timestamp": START_MS + 99_000}
    told = {**second, "timestamp": "2026-01-01T00:00:05Z"}
    block = b"\n".join(json.dumps(one).encode() for one in (first, again, told))
    assert prediction_times([block + b"\n", b"nonsense\n\n\xff\n{}\n"]) == {"m-0": START_MS, "m-1": START_MS + 5_000}


def test_a_label_is_known_at_once_and_one_without_a_prediction_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("prediction_id,label\na,1\nb,0\nz,1\n")
    times = {"a": 1_000, "b": 3_000}
    blocks = read_labels(tmp_path / "labels.csv", LabelColumns(), ColumnMapping(), "m", known_ms=lambda: times)
    labels = [json.loads(line) for block in blocks for line in block.splitlines()]
    assert [(label["prediction_id"], label["timestamp"]) for label in labels] == [
        ("a", 1_000),
        ("b", 3_000),
        ("z", 3_000),
    ]


def test_a_file_with_times_is_not_asked_for_others(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("prediction_id,timestamp,label\na,2026-01-01T00:00:00Z,1\n")

    def never() -> dict[str, int]:
        raise AssertionError("the file has times of its own")

    blocks = read_labels(tmp_path / "labels.csv", LabelColumns(), ColumnMapping(), "m", known_ms=never)
    assert json.loads(b"".join(blocks))["timestamp"] == START_MS
