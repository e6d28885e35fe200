"""Small logs for the tests of the core: made as JSON events, so that they go the whole way a real one goes.

A log is a list of raw records with record times. `run` plays it through a monitor in any batching.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import orjson

from driftline.config.budget import FalseAlarmBudget
from driftline.config.model_spec import ModelSpec
from driftline.processors.monitor import Monitor
from driftline.processors.partition import Partition
from driftline.processors.reference.build import build_reference
from driftline.processors.reference.profile import Reference
from driftline.schemas.codec import encode
from driftline.schemas.events import Prediction
from driftline.schemas.signals import Signal

START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
MINUTE_MS = 60_000

SPEC = ModelSpec(
    name="m",
    windows_ms=(10 * MINUTE_MS, 60 * MINUTE_MS),
    segments=(("region",), ("region", "device")),
    segments_max=3,
    # a loud budget, so that short logs open alerts: one in about 120 events, over everything that is watched
    false_alarms=FalseAlarmBudget(168.0, "week"),
    events_per_week=20_160.0,
    detectors=("shiryaev_roberts", "chi_square", "adwin", "page_hinkley"),
    dedup=64,
    idle_after_ms=30 * MINUTE_MS,
)

REGIONS = ("eu", "us", "asia", "africa", "oceania", "moon")
DEVICES = ("ios", "web")


@dataclass
class Log:
    """Raw records in log order."""

    records: list[bytes] = field(default_factory=list)
    record_ms: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.records)


def event(rng: random.Random, i: int, at_ms: int, shift: float, **changes: object) -> dict[str, object]:
    """One event with two numeric fields, a categorical and a boolean one, a score, a measurement; some values missing."""
    value: object = round(rng.gauss(shift, 1.0), 6)
    if rng.random() < 0.03:
        value = None
    return {
        "prediction_id": f"id-{i}",
        "model": "m",
        "model_version": rng.choice(["v1", "v2"]),
        "timestamp": at_ms,
        "prediction": rng.choice(["yes", "no"]) if rng.random() > 0.3 * shift else "yes",
        "score": round(min(max(rng.random() + 0.1 * shift, 0.0), 1.0), 4),
        "features": {
            "amount": value,
            "age": rng.randrange(18, 90) if rng.random() > 0.01 else "old",
            "plan": rng.choices(["free", "pro", "team", "new"], [60, 30, 10, 2 * shift])[0],
            "known": rng.random() < 0.4,
        },
        "context": {"region": rng.choice(REGIONS[: 3 + int(3 * rng.random() ** 4)]), "device": rng.choice(DEVICES)},
        "measurements": {"latency_ms": round(rng.lognormvariate(3.0, 0.5), 3)},
        **changes,
    }


def make_log(seed: int, n: int, *, drift_at: float = 0.6, disorder_ms: int = 50_000, late_share: float = 0.01) -> Log:
    """n events over about n / 7 minutes: out of order within `disorder_ms`, some late, doubled, implausible or rejected."""
    rng = random.Random(seed)
    log = Log()
    clock = START_MS
    sent: list[bytes] = []
    for i in range(n):
        clock += rng.choice([0, 1_000, 5_000, 20_000]) if rng.random() > 0.002 else 90 * MINUTE_MS
        shift = 1.0 if i > drift_at * n else 0.0
        at = clock - rng.randrange(disorder_ms + 1)
        changes: dict[str, object] = {}
        if rng.random() < late_share:
            at -= 45 * MINUTE_MS
        if rng.random() < 0.005:
            at = rng.choice([clock + 3_600_000, 1_767_225_600])
        if rng.random() < 0.05:
            changes["features"] = {"amount": 0.5, "age": 30, "plan": "pro", "known": True, "surprise": 1}
        raw = orjson.dumps(event(rng, i, at, shift, **changes))
        if rng.random() < 0.05 and sent:
            raw = rng.choice(sent[-100:])
        elif rng.random() < 0.005:
            raw = raw[:-5]
        sent.append(raw)
        log.records.append(raw)
        log.record_ms.append(clock)
    return log


def reference(seed: int = 7, n: int = 3_000, spec: ModelSpec = SPEC) -> Reference:
    """A reference of the undrifted service."""
    rng = random.Random(seed)
    rows = []
    for i in range(n):
        raw = event(rng, i, START_MS + 30_000 * i, 0.0)
        rows.append(
            Prediction(
                prediction_id=str(raw["prediction_id"]),
                model="m",
                model_version="v1",
                timestamp_ms=START_MS + 30_000 * i,
                prediction=raw["prediction"],  # type: ignore[arg-type]
                score=raw["score"],  # type: ignore[arg-type]
                features=raw["features"],  # type: ignore[arg-type]
                context=raw["context"],  # type: ignore[arg-type]
                measurements=raw["measurements"],  # type: ignore[arg-type]
            )
        )
    return build_reference(spec, rows, "test")


def partition(spec: ModelSpec = SPEC, given: Reference | None = None) -> Partition:
    """A partition with the one model of these logs."""
    return Partition({"m": spec}, {"m": {"": given}} if given is not None else {"m": {}})


def run(
    log: Log, cuts: Iterable[int], spec: ModelSpec, given: Reference | None, *, restart_at: Sequence[int] = ()
) -> list[bytes]:
    """Every signal of the log as bytes, played in batches that end at `cuts`; the monitor is restored at `restart_at`."""
    where = partition(spec, given)
    said: list[Signal] = []
    bounds = sorted({0, len(log), *cuts, *restart_at})
    for start, stop in itertools.pairwise(bounds):
        if start in restart_at:
            old = where.monitors["m"]
            where = partition(spec, given)
            where.monitors["m"] = Monitor.restore(spec, given, old.snapshot())
        decoded = where.decode(log.records[start:stop], range(start, stop), log.record_ms[start:stop])
        said += where.apply(decoded)
    said += where.finish()
    return [encode(signal) for signal in said]
