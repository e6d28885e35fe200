"""`driftline check` as it is typed: what it prints, and how it exits."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from driftline.cli.check import check
from tests.config.expected import BAD, EXAMPLES


def _check(*arguments: str, **environ: str) -> Result:
    app = typer.Typer()
    app.command()(check)
    return CliRunner().invoke(app, list(arguments), env=environ)


def test_a_right_configuration_is_shown_as_it_will_run() -> None:
    result = _check(str(EXAMPLES / "minimal.yaml"))
    assert result.exit_code == 0
    assert re.search(r"model employment\n +reference +learnt from the first 5,000 events", result.output)
    assert "not monitored (discover: false)" in result.output


def test_without_a_file_the_defaults_are_shown() -> None:
    result = _check()
    assert result.exit_code == 0
    assert "every model, as it is discovered" in result.output


def test_a_wrong_configuration_is_told_line_by_line() -> None:
    result = _check(str(BAD / "many-at-once.yaml"))
    assert result.exit_code == 1
    heading, *lines = result.output.splitlines()
    assert heading.endswith("many-at-once.yaml: 7 problems")
    assert "".join(f"{line[2:]}\n" for line in lines) == (BAD / "many-at-once.txt").read_text(encoding="utf-8")


def test_wrong_variables_are_told_without_a_file() -> None:
    result = _check(DRIFTLINE_DISCOVER="maybe")
    assert result.exit_code == 1
    assert result.output.splitlines()[0] == "the defaults: 1 problem"


def test_a_reference_that_is_not_there_is_a_problem() -> None:
    result = _check(str(EXAMPLES / "employment.yaml"))
    assert result.exit_code == 1
    assert "employment.json does not exist; build it with `driftline reference build`" in result.output


def test_machines_get_the_configuration_with_every_default() -> None:
    result = _check(str(EXAMPLES / "minimal.yaml"), "--json")
    shown = json.loads(result.output)
    assert (shown["ok"], shown["problems"], shown["discover"]) == (True, [], False)
    assert shown["models"]["employment"]["windows_ms"] == [600_000, 3_600_000, 86_400_000]
    assert re.fullmatch("[0-9a-f]{32}", shown["models"]["employment"]["config_hash"])
    assert shown["topics"]["dead_letters"] == "driftline.dead-letters"
    assert shown["join_stores"]["redis"]["server"] == "localhost:6379"


def test_machines_get_the_problems_with_path_and_remedy() -> None:
    result = _check(str(BAD / "duration-without-unit.yaml"), "--json")
    assert result.exit_code == 1
    assert json.loads(result.output) == {
        "ok": False,
        "problems": [
            {
                "path": "models.employment.lateness",
                "what": "90 has no unit",
                "remedy": "write 90s or 90m",
                "origin": "duration-without-unit.yaml:3",
            }
        ],
    }


@pytest.mark.parametrize("option", [[], ["--json"]])
def test_the_password_is_not_shown(tmp_path: Path, option: list[str]) -> None:
    file = tmp_path / "driftline.yaml"
    file.write_text("broker: {security_protocol: SASL_SSL, sasl: {username: driftline}}")
    result = _check(str(file), *option, DRIFTLINE_BROKER__SASL__PASSWORD="hunter2")
    assert result.exit_code == 0
    assert "driftline" in result.output
    assert "hunter2" not in result.output


def test_names_from_the_file_are_no_markup(tmp_path: Path) -> None:
    file = tmp_path / "driftline.yaml"
    file.write_text("models: {'[bold]a[/]': {segments: ['[red]']}}")
    assert "model [bold]a[/]" in _check(str(file)).output
