"""Replays for tests of the command line: run one, read its files, make small logs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from driftline.cli.app import build_app

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
CALIFORNIA = EXAMPLES / "california" / "config.yaml"
HOUSES = EXAMPLES / "data" / "california_housing_analysis.csv"
HOUSE_LABELS = EXAMPLES / "data" / "california_housing_analysis_gt.csv"
FILES = ("alerts.jsonl", "windows.jsonl", "performance.jsonl", "notices.jsonl")

START_MS = 1_767_225_600_000  # 2026-01-01


def run(command: str, *arguments: str | Path, width: int = 80) -> Result:
    return CliRunner().invoke(build_app(command), [command, *map(str, arguments)], env={"COLUMNS": str(width)})


def replay(predictions: Path, out: Path, *more: str | Path) -> Result:
    return run("replay", "--predictions", predictions, "--out", out, *more)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def event(model: str, i: int, **features: float | str) -> dict[str, Any]:
    return {
        "prediction_id": f"{model}-{i}",
        "model": model,
        "timestamp": START_MS + 10_000 * i,
        "prediction": i % 3 == 0,
        "features": features,
    }


def write_events(path: Path, events: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in events))
    return path
