"""`driftline reference`: build the profile that a model is compared with, and show one."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from driftline.cli.failures import explained
from driftline.cli.reference_labels import labels_by_id
from driftline.cli.references import load_reference
from driftline.config.config import Config
from driftline.config.load import default_config, load_config
from driftline.config.model_spec import ModelSpec
from driftline.processors.reference.build import ReferenceBuilder
from driftline.processors.reference.profile import Reference, encode_reference
from driftline.processors.reference.show import WIDTH, field_rows, headline, segment_rows, summary
from driftline.producers.files import has_times, read_events
from driftline.schemas.codec import LabelledDecoder
from driftline.schemas.errors import InputError
from driftline.schemas.events import Prediction
from driftline.schemas.rejections import Rejection
from driftline.schemas.scalars import Scalar

SEGMENTS_SHOWN = 12

app = typer.Typer(no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON for machines.")]


@app.command()
def build(
    data: Annotated[Path, typer.Argument(help="Training, validation or past rows: JSON lines, CSV or Parquet.")],
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="The configuration file; without it, defaults.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Which model; not needed if the configuration has one.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Where to write; without it, where the configuration says.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="File of the true labels, if they are not beside the predictions.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build the reference profile of a model from a file."""
    with explained():
        spec = _spec_of(default_config() if config is None else load_config(config), model)
        target = _target(spec, out)
        reading = Reading()
        reference = build_from_file(data, spec, reading, labels)
        _write(target, encode_reference(reference))
    if as_json:
        typer.echo(json.dumps({"out": str(target), **reading.counts(), **summary(reference)}))
    else:
        _say_built(target, reference, reading)


@app.command()
def show(
    file: Annotated[Path, typer.Argument(help="A reference profile.")],
    as_json: AsJson = False,
) -> None:
    """Show a reference profile readably."""
    with explained():
        reference = load_reference(file)
    if as_json:
        typer.echo(json.dumps(summary(reference)))
        return
    _show(Console(highlight=False), reference)


@dataclass(slots=True)
class Reading:
    """What was left out while reading: records of other models, rejected ones with the first of each reason, and why labels
    gave no section on performance."""

    other_models: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    first: dict[str, Rejection] = field(default_factory=dict)
    without_performance: str = ""

    def reject(self, rejection: Rejection) -> None:
        reason = str(rejection.reason)
        self.rejected[reason] = self.rejected.get(reason, 0) + 1
        self.first.setdefault(reason, rejection)

    def counts(self) -> dict[str, int | dict[str, int]]:
        """For machines."""
        return {"other_models": self.other_models, "rejected": self.rejected}


