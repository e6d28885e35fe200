"""The adapter: any detector of river by name, refusals that say what to write, snapshots without code in them."""

from __future__ import annotations

import numpy as np
import pytest

from driftline.processors.detectors.adwin import Adwin
from driftline.processors.detectors.page_hinkley import PageHinkley
from driftline.processors.detectors.river_adapter import RiverDetector, river_detectors
from driftline.schemas.errors import DamagedSnapshot
from tests.detectors.random_streams import random_stream

ALL = ["ADWIN", "DDM", "DummyDriftDetector", "EDDM", "FHDDM", "HDDMA", "HDDMW", "KSWIN", "NoDrift", "PageHinkley"]


def test_every_detector_of_river_is_there() -> None:
    assert list(river_detectors()) == ALL


@pytest.mark.parametrize("name", ALL)
def test_every_detector_of_river_goes_on_from_its_snapshot_as_if_nothing_had_happened(name: str) -> None:
    parameters = {"seed": 3} if name in {"KSWIN", "DummyDriftDetector"} else {}
    rng = np.random.default_rng(2)
    stream = np.concatenate([rng.random(700) < 0.2, rng.random(700) < 0.7]).astype(np.float64)
    whole, before, after = (RiverDetector(name, parameters) for _ in range(3))
    found = whole.update_many(stream).tolist()
    before.update_many(stream[:650])
    after.restore(before.snapshot())
    assert [650 + i for i in after.update_many(stream[650:]).tolist()] == [i for i in found if i >= 650]
    assert after.snapshot() == whole.snapshot()


def test_an_unknown_detector_is_refused_with_the_list_of_names() -> None:
    with pytest.raises(
        ValueError, match=r"river has no drift detector 'HDDM_A': write one of ADWIN, DDM, .* PageHinkley"
    ):
        RiverDetector("HDDM_A")
    with pytest.raises(ValueError, match="no drift detector 'DriftRetrainingClassifier'"):
        RiverDetector("DriftRetrainingClassifier")


def test_an_unknown_parameter_is_refused_with_the_list_of_parameters() -> None:
    with pytest.raises(ValueError, match="DDM has no parameter 'out': write one of warm_start, warning_threshold"):
        RiverDetector("DDM", {"out": 3})


@pytest.mark.parametrize("name", ["KSWIN", "DummyDriftDetector"])
def test_chance_without_a_seed_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match='write "seed": <an integer>'):
        RiverDetector(name)


def test_a_state_that_cannot_be_written_down_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match=r"DDM\.warm_start is a complex, which cannot be written to a snapshot"):
        RiverDetector("DDM", {"warm_start": 3j})


def test_a_binary_detector_takes_only_zero_and_one() -> None:
    detector = RiverDetector("DDM")
    assert detector.update(1.0) is False
    with pytest.raises(ValueError, match=r"DDM takes 0 and 1 only, not 0\.5"):
        detector.update(0.5)


def test_a_snapshot_of_another_release_of_river_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    detector = RiverDetector("DDM")
    with monkeypatch.context() as patch:
        patch.setattr("driftline.processors.detectors.river_adapter.version", lambda package: "0.1.0")
        foreign = detector.snapshot()
    with pytest.raises(DamagedSnapshot, match="cannot restore DDM"):
        detector.restore(foreign)


@pytest.mark.compiled
def test_our_own_kernels_alarm_where_the_adapter_does(test_seed: int) -> None:
    for seed in np.random.default_rng(test_seed).integers(0, 2**32, 20).tolist():
        stream = random_stream(seed, 800)
        assert (
            Adwin(0.01).update_many(stream).tolist()
            == RiverDetector("ADWIN", {"delta": 0.01}).update_many(stream).tolist()
        )
        assert PageHinkley().update_many(stream).tolist() == RiverDetector("PageHinkley").update_many(stream).tolist()
