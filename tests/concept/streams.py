"""Streams of errors from a seed, and a watch over one group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from driftline.processors.arrays import F64, I32, I64
from driftline.processors.concept.settings import ErrorSettings
from driftline.processors.concept.watch import ErrorWatch, Learnt, Rise


def flips(rng: np.random.Generator, *stretches: tuple[int, float]) -> F64:
    """0 and 1: for each stretch so many values with this rate of errors."""
    return np.concatenate([(rng.random(n) < p).astype(np.float64) for n, p in stretches])


def sizes(rng: np.random.Generator, *stretches: tuple[int, float]) -> F64:
    """Errors that are numbers, some of them tied: for each stretch so many values of this mean."""
    return np.concatenate([np.round(rng.exponential(mean, n), 2) for n, mean in stretches])


def only_group(n: int) -> I32:
    return np.zeros((n, 1), np.int32)


def watch_of(detectors: Sequence[str] = ("shiryaev_roberts",), *, arl: float = 1e4, **other: object) -> ErrorWatch:
    """A watch with one column of groups."""
    settings = {"values": "binary", "rates": (1.0 / arl,), "detectors": tuple(detectors), **other}
    return ErrorWatch(ErrorSettings(**settings))  # type: ignore[arg-type]


def said_by(watch: ErrorWatch, errors: F64, rows: I32 | None = None, start: int = 0) -> list[Rise | Learnt]:
    """Feed errors whose offsets count from `start`; the time of each is ten times its offset."""
    offsets: I64 = np.arange(start, start + len(errors))
    return watch.step(only_group(len(errors)) if rows is None else rows, errors, offsets, 10 * offsets)


def rises(said: list[Rise | Learnt]) -> list[int]:
    """The offsets at which errors were said to have increased."""
    return [finding.offset for finding in said if isinstance(finding, Rise)]
