"""Both logs of one partition for the tests of the live side, and ways to play them: in runs, interleaved, restarted."""

from __future__ import annotations

import itertools
import random
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import orjson

from driftline.config.model_spec import ModelSpec
from driftline.processors.log_partition import DecodedRun, LogPartition
from driftline.processors.recovery.cut import Cut, PartName, StoredCut, StoredPart
from driftline.processors.reference.profile import Reference
from driftline.schemas.codec import encode
from driftline.schemas.control import TICK_VALUE
from driftline.schemas.inputs import Input
from driftline.schemas.log_records import LogRecords
from driftline.schemas.signals import (
    AlertOpened,
    AlertResolved,
    AlertUpdated,
    LabelExpired,
    PerformanceWindow,
    Signal,
)
from tests.core.logs import MINUTE_MS, SPEC, make_log

P, L = Input.PREDICTIONS, Input.LABELS


@dataclass
class TopicLog:
    """One log: values at offsets that may have holes, with record times; `ticks` are offsets."""

    values: list[bytes] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    record_ms: list[int] = field(default_factory=list)
    ticks: set[int] = field(default_factory=set)

    def add(self, value: bytes, record_ms: int, *, tick: bool = False, hole: int = 0) -> None:
        offset = (self.offsets[-1] + 1 if self.offsets else 0) + hole
        self.values.append(value)
        self.offsets.append(offset)
        self.record_ms.append(record_ms)
        if tick:
            self.ticks.add(offset)

    def records(self, start: int, stop: int) -> LogRecords:
        """Records by position, as one fetch would bring them."""
        offsets = self.offsets[start:stop]
        ticks = [i for i, offset in enumerate(offsets) if offset in self.ticks]
        return LogRecords(self.values[start:stop], offsets, self.record_ms[start:stop], ticks, create_time=True)


Logs = Mapping[Input, TopicLog]
Step = tuple[Input, int]
"""Take so many records more of this input."""


@dataclass
class World:
    """What a partition is configured with."""

    specs: dict[str, ModelSpec]
    references: dict[str, dict[str, Reference]]
    discovered: ModelSpec | None
    outcomes: bool = False

    def fresh(self) -> LogPartition:
        return LogPartition(
            self.specs,
            self.references,
            discovered=self.discovered,
            partition=3,
            next_offsets=dict.fromkeys(Input, 0),
            outcomes=self.outcomes,
        )

    def restored(self, stored: StoredCut) -> LogPartition:
        return LogPartition.restore(
            self.specs, self.references, stored, discovered=self.discovered, outcomes=self.outcomes
        )


def world(given: Reference) -> World:
    """Five kinds of models: with a reference, with two, one that learns, and any that are met."""
    specs = {
        "m": SPEC,
        "versions": replace(SPEC, name="versions", segments=(("region",),), idle_after_ms=5 * MINUTE_MS),
        "learner": replace(SPEC, name="learner", learn_from=25, dedup=8),
    }
    references = {"m": {"": given}, "versions": {"": given, "v2": given}, "learner": {}}
    discovered = ModelSpec(name="any", windows_ms=SPEC.windows_ms, learn_from=30, dedup=0)
    return World(specs, references, discovered)


MODELS = ("m", "versions", "learner", "met", "met too")


def make_logs(seed: int, n: int) -> Logs:
    """About n predictions of several models and half as many labels, with ticks, holes and unreadable records."""
    rng = random.Random(seed)
    plain = make_log(seed, n)
    predictions, labels = TopicLog(), TopicLog()
    model = rng.choice(MODELS)
    for raw, record_ms in zip(plain.records, plain.record_ms, strict=True):
        model = rng.choice(MODELS) if rng.random() < 0.1 else model
        hole = rng.randrange(1, 4) if rng.random() < 0.02 else 0
        predictions.add(raw.replace(b'"model":"m"', b'"model":"%b"' % model.encode()), record_ms, hole=hole)
        if rng.random() < 0.03:
            ahead = rng.choice([-MINUTE_MS, 0, 10 * MINUTE_MS, 60 * MINUTE_MS])
            predictions.add(TICK_VALUE, record_ms + ahead, tick=True)
        if rng.random() < 0.5:
            labels.add(label(rng, record_ms), record_ms + rng.randrange(10 * MINUTE_MS), hole=hole)
        if rng.random() < 0.03:
            labels.add(TICK_VALUE, record_ms + 200 * MINUTE_MS, tick=True)
    return {P: predictions, L: labels}


