"""`driftline check`: is this configuration right, and what will run with it?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from driftline.config.config import Config
from driftline.config.files import missing_files
from driftline.config.fingerprint import config_hash
from driftline.config.load import default_config, load_config
from driftline.config.plain import plain
from driftline.config.problems import ConfigError, Problem
from driftline.config.summary import summarize


def check(
    config: Annotated[
        Path | None, typer.Argument(help="The configuration file. Without it: what runs without a file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON for machines.")] = False,
) -> None:
    """Check a configuration and say everything that is wrong with it, or what will run.

    The exit code is 0 when it can be used and 1 when it cannot.
    """
    loaded, problems = _load(config)
    if as_json:
        typer.echo(json.dumps(_for_machines(loaded, problems), indent=2))
    elif problems:
        _show_problems(problems, "the defaults" if config is None else str(config))
    elif loaded is not None:
        _show_summary(loaded)
    if problems:
        raise typer.Exit(1)


def _load(path: Path | None) -> tuple[Config | None, list[Problem]]:
    try:
        config = default_config() if path is None else load_config(path)
    except ConfigError as error:
        return None, list(error.problems)
    return config, missing_files(config)


def _show_problems(problems: list[Problem], name: str) -> None:
    console = Console(soft_wrap=True, highlight=False)
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    console.print(Text(f"{name}: {count}", style="bold red"))
    for problem in problems:
        line = Text("  ")
        line.append("".join(f"{part}: " for part in (problem.origin, problem.path) if part), style="bold")
        line.append(f"{problem.what}; ")
        line.append(problem.remedy, style="green")
        console.print(line)


def _show_summary(config: Config) -> None:
    console = Console(highlight=False)
    for part in summarize(config):
        console.print(Text(part.heading, style="bold"))
        table = Table(box=None, show_header=False, padding=(0, 1, 0, 2), pad_edge=True)
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in part.lines:
            table.add_row(Text(name), Text(value))
        console.print(table)


def _for_machines(config: Config | None, problems: list[Problem]) -> dict[str, Any]:
    """The outcome, the problems, and the configuration with every default filled in (durations in ms, no secrets)."""
    outcome = {"ok": not problems, "problems": [plain(problem) for problem in problems]}
    if config is None:
        return outcome
    models = {name: {**plain(spec), "config_hash": config_hash(spec)} for name, spec in config.models.items()}
    return {
        **outcome,
        "models": models,
        "discover": config.discover,
        "defaults": plain(config.defaults),
        "broker": config.broker.model_dump(mode="json"),
        "topics": config.topics.model_dump(mode="json"),
        "join_stores": config.join_stores.model_dump(mode="json"),
    }
