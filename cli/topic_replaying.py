"""Plays whole topics through the partitions of a worker: what it would have said, without one.

Nothing is committed, nothing is written to Kafka, and the end of a topic closes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from driftline.cli.apply_ahead import applied_ahead
from driftline.cli.partitions import Partitions
from driftline.cli.replayed import Replayed
from driftline.config.config import Config
from driftline.processors.log_partition import Applied, DecodedRun, LogPartition
from driftline.producers.progress import Progress, no_progress
from driftline.producers.topic_reader import TopicReader
from driftline.schemas.inputs import Input
from driftline.schemas.log_records import LogRecords
from driftline.schemas.outputs import Output


class Played(NamedTuple):
    """One run of records, and what follows from it."""

    source: Input
    records: LogRecords
    applied: Applied


def topics_of(config: Config, *, labels: bool = True) -> dict[Input, str]:
    """The input topics of a configuration."""
    topics = {Input.PREDICTIONS: config.topics.predictions}
    return {**topics, Input.LABELS: config.topics.labels} if labels else topics


def play(
    partition: LogPartition, reader: TopicReader, replayed: Replayed, progress: Progress = no_progress
) -> Iterator[Played]:
    """All of both logs of a partition that is fresh, from their first record on."""
    yield from applied_ahead(_decoded(partition, reader, replayed, progress))


def replay_outputs(config: Config, *, labels: bool = True) -> Iterator[Output]:
    """What a worker writes that reads both topics from their beginning, one partition after the other.

    Of one partition, topic and key the outputs come in the order in which a worker writes them. labels: whether that topic
    is read too. Raises DriftlineError when Kafka, a topic or a reference cannot be used.
    """
    partitions = Partitions(config)
    with TopicReader(config.broker, topics_of(config, labels=labels)) as reader:
        for number in reader.partitions:
            fresh = partitions.fresh(number, reader.starts(number))
            for played in play(fresh, reader, Replayed()):
                yield from partitions.outputs_of(fresh, played.applied, played.source, played.records).outputs


def _decoded(
    partition: LogPartition, reader: TopicReader, replayed: Replayed, progress: Progress
) -> Iterator[Callable[[], Played]]:
    """The applying of each run, to be done while the next is decoded."""
    for source, records in reader.read(partition.partition, progress):
        started = time.perf_counter()
        # whatever is missing was not lost on the way: this is all that the broker has
        run = partition.decode(source, records, allow_gap=True)
        replayed.decode_s += time.perf_counter() - started
        yield partial(_apply, partition, run, source, records, replayed)


def _apply(partition: LogPartition, run: DecodedRun, source: Input, records: LogRecords, replayed: Replayed) -> Played:
    started = time.perf_counter()
    applied = partition.apply(run)
    replayed.apply_s += time.perf_counter() - started
    return Played(source, records, applied)
