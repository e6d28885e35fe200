"""The command line as a user meets it: quick help, known commands, versions."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from driftline.cli.app import COMMANDS, existing_commands

DRIFTLINE = [sys.executable, "-m", "driftline.cli"]


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*DRIFTLINE, *arguments], capture_output=True, text=True)


def test_help_lists_every_command_with_its_line() -> None:
    done = _run("--help")
    assert done.returncode == 0
    text = " ".join(done.stdout.replace("│", " ").split())
    for name in existing_commands():
        assert f"{name} {COMMANDS[name]}" in text


def test_help_answers_at_once() -> None:
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        _run("--help")
        seconds.append(time.perf_counter() - start)
    # 0.2 s on an idle machine; the bound leaves room for a busy one, and still catches one heavy import.
    assert min(seconds) < 0.6


@pytest.mark.parametrize("name", existing_commands())
def test_every_command_has_help_of_its_own(name: str) -> None:
    done = _run(name, "--help")
    assert done.returncode == 0, done.stderr
    assert f"driftline {name}" in done.stdout.replace("python -m driftline.cli", "driftline")


def test_an_unknown_command_is_refused_with_a_sentence() -> None:
    done = _run("replya")
    assert done.returncode == 2
    assert "No such command" in done.stderr


def test_version_for_machines_names_the_libraries_the_numbers_depend_on() -> None:
    done = _run("version", "--json")
    versions = json.loads(done.stdout)
    assert list(versions)[:2] == ["driftline", "python"]
    assert versions["river"] == "0.26.1"


def test_version_for_people_is_a_line_for_each_name() -> None:
    lines = _run("version").stdout.splitlines()
    assert lines[0].split()[0] == "driftline"
    assert all(len(line.split()) >= 2 for line in lines)
