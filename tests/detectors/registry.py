"""Every detector that the contract suite is run on. A new detector is one more line in `DETECTORS`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from driftline.processors.arrays import F64
from driftline.processors.detectors.adwin import Adwin
from driftline.processors.detectors.chi_square_cascade import ChiSquareCascade
from driftline.processors.detectors.cusum import Cusum
from driftline.processors.detectors.page_hinkley import PageHinkley
from driftline.processors.detectors.protocol import Detector
from driftline.processors.detectors.river_adapter import RiverDetector
from driftline.processors.detectors.shiryaev_roberts import ShiryaevRoberts

Draw = Callable[[np.random.Generator, int], F64]


def evenly(rng: np.random.Generator, n: int) -> F64:
    """n values spread evenly over [0, 1], what the transform makes of a feature that has not drifted."""
    return rng.random(n)


def upper_half(rng: np.random.Generator, n: int) -> F64:
    """n values from the upper half only."""
    return 0.5 + 0.5 * rng.random(n)


def few_errors(rng: np.random.Generator, n: int) -> F64:
    """n outcomes, 1 in 10 an error."""
    return (rng.random(n) < 0.1).astype(np.float64)


def many_errors(rng: np.random.Generator, n: int) -> F64:
    """n outcomes, 6 in 10 an error."""
    return (rng.random(n) < 0.6).astype(np.float64)


@dataclass(frozen=True)
class Case:
    """One detector of the suite: how it is made, what it is fed, and how soon it must find `drifted` after `quiet`."""

    name: str
    make: Callable[[], Detector]
    make_with_other_parameters: Callable[[], Detector]
    quiet: Draw = evenly
    drifted: Draw = upper_half
    found_within: int = 500
    snapshot_bytes_max: int = 4096


def _river(name: str, other: dict[str, float], quiet: Draw, drifted: Draw, **parameters: float) -> Case:
    return Case(
        f"river {name}",
        lambda: RiverDetector(name, parameters),
        lambda: RiverDetector(name, {**parameters, **other}),
        quiet,
        drifted,
        snapshot_bytes_max=8192,  # a random number generator alone has 2.5 kB
    )


DETECTORS: list[Case] = [
    Case("Adwin", lambda: Adwin(0.002), lambda: Adwin(0.02)),
    Case("PageHinkley", lambda: PageHinkley(threshold=20.0), lambda: PageHinkley(threshold=30.0)),
    Case("PageHinkley up", lambda: PageHinkley(threshold=20.0, mode="up"), lambda: PageHinkley(threshold=20.0)),
    Case("Cusum", lambda: Cusum(8.0, 0.1, mean=0.5), lambda: Cusum(8.0, 0.2, mean=0.5)),
    Case("Cusum without latch", lambda: Cusum(8.0, 0.1, mean=0.5, latch=False), lambda: Cusum(8.0, 0.1, mean=0.5)),
    Case("Cusum, running mean", lambda: Cusum(20.0, 0.01, mean=None), lambda: Cusum(20.0, 0.01, mean=0.5)),
    Case("ShiryaevRoberts", lambda: ShiryaevRoberts(arl=1e5), lambda: ShiryaevRoberts(arl=1e6)),
    Case("ChiSquareCascade", lambda: ChiSquareCascade(1e5, 20_000), lambda: ChiSquareCascade(1e5, 40_000)),
    _river("ADWIN", {"delta": 0.1}, evenly, upper_half, clock=1),
    _river("PageHinkley", {"delta": 0.1}, evenly, upper_half, threshold=20.0),
    _river("KSWIN", {"seed": 8}, evenly, upper_half, alpha=0.0001, window_size=60, stat_size=20, seed=7),
    _river("DDM", {"drift_threshold": 4.0}, few_errors, many_errors),
    _river("EDDM", {"beta": 0.8}, few_errors, many_errors),
    _river("HDDMA", {"drift_confidence": 0.01}, few_errors, many_errors),
    _river("HDDMW", {"drift_confidence": 0.01}, few_errors, many_errors),
    # FHDDM is fed with successes: it watches for a falling mean only
    _river("FHDDM", {"short_window_size": 20}, many_errors, few_errors, sliding_window_size=50),
]
