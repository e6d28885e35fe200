"""Replays topics."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Final

from rich.markup import escape

from driftline.cli.file_progress import file_progress
from driftline.cli.findings import Findings
from driftline.cli.partitions import Partitions
from driftline.cli.performances import Performances
from driftline.cli.references import load_references
from driftline.cli.replay_files import COMPILING
from driftline.cli.replay_outcome import Outcome, Rates, Watched, models_used, rates_of, references_in_use
from driftline.cli.replayed import Replayed
from driftline.cli.topic_replaying import play
from driftline.config.config import Config
from driftline.processors.counters import Counters
from driftline.processors.reference.profile import Reference
from driftline.producers.topic_reader import TopicReader
from driftline.schemas.errors import InputError
from driftline.schemas.inputs import Input
from driftline.sinks.protocol import Sink

SCHEME: Final = "kafka://"


def is_topic(name: str | None) -> bool:
    """Whether an argument names a topic and not a file."""
    return name is not None and name.startswith(SCHEME)


def with_topics(config: Config, predictions: str, labels: str | None) -> Config:
    """The configuration with its input topics as the arguments name them; `kafka://` alone is the configured one.

    Raises InputError when only one of the two is a topic.
    """
    if not is_topic(predictions) or (labels is not None and not is_topic(labels)):
        raise InputError("--predictions and --labels: give two topics (kafka://NAME) or two files")
    named = {"predictions": predictions.removeprefix(SCHEME), "labels": (labels or "").removeprefix(SCHEME)}
    topics = config.topics.model_copy(update={use: topic for use, topic in named.items() if topic})
    return dataclasses.replace(config, topics=topics)


def run_topic_replay(
    config: Config, sources: Iterable[Input], open_sink: Callable[[], Sink], *, show_progress: bool
) -> Outcome:
    """Replay the topics of the configuration, from their first record to the last that is there now, into the sink.

    Raises DriftlineError when Kafka, a topic or a reference cannot be used; the sink is opened after all that.
    """
    started = time.perf_counter()
    partitions = Partitions(config)
    topics = {source: partitions.topics[source] for source in sources}
    findings, performances, replayed, counters = Findings(), Performances(), Replayed(), Counters()
    used: dict[tuple[str, str], Reference] = {}
    rates: Rates = {}
    offsets: dict[str, dict[str, list[int]]] = {}
    with TopicReader(config.broker, topics) as reader, file_progress(show_progress) as progress:
        task = progress.add_task(f"replaying {escape(topics[Input.PREDICTIONS])} {COMPILING}", total=None)
        sink = Watched(open_sink(), findings, performances)
        for number in reader.partitions:
            starts = reader.starts(number)
            partition = partitions.fresh(number, starts, outcomes=Input.LABELS in topics)
            for played in play(
                partition, reader, replayed, lambda done, total: progress.update(task, completed=done, total=total)
            ):
                replayed.write(played.applied.signals, sink)
            counters.add(partition.counters())
            if partition.outcomes is not None:
                replayed.add_outcomes(partition.outcomes.counters())
            replayed.add_rejected(partition.rejected)
            used |= references_in_use(partition.monitors)
            rates |= rates_of(partition.monitors)
            offsets[str(number)] = {source: [starts[source], partition.next[source]] for source in topics}
        sink.close()
    replayed.counters = asdict(counters)
    replayed.wall_s = time.perf_counter() - started
    summary = {
        "format_version": 1,
        "topics": {str(source): topic for source, topic in topics.items()},
        "offsets": offsets,
        "models": models_used(config, load_references(config)),
        **replayed.summary(),
    }
    return Outcome(summary, findings.result(used), performances.result(used), rates, findings.span_ms)
