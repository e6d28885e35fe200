"""Compiles, or loads from the cache, every kernel before there is work: a worker that compiles misses its heartbeats."""

from __future__ import annotations

import msgspec

from driftline.config.model_spec import ModelSpec
from driftline.processors.log_partition import LogPartition
from driftline.schemas.inputs import Input
from driftline.schemas.log_records import LogRecords

_MINUTE_MS = 60_000
_EVENTS = 400
_LEARN_FROM = 200


def warm_up() -> None:
    """Play a made-up log through a partition: learning, windows that close, detectors, a cut and a restore."""
    spec = ModelSpec(
        name="warm-up",
        windows_ms=(10 * _MINUTE_MS, 60 * _MINUTE_MS),
        segments=(("region",), ("region", "device")),
        learn_from=_LEARN_FROM,
        detectors=("shiryaev_roberts", "chi_square", "adwin", "page_hinkley"),
    )
    partition = LogPartition({}, {}, discovered=spec, partition=0, next_offsets=dict.fromkeys(Input, 0))
    for start in range(0, _EVENTS, _EVENTS // 4):
        offsets = list(range(start, start + _EVENTS // 4))
        times = [1_767_225_600_000 + i * _MINUTE_MS for i in offsets]
        run = partition.decode(
            Input.PREDICTIONS, LogRecords([_event(i, at) for i, at in zip(offsets, times, strict=True)], offsets, times)
        )
        partition.apply(run)
    partition.cut(full=True)


def _event(i: int, at_ms: int) -> bytes:
    share = (i * 7919 % 1000) / 1000
    return msgspec.json.encode(
        {
            "prediction_id": f"warm-up-{i}",
            "model": "warm-up",
            "timestamp": at_ms,
            "prediction": i % 2 == 0,
            "score": share,
            "features": {"number": share, "category": "abc"[i % 3], "flag": i % 5 == 0},
            "context": {"region": "xy"[i % 2], "device": "pq"[i % 2]},
            "measurements": {"latency_ms": 1.0 + share},
        }
    )
