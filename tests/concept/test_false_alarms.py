"""How many false alarms the error stream raises, next to how many were stated."""

from __future__ import annotations

import numpy as np
import pytest

from driftline.processors.arrays import F64, I32
from driftline.processors.concept.settings import ErrorReference, ErrorSettings
from driftline.processors.concept.watch import ErrorWatch, Rise

pytestmark = pytest.mark.compiled

BLOCK = 1_000_000


def ratio(detector: str, arl: float, alarms: float, draw: str, reference_n: int, seed: int) -> float:
    """Realised over stated false alarms, over as many values as are stated to raise `alarms` of them.

    As many streams of 20 run lengths each, side by side. draw: a rate of errors, or "numeric". reference_n: of each stream's
    own reference; 0: it is learnt.
    """
    rng = np.random.default_rng(seed)
    numeric = draw == "numeric"
    settings = ErrorSettings(
        values="numeric" if numeric else "binary", rates=(1.0 / arl,), detectors=(detector,), learn_from=200
    )
    watch = ErrorWatch(settings)
    total = int(arl * alarms)
    streams = max(1, round(alarms / 20))
    if reference_n:
        for row in range(streams):
            watch.give_reference(row, 0, ErrorReference.of(values(rng, reference_n, draw), settings.values))
    found = 0
    for start in range(0, total, BLOCK):
        n = min(BLOCK, total - start)
        offsets = np.arange(start, start + n)
        rows: I32 = (offsets % streams).astype(np.int32)[:, None]
        found += sum(isinstance(f, Rise) for f in watch.step(rows, values(rng, n, draw), offsets, offsets))
    return found / alarms


def values(rng: np.random.Generator, n: int, draw: str) -> F64:
    return rng.standard_exponential(n) if draw == "numeric" else (rng.random(n) < float(draw)).astype(np.float64)


@pytest.mark.parametrize("reference_n", [0, 1_000, 20_000])
@pytest.mark.parametrize("draw", ["0.01", "0.1", "0.4", "numeric"])
@pytest.mark.parametrize(("arl", "alarms"), [(1e4, 400.0), (1e5, 100.0)])
def test_the_e_detector_keeps_its_budget_with_any_reference(
    arl: float, alarms: float, draw: str, reference_n: int, test_seed: int
) -> None:
    realised = ratio("shiryaev_roberts", arl, alarms, draw, reference_n, test_seed)
    assert 0.3 <= realised <= 1.3, f"realised {realised:.2f} of what is stated, seed {test_seed}"


@pytest.mark.parametrize("detector", ["adwin", "page_hinkley"])
@pytest.mark.parametrize("draw", ["0.01", "0.1", "0.4", "numeric"])
def test_detectors_that_are_named_keep_theirs(detector: str, draw: str, test_seed: int) -> None:
    realised = ratio(detector, 1e4, 300.0, draw, 20_000, test_seed)
    assert realised <= 1.3, f"realised {realised:.2f} of what is stated, seed {test_seed}"
