"""What is said when errors have increased: told apart from data drift, and readable without a dashboard."""

from __future__ import annotations

import numpy as np
import pytest

from driftline.processors.concept.findings import learnt_notice, rise_signals
from driftline.processors.concept.rates import error_stream_rates, page_hinkley_error_threshold
from driftline.processors.concept.watch import ErrorWatch, Learnt, Rise
from driftline.processors.crossings import Place
from driftline.schemas.codec import decode_signal, encode
from driftline.schemas.signals import HealthCode
from tests.concept.streams import flips, said_by, sizes, watch_of

WHOLE = Place("credit", "", 3, (), "", "c0ffee", None)
REGION = Place("credit", "", 3, ("region",), "region=eu", "c0ffee", None)


def found(detector: str = "shiryaev_roberts", values: str = "binary") -> tuple[ErrorWatch, Learnt, Rise]:
    rng = np.random.default_rng(21)
    watch = watch_of([detector], arl=1e6, values=values)
    stream = flips(rng, (4_000, 0.1), (400, 0.4)) if values == "binary" else sizes(rng, (4_000, 1.0), (400, 3.0))
    learnt, rise = said_by(watch, stream)
    assert isinstance(learnt, Learnt) and isinstance(rise, Rise)
    return watch, learnt, rise


def test_a_rise_of_the_error_rate_is_concept_drift_in_one_plain_sentence() -> None:
    watch, _, rise = found()
    drift, opened = rise_signals(rise, REGION, watch.settings)
    assert (drift.kind, drift.field, drift.detector) == ("concept", "error rate", "shiryaev_roberts")
    assert (drift.offset, drift.event_ms, drift.e_value) == (rise.offset, 10 * rise.offset, rise.statistic)
    assert (opened.alert.kind, opened.alert.title) == ("concept", "credit: error rate has risen in region=eu")
    assert opened.alert.summary == (
        f"By their labels, the share of wrong predictions in segment region=eu rose from {rise.reference_mean:.1%} of "
        f"{rise.reference_n:,} to {rise.mean:.1%} of the last {rise.n:,}; e-detector, evidence {rise.statistic:.3g} against "
        "a threshold of 1e+06."
    )
    (evidence,) = opened.alert.features
    assert evidence.baseline is not None and evidence.baseline.mean == rise.reference_mean
    assert evidence.current is not None and evidence.current.n == rise.n
    for signal in (drift, opened):
        assert encode(decode_signal(encode(signal))) == encode(signal)


def test_errors_that_are_numbers_are_told_as_such() -> None:
    watch, learnt, rise = found(values="numeric")
    drift, opened = rise_signals(rise, WHOLE, watch.settings)
    assert drift.field == "error"
    assert "the mean error rose from" in opened.alert.summary
    assert "a mean error of" in learnt_notice(learnt, WHOLE, watch.settings).message


def test_a_detector_that_knows_no_means_says_what_it_knows() -> None:
    watch, _, rise = found("page_hinkley")
    drift, opened = rise_signals(rise, WHOLE, watch.settings)
    assert opened.alert.summary == "By their labels, predictions are wrong more than before; Page-Hinkley."
    assert drift.e_value is None
    assert drift.statistic > drift.threshold


def test_places_have_alerts_of_their_own_and_saying_one_twice_is_harmless() -> None:
    watch, _, rise = found()
    places = [WHOLE, REGION, Place("credit", "7", 3, (), "", "c0ffee", None)]
    said = [rise_signals(rise, place, watch.settings) for place in [*places, WHOLE]]
    assert len({drift.id for drift, _ in said}) == len({opened.alert.fingerprint for _, opened in said}) == 3
    assert "of version 7" in said[2][1].alert.summary


def test_a_learnt_reference_is_said() -> None:
    watch, learnt, _ = found()
    notice = learnt_notice(learnt, REGION, watch.settings)
    assert notice.code is HealthCode.ERROR_RATE_LEARNT
    assert notice.detail == {"version": "", "segment": "region=eu", "n": 200, "mean": learnt.mean}
    assert f"error rate {learnt.mean:.1%}" in notice.message


def test_the_error_stream_gets_a_fifth_of_the_budget() -> None:
    for sets in range(3):
        assert sum(error_stream_rates(1e-6, sets)) == pytest.approx(0.2e-6)


def test_a_threshold_of_page_hinkley_grows_with_the_run_length() -> None:
    for p in (1e-3, 0.1, 0.5, 0.9):
        h = [page_hinkley_error_threshold(rate, p) for rate in (1e-3, 1e-5, 1e-7)]
        assert h == sorted(set(h))
