"""Replays files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from rich.markup import escape

from driftline.cli.file_model import spec_of_file
from driftline.cli.file_progress import file_progress
from driftline.cli.findings import Findings
from driftline.cli.label_times import prediction_times
from driftline.cli.performances import Performances
from driftline.cli.references import load_references
from driftline.cli.replay_outcome import Outcome, Watched, models_used, rates_of, references_in_use
from driftline.cli.replaying import replay as play
from driftline.config.config import Config
from driftline.processors.partition import Partition
from driftline.producers.files import read_events, read_labels
from driftline.schemas.errors import InputError
from driftline.schemas.timestamps import timestamp_ms
from driftline.sinks.protocol import Sink

COMPILING: Final = "[dim](the first run after an installation compiles for half a minute)[/]"


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
        config.models,
        references,
        discovered=config.defaults if config.discover else None,
        as_of_ms=as_of_ms,
        outcomes=labels is not None,
    )
    spec = spec_of_file(config, model)
    findings, performances = Findings(), Performances()
    with file_progress(show_progress) as progress:
        task = progress.add_task(f"replaying {escape(predictions.name)} {COMPILING}", total=None)

        def advance(done_bytes: int, total_bytes: int) -> None:
            progress.update(task, completed=done_bytes, total=total_bytes)

        label_column = spec.labels.columns.label_column
        events = read_events(predictions, spec.columns, spec.name, label=label_column, progress=advance)
        label_blocks: Iterable[bytes] = ()
        if labels is not None:
            label_blocks = read_labels(
                labels,
                spec.labels.columns,
                spec.columns,
                spec.name,
                known_ms=lambda: prediction_times(read_events(predictions, spec.columns, spec.name)),
            )
        replayed = play(partition, events, label_blocks, Watched(open_sink(), findings, performances))
    models = models_used(config, references)
    used = references_in_use(partition.monitors)
    return Outcome(
        summary={"format_version": 1, "as_of_ms": as_of_ms, "models": models, **replayed.summary()},
        findings=findings.result(used),
        performances=performances.result(used),
        rates=rates_of(partition.monitors),
        span_ms=findings.span_ms,
    )


def _as_of_ms(as_of: str | None) -> int:
    if as_of is None:
        return int(time.time() * 1000)
    at = timestamp_ms(as_of)
    if at is None:
        raise InputError(f"--as-of {as_of!r}: write RFC 3339 with an offset, such as 2026-01-31T12:00:00Z")
    return at