def build_from_file(data: Path, spec: ModelSpec, reading: Reading, labels: Path | None = None) -> Reference:
    """The reference of a file's rows. Raises InputError or BadReference when there is nothing to build it from.

    labels: a file of true labels by prediction id; one that is not in it may still stand beside its prediction.
    """
    timed = has_times(data, spec.columns)
    by_id = {} if labels is None else labels_by_id(labels, spec)
    builder = ReferenceBuilder(spec)
    with _progress_bar() as bar:
        task = bar.add_task(data.name, total=None)
        blocks = read_events(
            data,
            spec.columns,
            spec.name,
            identified=False,
            label=spec.labels.columns.label_column,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
        for rows, beside in _events(blocks, spec.name, reading):
            builder.add(rows, [by_id.get(row.prediction_id, label) for row, label in zip(rows, beside, strict=True)])
    if builder.rows_read == 0 and reading.first:
        rejection = next(iter(reading.first.values()))
        raise InputError(f"{data}: every record was rejected; record {rejection.offset}: {rejection.message}")
    reference = builder.build(data.name, timed)
    reading.without_performance = builder.without_performance
    return reference


def _events(
    blocks: Iterator[bytes], model: str, reading: Reading
) -> Iterator[tuple[list[Prediction], list[Scalar | None]]]:
    decoder = LabelledDecoder()
    offset = 0
    for block in blocks:
        rows: list[Prediction] = []
        labels: list[Scalar | None] = []
        for line in block.splitlines():
            if not line.strip():
                continue
            read = decoder.decode(line, offset)
            offset += 1
            if isinstance(read, Rejection):
                reading.reject(read)
                continue
            prediction, label = read
            if prediction.event.model == model:
                rows.append(prediction.event)
                labels.append(label)
            else:
                reading.other_models += 1
        yield rows, labels


def _spec_of(config: Config, model: str | None) -> ModelSpec:
    if model is None:
        if len(config.models) != 1:
            known = ", ".join(config.models)
            raise InputError(f"which model? Add --model NAME{f', one of: {known}' if known else ''}")
        model = next(iter(config.models))
    spec = config.spec_for(model)
    if spec is None:
        raise InputError(f"model {model!r} is not in the configuration; write one of: {', '.join(config.models)}")
    return spec


def _target(spec: ModelSpec, out: Path | None) -> Path:
    if out is not None:
        return out
    if spec.reference is None:
        raise InputError("where to? Add --out FILE.json, or set reference: in the configuration")
    return Path(spec.reference)


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all: a reference that is in use is never half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(path.name + ".part")
    half.write_bytes(data)
    os.replace(half, path)


def _progress_bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


def _say_built(target: Path, reference: Reference, reading: Reading) -> None:
    console = Console(highlight=False, soft_wrap=True)
    parts = [_count(reference.n, "row"), _count(len(reference.fields), "field")]
    if reference.segments:
        parts.append(_count(len(reference.segments), "segment"))
    console.print(Text.assemble(("built ", "green"), (str(target), "bold"), f": {', '.join(parts)}"))
    console.print(f"hash {reference.hash}", style="dim")
    if reading.other_models:
        console.print(f"passed over {_count(reading.other_models, 'record')} of other models")
    for reason, count in reading.rejected.items():
        first = reading.first[reason]
        console.print(Text(f"{count:,} rejected, {reason}; record {first.offset}: {first.message}", style="yellow"))
    for left_out in reference.left_out:
        console.print(Text(f"{left_out.name} is not monitored: {left_out.reason}", style="yellow"))
    if reading.without_performance:
        console.print(Text(f"no performance to estimate from: {reading.without_performance}", style="yellow"))
    console.print(f"look at it with: driftline reference show {target}", style="dim")


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def _show(console: Console, reference: Reference) -> None:
    head = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    head.add_column(style="dim", no_wrap=True)
    head.add_column(overflow="fold")
    for name, value in headline(reference):
        head.add_row(name, Text(value))
    console.print(head)
    console.print()
    console.print(_field_table(reference))
    if reference.segments:
        console.print()
        console.print(_segment_table(reference))
    for left_out in reference.left_out:
        console.print(Text(f"{left_out.name} is not monitored: {left_out.reason}", style="yellow"))


def _field_table(reference: Reference) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("field", style="bold", max_width=18, overflow="fold")
    table.add_column("kind", style="cyan")
    table.add_column("n", justify="right", no_wrap=True)
    rows = field_rows(reference)
    faults = [name for name in ("missing", "invalid") if any(getattr(row, name) for row in rows)]
    for name in faults:
        table.add_column(name, justify="right", no_wrap=True, style="yellow")
    table.add_column("range or categories", overflow="fold")
    table.add_column("shape", no_wrap=True, min_width=WIDTH, style="green")
    for row in rows:
        name = row.name if row.role in ("feature", row.name) else f"{row.name} ({row.role})"
        shares = [getattr(row, fault) for fault in faults]
        table.add_row(Text(name), row.kind, row.n, *shares, Text(row.values), row.picture)
    return table


def _segment_table(reference: Reference) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("segment", style="bold", overflow="fold")
    table.add_column("n", justify="right", no_wrap=True)
    table.add_column("share", justify="right", no_wrap=True)
    rows = segment_rows(reference)
    for row in rows[:SEGMENTS_SHOWN]:
        table.add_row(Text(row.label), row.n, row.share)
    if len(rows) > SEGMENTS_SHOWN:
        table.add_row(f"and {len(rows) - SEGMENTS_SHOWN} more", "", "")
    return table
