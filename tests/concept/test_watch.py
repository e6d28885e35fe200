"""The watch over a model's errors: what is found, what is not said, and that only the stream decides."""

from __future__ import annotations

import numpy as np
import pytest
import river.drift
from hypothesis import given
from hypothesis import strategies as st

from driftline.processors.arrays import F64
from driftline.processors.budget import adwin_delta
from driftline.processors.concept.named import MARGIN
from driftline.processors.concept.settings import ErrorReference
from driftline.processors.concept.watch import ErrorWatch, Learnt, Rise
from driftline.processors.detectors.river_adapter import river_detectors
from tests.concept.streams import flips, rises, said_by, sizes, watch_of

OWN = ("shiryaev_roberts", "adwin", "page_hinkley")
RIVER = ("ADWIN", "DDM", "EDDM", "FHDDM", "HDDMA", "HDDMW", "KSWIN", "PageHinkley")
SEEDED = {"KSWIN": {"seed": 3, "alpha": 1e-3}, "PageHinkley": {"threshold": 20.0}}


def test_the_detectors_of_river_are_those_tested_here() -> None:
    assert set(river_detectors()) - {"DummyDriftDetector", "NoDrift"} == set(RIVER)


@pytest.mark.parametrize("name", [*OWN, *RIVER])
def test_a_rise_is_found_and_a_fall_is_not_said(name: str) -> None:
    rng = np.random.default_rng(11)
    errors = flips(rng, (3_000, 0.1), (1_000, 0.5))
    river_parameters = {name: SEEDED[name]} if name in SEEDED else {}
    up = rises(said_by(watch_of([name], arl=1e5, river=river_parameters), errors))
    # river's own defaults may raise a false alarm before
    assert [i for i in up if 3_000 <= i < 3_400], up
    fallen = flips(rng, (3_000, 0.5), (3_000, 0.1))
    watch = watch_of([name], arl=1e5, river=river_parameters)
    assert [i for i in rises(said_by(watch, fallen)) if 3_000 <= i < 3_500] == []


@pytest.mark.parametrize("name", OWN)
def test_larger_errors_are_found_and_smaller_ones_are_not_said(name: str) -> None:
    rng = np.random.default_rng(12)
    found = rises(said_by(watch_of([name], arl=1e5, values="numeric"), sizes(rng, (4_000, 1.0), (1_000, 2.0))))
    assert len(found) == 1 and 4_000 <= found[0] < 4_200
    assert rises(said_by(watch_of([name], arl=1e5, values="numeric"), sizes(rng, (4_000, 2.0), (4_000, 1.0)))) == []


def test_adwin_alarms_where_that_of_river_does() -> None:
    errors = flips(np.random.default_rng(13), (4_000, 0.1), (4_000, 0.2), (4_000, 0.4))
    river_adwin = river.drift.ADWIN(adwin_delta(MARGIN * 1e-5))
    expected = []
    for i, x in enumerate(errors[200:].tolist()):  # the first 200 teach the rate
        river_adwin.update(x)
        if river_adwin.drift_detected:
            expected.append(200 + i)
    assert len(expected) == 2
    assert rises(said_by(watch_of(["adwin"], arl=1e5), errors)) == expected


def test_a_binary_detector_of_river_alarms_where_river_says() -> None:
    errors = flips(np.random.default_rng(14), (3_000, 0.1), (2_000, 0.3))
    hddm = river.drift.binary.HDDMA(drift_confidence=1e-6)
    expected = []
    for i, x in enumerate(errors.astype(int).tolist()):
        hddm.update(x)
        if hddm.drift_detected:
            expected.append(i)
    watch = watch_of(["HDDMA"], river={"HDDMA": {"drift_confidence": 1e-6}})
    assert rises(said_by(watch, errors)) == expected != []


def test_what_the_reference_is_like_is_learnt_and_said_and_grows() -> None:
    errors = flips(np.random.default_rng(15), (5_000, 0.2), (500, 0.45))
    said = said_by(watch_of(arl=1e6), errors)
    learnt, rise = said
    assert isinstance(learnt, Learnt) and isinstance(rise, Rise)
    assert (learnt.offset, learnt.n, learnt.mean) == (199, 200, errors[:200].mean())
    assert 5_000 <= rise.offset < 5_200
    # the evidence is told apart from the reference: what came since the change, and all before
    assert rise.n + rise.reference_n == rise.offset + 1
    assert abs(rise.reference_n - 5_000) < 100
    assert rise.reference_mean == errors[: rise.reference_n].mean()
    assert rise.mean == errors[rise.reference_n : rise.offset + 1].mean()


def test_a_model_that_is_worse_than_its_reference_from_the_start_is_found() -> None:
    watch = watch_of(arl=1e6)
    watch.give_reference(0, 0, ErrorReference(n=5_000, total=500.0))
    said = said_by(watch, flips(np.random.default_rng(16), (1_000, 0.2)))
    assert [type(finding) for finding in said] == [Rise]
    assert said[0].offset < 400