def label(rng: random.Random, at_ms: int) -> bytes:
    if rng.random() < 0.05:
        return rng.choice([b"", b"{", b"[1]"])
    model = rng.choice([*MODELS, "only labelled"])
    return orjson.dumps({"prediction_id": f"id-{rng.randrange(500)}", "model": model, "timestamp": at_ms, "label": 1})


def stored(cut: Cut, before: StoredCut | None = None) -> StoredCut:
    """The cut as it would be read back: parts that have not changed are those of the cut before."""
    parts: dict[PartName, StoredPart] = {}
    for part in cut.parts:
        assert part.name not in parts
        if part.encode is not None:
            parts[part.name] = StoredPart(part.fingerprint, part.encode())
        else:
            assert before is not None, "the first cut is full"
            parts[part.name] = StoredPart(part.fingerprint, before.parts[part.name].data)
    return StoredCut(cut.partition, cut.next_offsets, cut.models, parts)


OUTCOMES = "outcomes"
"""The side of what is said of labels: it follows from both logs."""


class Player:
    """Plays logs through a partition and keeps what is said, by side (an input, or OUTCOMES) and model."""

    def __init__(self, where: LogPartition, logs: Logs) -> None:
        self.where, self.logs = where, logs
        self.said: dict[tuple[str, str], list[bytes]] = defaultdict(list)
        self.letters: dict[Input, list[tuple[int, bytes, int]]] = {P: [], L: []}
        self._decoded = dict.fromkeys(Input, 0)  # positions
        self._waiting: deque[DecodedRun] = deque()

    def play(self, steps: Iterable[Step], *, ahead: int = 0) -> None:
        """Decode the runs in turn, up to `ahead` of them before they are applied."""
        for source, n in steps:
            self.decode(source, n)
            self.apply(leave=ahead)
        self.apply()

    def restart(self, where: LogPartition) -> None:
        """Another one goes on, from the offsets that it asks for."""
        assert not self._waiting
        self.where = where
        self._decoded = {source: bisect_left(log.offsets, where.next[source]) for source, log in self.logs.items()}

    def left(self, source: Input) -> int:
        """Records of this log that have not been decoded."""
        return len(self.logs[source].values) - self._decoded[source]

    def decode(self, source: Input, n: int) -> None:
        """The next n records of one log, in one run."""
        start = self._decoded[source]
        self._decoded[source] = start + n
        self._waiting.append(self.where.decode(source, self.logs[source].records(start, start + n), allow_gap=True))

    def apply(self, leave: int = 0) -> None:
        """All runs that were decoded, but for the last few."""
        while len(self._waiting) > leave:
            run = self._waiting.popleft()
            applied = self.where.apply(run)
            for signal in applied.signals:
                side = OUTCOMES if isinstance(signal, PerformanceWindow | LabelExpired) else run.input
                self.said[side, model_of(signal)].append(encode(signal))
            self.letters[run.input] += [(each.offset, each.value, each.record_ms) for each in applied.rejected]


def model_of(signal: Signal) -> str:
    """Its model; "" for what is said of the partition."""
    return signal.alert.model if isinstance(signal, AlertOpened | AlertUpdated | AlertResolved) else signal.model


def steps_through(rng: random.Random, logs: Logs, runs: int) -> list[Step]:
    """Both logs cut into runs at random and interleaved at random."""
    ways: list[Step] = []
    for source, log in logs.items():
        bounds = sorted({0, len(log.values), *(rng.randrange(len(log.values) + 1) for _ in range(runs))})
        ways += [(source, b - a) for a, b in itertools.pairwise(bounds)]
    order = [source for source, _ in ways]
    rng.shuffle(order)
    sizes = {source: iter([n for s, n in ways if s is source]) for source in logs}
    return [(source, next(sizes[source])) for source in order]


def whole(logs: Logs) -> Sequence[Step]:
    """Each log in one run."""
    return [(source, len(log.values)) for source, log in logs.items()]
