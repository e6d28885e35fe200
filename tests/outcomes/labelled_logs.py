"""Small pairs of logs for the tests of the outcome side, and ways to play them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import orjson

from driftline.config.model_spec import DAY_MS, HOUR_MS, MINUTE_MS, LabelSpec, ModelSpec
from driftline.processors.partition import Partition
from driftline.processors.reference.build import build_reference
from driftline.processors.reference.profile import Reference
from driftline.schemas.events import Prediction
from driftline.schemas.inputs import Input
from driftline.schemas.signals import LabelExpired, PerformanceWindow, Signal

START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
REGIONS = ("eu", "us")
VERSIONS = ("v1", "v2")


def spec(horizon_ms: int = DAY_MS, lateness_ms: int = MINUTE_MS, learn_from: int = 5_000) -> ModelSpec:
    return ModelSpec(
        name="m",
        task="binary",
        windows_ms=(6 * HOUR_MS, DAY_MS),
        segments=(("region",),),
        lateness_ms=lateness_ms,
        events_per_week=10_000.0,
        learn_from=learn_from,
        labels=LabelSpec(horizon_ms=horizon_ms),
    )


@cache
def reference() -> Reference:
    """Of a model with one feature, 0 and 1 as predictions, and a score."""
    rng = random.Random(1)
    rows = [
        Prediction(
            prediction_id=f"r{i}",
            model="m",
            timestamp_ms=START_MS + i,
            prediction=i % 2,
            score=rng.random(),
            features={"x": rng.random()},
            context={"region": REGIONS[i % 2]},
        )
        for i in range(300)
    ]
    return build_reference(spec(), rows, "test")


@dataclass
class Log:
    """Raw records with their record times; the offset is the position."""

    records: list[bytes] = field(default_factory=list)
    record_ms: list[int] = field(default_factory=list)

    def add(self, event: dict[str, object], record_ms: int) -> None:
        self.records.append(orjson.dumps(event))
        self.record_ms.append(record_ms)


@dataclass
class Logs:
    predictions: Log
    labels: Log

    def of(self, source: Input) -> Log:
        return self.predictions if source is Input.PREDICTIONS else self.labels


def make_logs(rng: random.Random, n: int, *, delay_ms_max: int = 7 * DAY_MS, repeat_ms_max: int = HOUR_MS) -> Logs:
    """About n predictions over two days, a label for most of them 0 s to 7 d later; everything that goes wrong with both.

    Out of order, repeated, too late, implausible; labels that come first, for nobody, twice, corrected, taken back.
    """
    made: list[tuple[int, dict[str, object]]] = []
    labels: list[tuple[int, dict[str, object]]] = []
    at_ms = START_MS
    for i in range(n):
        at_ms += rng.choice([0, MINUTE_MS, 2 * 2 * DAY_MS // max(n, 1)])
        event_ms = at_ms - rng.choice([0, 0, MINUTE_MS, 7 * HOUR_MS, 3 * DAY_MS if rng.random() < 0.2 else 0])
        if rng.random() < 0.02:
            event_ms = rng.choice([at_ms + HOUR_MS, 1_700_000_000])
        event = _prediction(rng, i, event_ms)
        made.append((at_ms, event))
        if rng.random() < 0.1:
            made.append((at_ms + rng.randrange(repeat_ms_max), _prediction(rng, i, event_ms)))
        labels += _labels(rng, i, at_ms, delay_ms_max)
    logs = Logs(Log(), Log())
    for at_ms, event in sorted(made, key=lambda item: item[0]):
        logs.predictions.add(event, at_ms + (rng.randrange(-MINUTE_MS, 1) if rng.random() < 0.2 else 0))
    for at_ms, event in sorted(labels, key=lambda item: item[0]):
        logs.labels.add(event, at_ms)
    return logs


def _prediction(rng: random.Random, i: int, event_ms: int) -> dict[str, object]:
    return {
        "prediction_id": f"p{i}",
        "model": "m",
        "model_version": rng.choice(VERSIONS),
        "timestamp": event_ms,
        "prediction": rng.choice([0, 1]),
        "score": rng.choice([None, round(rng.random(), 3)]),
        "features": {"x": rng.random()},
        "context": {"region": rng.choice(REGIONS)},
    }


def _labels(rng: random.Random, i: int, at_ms: int, delay_ms_max: int) -> list[tuple[int, dict[str, object]]]:
    labels = []
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
        known_ms = at_ms + rng.choice([-HOUR_MS, 0, rng.randrange(HOUR_MS), rng.randrange(delay_ms_max)])
        value = rng.choice([0, 1, 1.0, "1", True, False, None, "no class"])
        ident = f"p{i}" if rng.random() > 0.05 else f"nobody{i}"
        label = {"prediction_id": ident, "model": "m", "timestamp": known_ms, "label": value}
        if rng.random() < 0.1:
            label["weight"] = 2.5
        labels += [(known_ms, label)] * rng.choice([1, 1, 1, 2])
    return labels


Step = tuple[Input, int]
"""Read so many records more of this log."""


def both_logs(logs: Logs) -> list[Step]:
    """Each log in one piece, predictions first."""
    return [(source, len(logs.of(source).records)) for source in Input]


def random_steps(rng: random.Random, logs: Logs) -> list[Step]:
    """Both logs in pieces of any size, read in any order."""
    left = {source: len(logs.of(source).records) for source in Input}
    steps: list[Step] = []
    while any(left.values()):
        source = rng.choice([each for each in Input if left[each]])
        n = min(left[source], rng.choice([1, 3, 20, 200]))
        left[source] -= n
        steps.append((source, n))
    return steps


def partition_of(model: ModelSpec, given: Reference | None) -> Partition:
    return Partition({"m": model}, {"m": {} if given is None else {"": given}}, outcomes=True)


Outcome = PerformanceWindow | LabelExpired


def play(logs: Logs, steps: Sequence[Step], model: ModelSpec, *, learns: bool = False) -> list[Outcome]:
    """What is said about performance, with both logs read to their end. learns: there is no reference at first."""
    return apply(partition_of(model, None if learns else reference()), logs, steps)


def apply(partition: Partition, logs: Logs, steps: Sequence[Step]) -> list[Outcome]:
    """Both logs to their end, through a partition."""
    said: list[Signal] = []
    at = dict.fromkeys(Input, 0)
    for source, n in steps:
        log, start = logs.of(source), at[source]
        at[source] = stop = start + n
        decode = partition.decode if source is Input.PREDICTIONS else partition.decode_labels
        apply = partition.apply if source is Input.PREDICTIONS else partition.apply_labels
        said += apply(decode(log.records[start:stop], range(start, stop), log.record_ms[start:stop]))
    said += partition.finish()
    return [signal for signal in said if isinstance(signal, PerformanceWindow | LabelExpired)]
