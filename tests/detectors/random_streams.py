"""Streams of every kind, from a seed, and the plain way to run a detector over one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from driftline.processors.arrays import F64


def random_stream(seed: int, n: int) -> F64:
    """n values of one of five distributions, on any scale, half of the time with shifts, sometimes far from zero."""
    rng = np.random.default_rng(seed)
    kinds = [
        lambda: rng.random(n),
        lambda: rng.normal(rng.normal() * 10.0, 10.0 ** rng.uniform(-6, 6), n),
        lambda: (rng.random(n) < rng.random()).astype(np.float64),
        lambda: rng.exponential(1.0, n),
        lambda: np.floor(rng.random(n) * 256) / 256,
    ]
    stream = kinds[rng.integers(len(kinds))]()
    spread = float(stream.std()) if n else 0.0
    if rng.random() < 0.5:
        for _ in range(rng.integers(1, 4)):
            stream[rng.integers(0, n + 1) :] += rng.normal() * 2.0 * spread
    if rng.random() < 0.2:
        stream += 10.0 ** rng.uniform(0, 12)
    return stream


def alarms_of(detector: Any, stream: Iterable[float]) -> list[int]:
    """Positions at which a plain detector's `update` is true, or river's sets `drift_detected`."""
    found = []
    for i, x in enumerate(stream):
        answer = detector.update(x)
        if detector.drift_detected if answer is None else answer:
            found.append(i)
    return found
