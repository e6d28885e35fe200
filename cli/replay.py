"""`driftline replay`: what would have fired on this log?"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from driftline.cli.failures import explained
from driftline.cli.findings import Finding, Findings
from driftline.cli.label_times import prediction_times
from driftline.cli.references import load_references
from driftline.cli.replaying import Replayed
from driftline.cli.replaying import replay as play
from driftline.cli.report import show_budgets, show_findings, show_traffic
from driftline.config.config import Config
from driftline.config.fingerprint import config_hash
from driftline.config.load import default_config, load_config
from driftline.config.model_spec import ModelSpec
from driftline.processors.budget import MonitorRates
from driftline.processors.partition import Partition
from driftline.processors.reference.profile import Reference
from driftline.producers.files import read_events, read_labels
from driftline.schemas.errors import InputError
from driftline.schemas.signals import Signal
from driftline.schemas.timestamps import timestamp_ms
from driftline.sinks.json_lines import JsonLinesSink
from driftline.sinks.protocol import Sink

_COMPILING: Final = "[dim](the first run after an installation compiles for half a minute)[/]"


def replay(
    predictions: Annotated[Path, typer.Option(help="JSON lines (.jsonl, also .gz), CSV or Parquet of predictions.")],
    out: Annotated[Path, typer.Option(help="Folder for alerts.jsonl, windows.jsonl, notices.jsonl and summary.json.")],
    config: Annotated[
        Path | None, typer.Option(help="Configuration; without one, models are discovered and learnt.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Labels in the same formats; counted so far, not yet joined.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="The model of a CSV or Parquet file, if several are configured.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(help="The limit of the future, RFC 3339; default: the start of the run.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON and nothing else.")] = False,
) -> None:
    """Replay predictions from files through the same monitors as live, and write what they would have said."""
    with explained():
        settings = load_config(config) if config is not None else default_config()
        outcome = run_replay(
            settings, predictions, labels, lambda: JsonLinesSink(out), model, as_of, show_progress=not as_json
        )
        (out / "summary.json").write_text(json.dumps(outcome.summary, indent=2) + "\n")
    if as_json:
        print(json.dumps(outcome.summary))
        return
    console = Console()
    show_findings(console, outcome.findings)
    show_budgets(console, outcome.rates)
    show_traffic(console, outcome.summary, outcome.span_ms)
    console.print(f"written to {out}", highlight=False, markup=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Outcome:
    """summary: what `summary.json` holds. rates: of each model that was judged, how its budget was split."""

    summary: dict[str, Any]
    findings: list[Finding]
    rates: dict[str, tuple[ModelSpec, MonitorRates]]
    span_ms: tuple[int, int] | None


def run_replay(
    config: Config,
    predictions: Path,
    labels: Path | None,
    open_sink: Callable[[], Sink],
    model: str | None = None,
    as_of: str | None = None,
    *,
    show_progress: bool,
) -> Outcome:
    """Replay into the sink, which is opened once the input is known to be there. Raises DriftlineError for bad input."""
    references = load_references(config)
    as_of_ms = _as_of_ms(as_of)
    partition = Partition(
        config.models, references, discovered=config.defaults if config.discover else None, as_of_ms=as_of_ms
    )
    spec = _spec_of_file(config, model)
    findings = Findings()
    with _progress(show_progress) as progress:
        task = progress.add_task(f"replaying {escape(predictions.name)} {_COMPILING}", total=None)

        def advance(done_bytes: int, total_bytes: int) -> None:
            progress.update(task, completed=done_bytes, total=total_bytes)

        events = read_events(predictions, spec.columns, spec.name, progress=advance)
        label_blocks: Iterable[bytes] = ()
        if labels is not None:
            label_blocks = read_labels(
                labels,
                spec.labels.columns,
                spec.columns,
                spec.name,
                known_ms=lambda: prediction_times(read_events(predictions, spec.columns, spec.name)),
            )
        replayed = play(partition, events, label_blocks, _Watched(open_sink(), findings))
    used = _references_in_use(partition)
    return Outcome(
        summary=_summary(replayed, config, references, as_of_ms),
        findings=findings.result(used),
        rates={
            name: (monitor.spec, monitor.scopes[0].thresholds.rates)
            for name, monitor in sorted(partition.monitors.items())
            if (name, "") in used
        },
        span_ms=findings.span_ms,
    )


class _Watched:
    """Hands signals on, and lets the findings see them."""

    def __init__(self, inner: Sink, findings: Findings) -> None:
        self._inner, self._findings = inner, findings

    def write(self, signals: Iterable[Signal]) -> None:
        kept = list(signals)
        self._findings.look_at(kept)
        self._inner.write(kept)

    def close(self) -> None:
        self._inner.close()


def _references_in_use(partition: Partition) -> dict[tuple[str, str], Reference]:
    """By model and version: those that were given, and those that were learnt."""
    return {
        (name, scope.version): scope.reference
        for name, monitor in partition.monitors.items()
        for scope in monitor.scopes
        if scope.reference is not None
    }


def _as_of_ms(as_of: str | None) -> int:
    if as_of is None:
        return int(time.time() * 1000)
    at = timestamp_ms(as_of)
    if at is None:
        raise InputError(f"--as-of {as_of!r}: write RFC 3339 with an offset, such as 2026-01-31T12:00:00Z")
    return at


def _spec_of_file(config: Config, model: str | None) -> ModelSpec:
    """Whose column mapping a CSV or Parquet file follows."""
    if model is None:
        if len(config.models) == 1:
            return next(iter(config.models.values()))
        return config.defaults if not config.models else _first_of_several(config)
    spec = config.spec_for(model)
    if spec is None:
        raise InputError(
            f"--model {model!r}: is not in the configuration; models are {', '.join(sorted(config.models))}"
        )
    return spec


def _first_of_several(config: Config) -> ModelSpec:
    """JSON lines name their model themselves; for other files the reader asks for a model by name."""
    return config.defaults


def _progress(shown: bool) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), disable=not (shown and sys.stderr.isatty()), transient=True)


def _summary(
    replayed: Replayed, config: Config, references: dict[str, dict[str, Reference]], as_of_ms: int
) -> dict[str, Any]:
    models = {
        name: {
            "config_hash": config_hash(spec),
            "references": {
                version or "default": reference.hash for version, reference in sorted(references[name].items())
            },
        }
        for name, spec in sorted(config.models.items())
    }
    return {"format_version": 1, "as_of_ms": as_of_ms, "models": models, **replayed.summary()}