def test_one_onset_is_one_alarm_and_the_next_one_is_another() -> None:
    rng = np.random.default_rng(17)
    errors = flips(rng, (5_000, 0.1), (5_000, 0.3), (15_000, 0.1), (5_000, 0.3))
    found = rises(said_by(watch_of(arl=1e6), errors))
    assert [i // 5_000 for i in found] == [1, 5]


def test_a_restarted_group_learns_its_rate_anew() -> None:
    rng = np.random.default_rng(18)
    watch = watch_of(OWN, arl=1e6)
    said_by(watch, flips(rng, (2_000, 0.1)))
    watch.restart(0)
    said = said_by(watch, flips(rng, (20_000, 0.4)))
    assert [type(finding) for finding in said] == [Learnt]
    assert said[0].mean == pytest.approx(0.4, abs=0.12)


def test_groups_do_not_disturb_each_other() -> None:
    rng = np.random.default_rng(19)
    n = 12_000
    version, region = rng.integers(1, 3, n), rng.integers(3, 6, n)
    errors = flips(rng, (n, 0.1))
    bad = (region == 4) & (np.arange(n) > 6_000)
    errors[bad] = rng.random(int(bad.sum())) < 0.5
    rows = np.stack([np.zeros(n, int), version, region], axis=1).astype(np.int32)
    together = ErrorWatch(watch_of(OWN, rates=(1e-5, 1e-5, 1e-5)).settings)
    found = [finding for finding in said_by(together, errors, rows) if isinstance(finding, Rise)]
    assert {finding.row for finding in found if finding.column == 2} == {4}
    for column in range(3):
        for row in np.unique(rows[:, column]).tolist():
            own = np.flatnonzero(rows[:, column] == row)
            alone = said_by(watch_of(OWN, arl=1e5), errors[own])
            expected = [(own[f.position], f.detector, f.statistic) for f in alone if isinstance(f, Rise)]
            assert [(f.position, f.detector, f.statistic) for f in found if f.row == row] == expected


def test_values_that_are_no_errors_are_skipped() -> None:
    rng = np.random.default_rng(20)
    errors = flips(rng, (2_000, 0.1), (500, 0.6))
    at = np.sort(rng.integers(0, len(errors), 50))
    broken = np.insert(errors, at, rng.choice([np.nan, np.inf, 0.5, -1.0], 50))
    usable = np.flatnonzero((broken == 0.0) | (broken == 1.0))
    detectors = (*OWN, "HDDMA")
    clean = [usable[f.position] for f in said_by(watch_of(detectors), errors)]
    assert [f.position for f in said_by(watch_of(detectors), broken)] == clean != []


@given(st.integers(0, 2**32), st.booleans(), st.lists(st.integers(0, 3_000), max_size=5))
def test_neither_batches_nor_restarts_of_the_process_show(seed: int, numeric: bool, cuts: list[int]) -> None:
    rng = np.random.default_rng(seed)
    errors: F64 = sizes(rng, (2_000, 1.0), (1_000, 3.0)) if numeric else flips(rng, (2_000, 0.1), (1_000, 0.5))
    rows = np.stack([np.zeros(3_000, int), rng.choice([-1, 1, 2, 3], 3_000)], axis=1).astype(np.int32)
    kind = "numeric" if numeric else "binary"
    detectors = (*OWN, "ADWIN") if numeric else (*OWN, "HDDMW")
    settings = watch_of(detectors, values=kind, rates=(1e-3, 1e-3)).settings
    whole = ErrorWatch(settings)
    offsets = np.arange(3_000)
    expected = whole.step(rows, errors, offsets, offsets)
    watch, found = ErrorWatch(settings), []
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), 3_000], strict=True):
        part = slice(start, end)
        for finding in watch.step(rows[part], errors[part], offsets[part], offsets[part]):
            found.append(finding._replace(position=finding.offset))
        (kept,) = watch.parts()
        watch = ErrorWatch(settings)
        assert kept.fingerprint == watch.fingerprint
        watch.restore(kept.data)
    assert found == expected
    assert any(isinstance(finding, Rise) for finding in found)
    assert watch.parts() == whole.parts()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"learn_from": 0}, "learn_from=0"),
        ({"dependence": 0.5}, "dependence=0.5"),
        ({"rates": ()}, "one rate for each column"),
        ({"rates": (0.5,)}, "up to 0.1"),
        ({"detectors": ("adwin", "adwin")}, "each of them once"),
        ({"detectors": ("HDDM",)}, "river has no drift detector 'HDDM'"),
        ({"detectors": ("KSWIN",)}, "draws random numbers"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        watch_of(**{"detectors": ("shiryaev_roberts",), **wrong})  # type: ignore[arg-type]


def test_a_reference_is_given_once_and_must_fit() -> None:
    watch = watch_of(values="numeric")
    with pytest.raises(ValueError, match="not their sizes"):
        watch.give_reference(0, 0, ErrorReference(n=100, total=5.0))
    reference = ErrorReference.of(np.arange(1_000.0), "numeric")
    watch.give_reference(0, 0, reference)
    with pytest.raises(ValueError, match="restart it first"):
        watch.give_reference(0, 0, reference)
    with pytest.raises(ValueError, match="no errors says nothing"):
        ErrorReference.of(np.zeros(0), "binary")
    with pytest.raises(ValueError, match="2 columns of groups"):
        said_by(watch, np.zeros(3), np.zeros((3, 2), np.int32))
