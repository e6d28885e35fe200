"""`driftline replay`: what would have fired on this log?"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from driftline.cli.alert_table import alert_table, counters_line
from driftline.cli.failures import explained
from driftline.cli.references import load_references
from driftline.cli.replaying import Replayed
from driftline.cli.replaying import replay as play
from driftline.config.config import Config
from driftline.config.fingerprint import config_hash
from driftline.config.load import default_config, load_config
from driftline.config.model_spec import ModelSpec
from driftline.processors.partition import Partition
from driftline.processors.reference.profile import Reference
from driftline.producers.files import read_events, read_labels
from driftline.schemas.alerts import Alert
from driftline.schemas.errors import InputError
from driftline.schemas.signals import AlertOpened, Signal
from driftline.schemas.timestamps import timestamp_ms
from driftline.sinks.json_lines import JsonLinesSink

ALERTS_SHOWN = 20


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
        summary, alerts = run_replay(settings, predictions, labels, out, model, as_of, show_progress=not as_json)
        if as_json:
            print(json.dumps(summary))
        else:
            _show(summary, alerts, out)


def run_replay(
    config: Config,
    predictions: Path,
    labels: Path | None,
    out: Path,
    model: str | None = None,
    as_of: str | None = None,
    *,
    show_progress: bool,
) -> tuple[dict[str, Any], list[Alert]]:
    """Replay into `out`; the summary that was written there, and all alerts. Raises DriftlineError for bad input."""
    references = load_references(config)
    as_of_ms = _as_of_ms(as_of)
    partition = Partition(
        config.models, references, discovered=config.defaults if config.discover else None, as_of_ms=as_of_ms
    )
    sink = _KeepAlerts(JsonLinesSink(out))
    spec = _spec_of_file(config, model)
    with _progress(show_progress) as progress:
        task = progress.add_task(f"replaying {predictions.name}", total=None)

        def advance(done_bytes: int, total_bytes: int) -> None:
            progress.update(task, completed=done_bytes, total=total_bytes)

        events = read_events(predictions, spec.columns, spec.name, progress=advance)
        label_blocks: Iterable[bytes] = ()
        if labels is not None:
            label_blocks = read_labels(labels, spec.labels.columns, spec.columns, spec.name)
        replayed = play(partition, events, label_blocks, sink)
    summary = _summary(replayed, config, references, as_of_ms)
    (out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    return summary, sink.alerts


class _KeepAlerts:
    """Remembers the alerts that pass on their way to the files."""

    def __init__(self, inner: JsonLinesSink) -> None:
        self._inner = inner
        self.alerts: list[Alert] = []

    def write(self, signals: Iterable[Signal]) -> None:
        kept = list(signals)
        self.alerts += [signal.alert for signal in kept if isinstance(signal, AlertOpened)]
        self._inner.write(kept)

    def close(self) -> None:
        self._inner.close()


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


def _show(summary: dict[str, Any], alerts: list[Alert], out: Path) -> None:
    console = Console()
    if alerts:
        shown = alerts[:ALERTS_SHOWN]
        console.print(alert_table(shown, f"{len(alerts)} alerts"))
        if len(alerts) > len(shown):
            console.print(f"… and {len(alerts) - len(shown)} more in {out}/alerts.jsonl")
    else:
        console.print("No alerts: within the budget, nothing has drifted.")
    console.print(counters_line(summary["counters"]), highlight=False)
    if summary["rejected"]:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in summary["rejected"].items())
        console.print(f"rejected while reading: {reasons}", highlight=False)
    rate = f"{summary['events_per_s']:,} events/s in {summary['wall_s']:.1f} s"
    console.print(f"{summary['windows']:,} windows, {rate}; results in {out}", highlight=False)
