"""`driftline publish`: events from a file or a pipe onto their topic, as they are."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from driftline.cli.broker_option import settings_with
from driftline.cli.failures import explained
from driftline.cli.file_model import spec_of_file
from driftline.cli.file_progress import file_progress
from driftline.config.model_spec import ModelSpec
from driftline.producers.files import names_its_models, read_events, read_labels
from driftline.producers.progress import Progress
from driftline.producers.publisher_lines import LinePublisher, Published, pipe_blocks
from driftline.schemas.errors import InputError

STANDARD_INPUT: Final = Path("-")
EXIT_REFUSED: Final = 1
EXIT_INTERRUPTED: Final = 130


def publish(
    file: Annotated[
        Path, typer.Argument(help="JSON lines (.jsonl, also .gz), CSV or Parquet; - for JSON lines on standard input.")
    ],
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="The configuration file; without it, defaults.")
    ] = None,
    bootstrap_servers: Annotated[
        str | None, typer.Option(help="Kafka servers, host:port with commas between; default: the configuration's.")
    ] = None,
    labels: Annotated[bool, typer.Option("--labels", help="The file holds labels, not predictions.")] = False,
    model: Annotated[
        str | None, typer.Option(help="The model of a CSV or Parquet file, if several or none are configured.")
    ] = None,
    rate: Annotated[float | None, typer.Option(min=0.001, help="Events a second at most; default: no limit.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON and nothing else.")] = False,
) -> None:
    """Publish predictions or labels from a file or from standard input.

    Events are sent as they are, keyed by their model; the worker says which it cannot read. The exit code is 1 when Kafka
    refused any.
    """
    interrupted = False
    with explained():
        settings = settings_with(config, bootstrap_servers)
        spec = spec_of_file(settings, model)
        _refuse_unnamed(file, spec)
        topic = settings.topics.labels if labels else settings.topics.predictions
        lines = LinePublisher(settings.broker, topic)
        with file_progress(not as_json and file != STANDARD_INPUT) as bar:
            task = bar.add_task(f"publishing {escape(file.name)}", total=None)

            def advance(done_bytes: int, total_bytes: int) -> None:
                bar.update(task, completed=done_bytes, total=total_bytes)

            try:
                lines.publish(_blocks(file, spec, labels, advance), rate)
            except KeyboardInterrupt:
                interrupted = True
    _say(lines.published, topic, "label" if labels else "prediction", as_json)
    if interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)
    if lines.published.refused:
        raise typer.Exit(EXIT_REFUSED)


def _refuse_unnamed(file: Path, spec: ModelSpec) -> None:
    if file != STANDARD_INPUT and not spec.name and not names_its_models(file):
        raise InputError(f"{file}: its rows do not say their model; write --model NAME")


def _blocks(file: Path, spec: ModelSpec, labels: bool, progress: Progress) -> Iterator[bytes]:
    if file == STANDARD_INPUT:
        return pipe_blocks(sys.stdin.buffer)  # type: ignore[arg-type]
    if labels:
        return read_labels(file, spec.labels.columns, spec.columns, spec.name, progress=progress)
    return read_events(file, spec.columns, spec.name, label=spec.labels.columns.label_column, progress=progress)


def _say(published: Published, topic: str, kind: str, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"topic": topic, **asdict(published), "wall_s": round(published.wall_s, 3)}))
        return
    console = Console(highlight=False, soft_wrap=True)
    many = "" if published.delivered == 1 else "s"
    console.print(f"{published.delivered:,} {kind}{many} published to {escape(topic)} in {published.wall_s:.1f} s")
    for name, number in sorted(published.refused.items()):
        console.print(Text.assemble((f"{number:,} refused", "red"), f" by Kafka: {name}"))
    if published.without_model:
        what = f"{published.without_model:,} without a readable model"
        console.print(Text.assemble((what, "yellow"), " went without a key; the worker rejects them with a reason"))
