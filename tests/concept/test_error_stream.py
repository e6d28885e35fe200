"""From predictions with their labels to signals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from driftline.processors.arrays import F64, I32, I64
from driftline.processors.concept.error_stream import ErrorStream, error_values, reference_of
from driftline.processors.concept.settings import ErrorReference, ErrorSettings
from driftline.processors.crossings import Place
from driftline.processors.reference.performance import ReferencePerformance, Spread
from driftline.schemas.signals import AlertOpened, Drift, Health


class Matched(NamedTuple):
    prediction: F64
    label: F64
    offset: I64
    event_ms: I64
    groups: I32


def place_of(group: int) -> Place:
    return Place("credit", "", 0, ("region",) if group else (), f"region={group}" if group else "", "c0ffee", None)


def pairs(prediction: F64, label: F64, group: I64) -> Matched:
    offsets = np.arange(len(label))
    return Matched(prediction, label, offsets, offsets, group.astype(np.int32)[:, None])


def settings(values: str = "binary") -> ErrorSettings:
    return ErrorSettings(values=values, rates=(1e-5, 1e-5))  # type: ignore[arg-type]


def test_errors_of_classes_are_right_or_wrong_and_those_of_numbers_have_a_size() -> None:
    prediction, label = np.array([1.0, 0.0, 5.0, np.nan, 2.0]), np.array([1.0, 1.0, 2.0, 1.0, np.nan])
    assert error_values("multiclass", prediction, label).tolist()[:3] == [0.0, 1.0, 1.0]
    assert error_values("regression", prediction, label).tolist()[:3] == [0.0, 1.0, 3.0]
    assert np.isnan(error_values("binary", prediction, label)[3:]).all()


def test_the_reference_is_that_of_the_labelled_rows_of_the_profile() -> None:
    performance = ReferencePerformance(
        task="binary", n=1_000, metrics={}, classes=["0", "1"], confusion=[[600, 80], [120, 200]]
    )
    reference = reference_of(performance)
    assert reference is not None
    assert (reference.n, reference.total) == (1_000, 200.0)
    assert reference_of(None) is None
    assert reference_of(ReferencePerformance(task="regression", n=1_000, metrics={})) is None
    assert reference_of(ReferencePerformance(task="binary", n=0, metrics={}, confusion=[[0, 0], [0, 0]])) is None


def test_errors_of_neighbours_that_hang_together_are_seen_in_the_spread_of_chunks_and_raise_the_threshold() -> None:
    def profile(sd: dict[str, float], wrong: int = 600) -> ErrorReference:
        spread = [Spread(rows=100, chunks=60, sd=sd), Spread(rows=200, chunks=30, sd={"accuracy": 9.0})]
        confusion = [[2_400, wrong // 2], [wrong // 2, 3_000 - wrong]]
        reference = reference_of(
            ReferencePerformance(task="binary", n=6_000, metrics={}, spread=spread, confusion=confusion)
        )
        assert reference is not None
        return reference

    errors = profile({}).total / profile({}).n
    assert profile({"accuracy": 0.08}).dependence == pytest.approx(0.64 / (errors * (1 - errors)))
    assert (
        profile({"accuracy": 0.001}).dependence
        == profile({}).dependence
        == profile({"accuracy": 0.1}, 0).dependence
        == 1
    )
    rng = np.random.default_rng(43)
    label = np.zeros(3_000)
    matched = pairs((rng.random(3_000) < 0.25).astype(float), label, np.full(3_000, -1))
    thresholds = []
    for reference in (profile({}), profile({"accuracy": 0.08})):
        drift = ErrorStream("binary", settings(), place_of, reference).step(matched)[0]
        assert isinstance(drift, Drift)
        thresholds.append(drift.threshold)
    assert thresholds == pytest.approx([1e5, 1e5 ** profile({"accuracy": 0.08}).dependence])


@pytest.mark.parametrize("given", [True, False])
def test_a_segment_that_gets_worse_is_named(given: bool) -> None:
    rng = np.random.default_rng(41)
    n = 8_000
    group = rng.integers(1, 4, n)
    wrong = rng.random(n) < np.where((group == 2) & (np.arange(n) > 5_000), 0.45, 0.1)
    label = rng.integers(0, 2, n).astype(np.float64)
    prediction = np.where(wrong, 1.0 - label, label)
    performance = ReferencePerformance(task="binary", n=9_000, metrics={}, confusion=[[4_000, 500], [400, 4_100]])
    stream = ErrorStream("binary", settings(), place_of, reference_of(performance) if given else None)
    said = stream.step(pairs(prediction, label, group))
    learnt = [signal.detail["segment"] for signal in said if isinstance(signal, Health)]
    assert sorted(map(str, learnt)) == [*([] if given else [""]), "region=1", "region=2", "region=3"]
    drifts = [signal for signal in said if isinstance(signal, Drift)]
    assert {(drift.kind, drift.segment) for drift in drifts} >= {("concept", "region=2")}
    assert {drift.segment for drift in drifts} <= {"", "region=2"}
    assert len([signal for signal in said if isinstance(signal, AlertOpened)]) == len(drifts)


def test_a_regression_that_gets_worse_is_found_and_its_state_goes_on() -> None:
    rng = np.random.default_rng(42)
    n = 5_000
    label = rng.normal(100.0, 20.0, n)
    prediction = label + rng.normal(0.0, np.where(np.arange(n) > 4_000, 12.0, 5.0))
    matched = pairs(prediction, label, np.full(n, -1))
    whole = ErrorStream("regression", settings("numeric"), place_of)
    expected = whole.step(matched)
    assert [type(signal) for signal in expected] == [Health, Drift, AlertOpened]
    first = ErrorStream("regression", settings("numeric"), place_of)
    said = first.step(Matched(*(column[:2_500] for column in matched)))
    second = ErrorStream("regression", settings("numeric"), place_of)
    (part,) = first.parts()
    assert part.fingerprint == second.fingerprint
    second.restore(part.data)
    assert said + second.step(Matched(*(column[2_500:] for column in matched))) == expected
