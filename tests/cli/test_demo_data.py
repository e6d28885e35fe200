"""`driftline demo --data` as a newcomer meets it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len

from driftline.cli import demo_data
from driftline.config.load import load_config
from driftline.schemas.errors import InputError
from tests.cli.replays import CALIFORNIA, EXAMPLES, run

FIELDS = {
    "MedInc", "HouseAge", "AveRooms", "AveBedrms", "Population", "AveOccup", "Latitude", "Longitude",
    "score", "prediction",
}  # fmt: skip


@pytest.fixture(scope="module")
def shown() -> str:
    done = run("demo", "--data")
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_demo_runs_without_arguments_in_any_folder(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "driftline.cli", "demo", "--data"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "10 fields drifted" in done.stdout
    assert list(tmp_path.iterdir()) == [], "a demo leaves nothing behind"


@pytest.mark.parametrize(
    ("field", "before", "verb", "now"),
    [("Longitude", "-118.6", "fell", "-121.7"), ("Latitude", "34.63", "rose", "38.86"),
     ("score", "0.543", "fell", "0.1423"), ("MedInc", "4.174", "fell", "2.833")],
)  # fmt: skip
def test_the_demo_says_which_way_the_fields_that_drifted_went(
    shown: str, field: str, before: str, verb: str, now: str
) -> None:
    words = " ".join(shown.split())
    assert f"{field} {verb} from {before} to {now}" in words
    assert re.search(rf"^{field} +2021-06-0\d +{before} → {now} ", shown, re.MULTILINE)


def test_each_field_has_one_row_and_the_worst_comes_first(shown: str) -> None:
    rows = re.findall(r"^(\w+) +2021-\d\d-\d\d .*?(\d+\.\d\d) (?:none|moderate|major)", shown, re.MULTILINE)
    assert {name for name, _ in rows} == FIELDS
    assert len(rows) == len(FIELDS)
    psi = [float(value) for _, value in rows]
    assert psi == sorted(psi, reverse=True)


@pytest.mark.parametrize("width", [80, 100, 120, 160])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    lines = run("demo", "--data", width=width).stdout.splitlines()
    # the commands to copy are kept whole
    told = [line for line in lines if not line.startswith("    ")]
    assert max(cell_len(line.rstrip()) for line in told) <= width
    assert len(lines) <= 70


def test_a_wide_terminal_also_names_the_detectors() -> None:
    text = run("demo", "--data", width=120).stdout
    for name in ("e-detector", "chi-square", "contract"):
        assert name in text


def test_the_budget_and_every_event_are_accounted_for_in_words(shown: str) -> None:
    words = " ".join(shown.split())
    assert (
        "budget: 1 false alarm a month over 10 fields: a field that has not drifted is named at most once in" in words
    )
    assert "8,232 events = 8,232 applied + 0 duplicate + 0 late + 0 rejected + 0 filtered" in words


def test_the_commands_it_suggests_work(shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = re.findall(r"^    \S(?:.*\\\n)*.*", shown, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        words = shlex.split(command.replace("\\\n", " "))
        at = next(i for i, word in enumerate(words) if word in {"replay", "reference"})
        # paths are relative to where the demo ran; results go elsewhere
        arguments = [str(tmp_path / "out") if word == "out" else word for word in words[at + 1 :]]
        done = run(words[at], *arguments)
        assert done.exit_code == 0, done.output


def test_the_demo_outside_a_clone_says_where_its_data_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(demo_data, "__file__", str(tmp_path / "driftline" / "cli" / "demo.py"))
    with pytest.raises(InputError, match="run `driftline demo --data` in a clone"):
        demo_data.examples_folder()
    done = run("demo", "--data")
    assert done.exit_code == 2
    assert done.stdout == ""


def test_the_demo_uses_the_example_that_the_documentation_shows() -> None:
    assert demo_data.examples_folder().samefile(EXAMPLES)
    assert str(load_config(CALIFORNIA).models["california"].false_alarms) == "1/month"
    assert os.access(EXAMPLES / demo_data.PREDICTIONS, os.R_OK)
