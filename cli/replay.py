"""`driftline replay`: what would have fired on this log?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from driftline.cli.failures import explained
from driftline.cli.replay_files import run_replay
from driftline.cli.replay_outcome import Outcome
from driftline.cli.replay_topics import is_topic, run_topic_replay, with_topics
from driftline.cli.report import show_budgets, show_findings, show_performances, show_traffic
from driftline.config.config import Config
from driftline.config.load import default_config, load_config
from driftline.schemas.errors import InputError
from driftline.schemas.inputs import Input
from driftline.sinks.json_lines import JsonLinesSink


def replay(
    predictions: Annotated[
        str, typer.Option(help="JSON lines (.jsonl, also .gz), CSV or Parquet of predictions, or kafka://TOPIC.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for alerts.jsonl, windows.jsonl, performance.jsonl and the like.")],
    config: Annotated[
        Path | None, typer.Option(help="Configuration; without one, models are discovered and learnt.")
    ] = None,
    labels: Annotated[str | None, typer.Option(help="Labels in the same formats, joined to their predictions.")] = None,
    model: Annotated[
        str | None, typer.Option(help="The model of a CSV or Parquet file, if several are configured.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(help="The limit of the future, RFC 3339; default: the start of the run.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON and nothing else.")] = False,
) -> None:
    """Replay predictions from files or topics through the same monitors as live, and write what they would have said."""
    with explained():
        settings = load_config(config) if config is not None else default_config()
        outcome = _replay(settings, predictions, labels, out, model, as_of, show_progress=not as_json)
        (out / "summary.json").write_text(json.dumps(outcome.summary, indent=2) + "\n")
    if as_json:
        print(json.dumps(outcome.summary))
        return
    console = Console()
    show_findings(console, outcome.findings)
    show_performances(console, outcome.performances)
    show_budgets(console, outcome.rates)
    show_traffic(console, outcome.summary, outcome.span_ms)
    console.print(f"written to {out}", highlight=False, markup=False, soft_wrap=True)


def _replay(
    config: Config,
    predictions: str,
    labels: str | None,
    out: Path,
    model: str | None,
    as_of: str | None,
    *,
    show_progress: bool,
) -> Outcome:
    if not is_topic(predictions) and not is_topic(labels):
        files = Path(predictions), None if labels is None else Path(labels)
        return run_replay(config, *files, lambda: JsonLinesSink(out), model, as_of, show_progress=show_progress)
    settings = with_topics(config, predictions, labels)
    if model is not None or as_of is not None:
        raise InputError("--model and --as-of are for files: records on topics name their model and have times")
    sources = [Input.PREDICTIONS] if labels is None else list(Input)
    return run_topic_replay(settings, sources, lambda: JsonLinesSink(out), show_progress=show_progress)
