"""The oracle: what a worker should have written and what it should hold, computed from the topics alone.

Live and offline are equal when, for each output topic and key, the outputs are the same bytes in the same order, and when
the state that the next owner would restore is the same bytes. A live output may have been written more than once, as the
very same bytes; nothing may be missing, and nothing may be there that the log does not say.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from confluent_kafka import TIMESTAMP_CREATE_TIME, Message

from driftline.cli.partitions import Partitions
from driftline.processors.log_partition import LogPartition
from driftline.processors.recovery.records import SnapshotRecord
from driftline.processors.recovery.restore import choose
from driftline.schemas.control import is_tick
from driftline.schemas.inputs import Input
from driftline.schemas.log_records import LogRecords
from driftline.schemas.outputs import OutputTopic
from tests.streaming.stage import Stage

RUN: Final = 1_000

Said = tuple[bytes, tuple[tuple[str, bytes], ...]]
"""An output as it is written: value and headers."""

Outputs = dict[tuple[OutputTopic, bytes], list[Said]]
"""By topic and key, in order. What is said of a partition as a whole has the key b"" and no order."""


@dataclass
class Recomputed:
    """`partitions`: as they are after the last record; `records`: how many were read, ticks and poison included."""

    partitions: list[LogPartition]
    outputs: Outputs
    records: int


def recompute(stage: Stage, *, run: int = RUN) -> Recomputed:
    """Both inputs of every partition, one after the other, in runs of `run` records."""
    made = Partitions(stage.config)
    outputs: Outputs = defaultdict(list)
    partitions: list[LogPartition] = []
    records, starts = 0, stage.starts()
    for p in range(stage.partitions):
        logs = {source: stage.read_partition(stage.topic(source), p) for source in Input}
        partition = made.fresh(p, {source: starts[source, p] for source in Input})
        for source, log in logs.items():
            for batch in _runs(log, run):
                applied = partition.apply(partition.decode(source, batch, allow_gap=True))
                for output in made.outputs_of(partition, applied, source, batch).outputs:
                    outputs[output.topic, output.key].append((output.value, tuple(output.headers)))
            records += len(log)
        partitions.append(partition)
    return Recomputed(partitions, _ordered(outputs), records)


def written(stage: Stage) -> tuple[Outputs, int]:
    """What the workers wrote, each output once, where it came first; and how many came again."""
    outputs: Outputs = defaultdict(list)
    again = 0
    for topic in OutputTopic:
        seen: set[tuple[bytes, Said]] = set()
        for message in stage.read(getattr(stage.topics, topic.value)):
            key = message.key() or b""
            said = (message.value() or b"", tuple(_headers(message)))
            if (key, said) in seen:
                again += 1
            else:
                seen.add((key, said))
                outputs[topic, key].append(said)
    return _ordered(outputs), again


def kept_state(stage: Stage, partition: int) -> LogPartition:
    """What the next owner of a partition would restore."""
    found = stage.read_partition(stage.topics.snapshots, partition)
    cuts = choose(partition, [SnapshotRecord(message.key() or b"", message.value()) for message in found])
    assert cuts, f"no whole snapshot of partition {partition} among {len(found)} records"
    return Partitions(stage.config).restored(cuts[0])


@dataclass
class Agreement:
    """Figures of a comparison that has found no difference."""

    records: int
    outputs: int
    written_again: int
    by_topic: dict[OutputTopic, int]


def assert_live_equals_replay(stage: Stage, *, states: bool = True) -> Agreement:
    """Raises AssertionError that says what differs. With `states`: the last snapshots hold the whole log."""
    expected = recompute(stage)
    live, again = written(stage)
    differences = list(differing(expected.outputs, live))
    if states:
        for p, partition in enumerate(expected.partitions):
            if not any(partition.next.values()):
                continue  # nothing has ever been there
            kept = kept_state(stage, p)
            if kept.next != partition.next:
                differences.append(f"partition {p}: the snapshot is at {kept.next}, the log ends at {partition.next}")
            elif kept.counters() != partition.counters():
                differences.append(f"partition {p}: counted {kept.counters()}, recomputed {partition.counters()}")
            elif kept.state() != partition.state():
                differences.append(f"partition {p}: equal counters, and the state differs")
    assert not differences, "\n".join(differences[:20])
    by_topic = {topic: sum(len(said) for (at, _), said in live.items() if at is topic) for topic in OutputTopic}
    return Agreement(expected.records, sum(by_topic.values()), again, by_topic)


def differing(expected: Outputs, live: Outputs) -> Iterator[str]:
    """One line for each topic and key where live is not as expected."""
    for at in sorted(expected.keys() | live.keys()):
        wanted, found = expected.get(at, []), live.get(at, [])
        assert len(set(wanted)) == len(wanted), (
            f"{at}: equal outputs in one log cannot be told from outputs written twice"
        )
        if wanted == found:
            continue
        missing, extra = set(wanted) - set(found), set(found) - set(wanted)
        first = next((i for i, (a, b) in enumerate(itertools.zip_longest(wanted, found)) if a != b), 0)
        yield (
            f"{at}: {len(wanted)} expected, {len(found)} written; {len(missing)} missing, {len(extra)} extra; "
            f"the first that differs is number {first}:\n"
            f"  expected {wanted[first : first + 1]!r:.600}\n  written  {found[first : first + 1]!r:.600}"
        )


def _ordered(outputs: Outputs) -> Outputs:
    return {(topic, key): said if key else sorted(said) for (topic, key), said in outputs.items()}


def _runs(log: Sequence[Message], run: int) -> Iterator[LogRecords]:
    for start in range(0, len(log), run):
        messages = log[start : start + run]
        headed = [(i, message) for i, message in enumerate(messages) if message.headers()]
        traced = [(_offset(m), value) for _, m in headed for name, value in _headers(m) if name == "traceparent"]
        yield LogRecords(
            values=[message.value() or b"" for message in messages],
            offsets=[_offset(message) for message in messages],
            record_ms=[message.timestamp()[1] for message in messages],
            ticks=[i for i, message in headed if is_tick(_headers(message))],
            traceparents={offset: value.decode("ascii") for offset, value in traced},
            create_time=messages[0].timestamp()[0] == TIMESTAMP_CREATE_TIME,
        )


def _offset(message: Message) -> int:
    offset = message.offset()
    assert offset is not None
    return offset


def _headers(message: Message) -> list[tuple[str, bytes]]:
    return [
        (name, value if isinstance(value, bytes) else (value or "").encode()) for name, value in message.headers() or []
    ]
