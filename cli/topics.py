"""`driftline topics`: create the topics that driftline stands on, and show what is right or wrong with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from driftline.cli.failures import explained
from driftline.config.config import Config
from driftline.config.durations import format_duration
from driftline.config.load import default_config, load_config
from driftline.sinks.topic_admin import TopicAdmin
from driftline.sinks.topic_plan import ExistingTopic, TopicFinding, TopicPlan, plan_topics

app = typer.Typer(no_args_is_help=True)

ConfigFile = Annotated[
    Path | None, typer.Option("--config", "-c", help="The configuration file; without it, defaults.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON for machines.")]


@app.command()
def create(
    config: ConfigFile = None,
    partitions: Annotated[
        int | None, typer.Option(min=1, max=10_000, help="Of predictions, labels, windows and snapshots; 8 without it.")
    ] = None,
    replication: Annotated[
        int | None, typer.Option(min=1, max=100, help="Copies of each partition; the broker's default without it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create the topics that are missing, and compare those that exist.

    Nothing is created, and the exit code is 1, while a topic that exists is wrong.
    """
    with explained():
        settings = _load(config)
        admin = TopicAdmin(settings.broker)
        plan = _plan(settings, admin.existing(_names(settings)), partitions, replication)
        if not plan.errors:
            admin.create(plan.create, replication)
    created = [] if plan.errors else [topic.name for topic in plan.create]
    if as_json:
        typer.echo(json.dumps({"ok": not plan.errors, "created": created, "findings": _plain(plan.findings)}, indent=2))
    else:
        _say_created(plan, created)
    if plan.errors:
        raise typer.Exit(1)


@app.command("list")
def list_topics(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show the topics of the configuration as they are on the broker, and what is wrong with them.

    The exit code is 1 when one is missing or wrong.
    """
    with explained():
        settings = _load(config)
        existing = TopicAdmin(settings.broker).existing(_names(settings))
    plan = _plan(settings, existing, None, None)
    missing = {topic.name for topic in plan.create}
    if as_json:
        topics = [_row(use, name, existing.get(name)) for use, name in settings.topics]
        ok = not plan.errors and not missing
        typer.echo(json.dumps({"ok": ok, "topics": topics, "findings": _plain(plan.findings)}, indent=2))
    else:
        _show(settings, existing, plan)
    if plan.errors or missing:
        raise typer.Exit(1)


def _load(config: Path | None) -> Config:
    return default_config() if config is None else load_config(config)


def _names(config: Config) -> list[str]:
    return [name for _, name in config.topics]


def _plan(
    config: Config, existing: Mapping[str, ExistingTopic], partitions: int | None, replication: int | None
) -> TopicPlan:
    specs = [*config.models.values(), *([config.defaults] if config.discover else [])]
    horizon_ms = max((spec.labels.horizon_ms for spec in specs), default=0)
    return plan_topics(config.topics, existing, horizon_ms=horizon_ms, partitions=partitions, replication=replication)


def _say_created(plan: TopicPlan, created: list[str]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for topic in plan.create:
        if topic.name in created:
            count = "1 partition" if topic.partitions == 1 else f"{topic.partitions} partitions"
            console.print(Text.assemble(("created ", "green"), topic.name, (f"  {count}", "dim")))
    if not plan.create and not plan.findings:
        console.print("all topics are there, and as they should be")
    _say_findings(console, plan.findings)
    if plan.errors and plan.create:
        console.print("nothing was created")


def _show(config: Config, existing: Mapping[str, ExistingTopic], plan: TopicPlan) -> None:
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("use", "topic"):
        table.add_column(heading, no_wrap=True)
    for heading in ("partitions", "copies"):
        table.add_column(heading, justify="right")
    for heading in ("kept", "times of"):
        table.add_column(heading)
    for use, name in config.topics:
        table.add_row(use, Text(name), *_cells(existing.get(name)))
    console.print(table)
    console.soft_wrap = True
    _say_findings(console, plan.findings)
    if plan.create:
        console.print("create what is missing with: driftline topics create")


def _cells(topic: ExistingTopic | None) -> tuple[str | Text, ...]:
    if topic is None:
        return "", "", Text("missing", style="red"), ""
    times = "broker" if topic.settings.get("message.timestamp.type") == "LogAppendTime" else "producer"
    return str(topic.partitions), str(topic.replication), _kept(topic.settings), times


def _say_findings(console: Console, findings: tuple[TopicFinding, ...]) -> None:
    for finding in findings:
        style = "bold red" if finding.severity == "error" else "yellow"
        line = Text.assemble((f"{finding.severity} ", style), (f"{finding.topic}: ", "bold"), f"{finding.what}; ")
        line.append(finding.remedy, style="green")
        console.print(line)


def _kept(settings: Mapping[str, str]) -> str:
    if settings.get("cleanup.policy") == "compact":
        return "compacted"
    kept_ms = int(settings.get("retention.ms", -1))
    return "for ever" if kept_ms < 0 else format_duration(kept_ms)


def _row(use: str, name: str, topic: ExistingTopic | None) -> dict[str, Any]:
    if topic is None:
        return {"use": use, "name": name, "exists": False}
    return {
        "use": use,
        "name": name,
        "exists": True,
        "partitions": topic.partitions,
        "replication": topic.replication,
        "settings": dict(sorted(topic.settings.items())),
    }


def _plain(findings: tuple[TopicFinding, ...]) -> list[dict[str, str]]:
    return [{"severity": f.severity, "topic": f.topic, "what": f.what, "remedy": f.remedy} for f in findings]
