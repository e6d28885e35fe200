"""How labels are doing: coverage and delays, and what is said when they stop, change or are taken back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from driftline.processors.arrays import F64, I64
from driftline.processors.crossings import Place
from driftline.processors.outcomes.label_findings import label_signals
from driftline.processors.outcomes.label_health import delays, delays_by_class, label_health
from driftline.processors.outcomes.label_watch import LabelFinding, LabelWatch
from driftline.processors.outcomes.share_history import PANES_MAX, PANES_MIN, ShareHistory
from driftline.processors.performance.common import (
    COMMON_WIDTH,
    CORRECTED,
    DELAY,
    DELAY_CELLS,
    LABELLED,
    RETRACTED,
    N,
    delay_cell,
)
from driftline.processors.performance.delay_curves import CELLS, add_delay
from driftline.schemas.codec import decode_signal, encode

HOUR = 3_600_000
RATE = 1e-6
NO_CLASSES: I64 = np.zeros(0, np.int64)


def row(n: int, labelled: int, corrected: int = 0, retracted: int = 0, delay_ms: int = HOUR) -> F64:
    sums = np.zeros(COMMON_WIDTH)
    sums[[N, LABELLED, CORRECTED, RETRACTED]] = n, labelled, corrected, retracted
    sums[DELAY + delay_cell(delay_ms)] = labelled
    return sums


def test_figures_of_a_window() -> None:
    health = label_health(row(400, 300, corrected=12, retracted=20))
    assert (health.n, health.labelled, health.coverage) == (400, 300, 0.75)
    assert health.correction_rate == 12 / 320
    assert health.retraction_rate == 20 / 320
    assert health.delays.n == 300


def test_a_window_without_labels_has_no_shares_and_no_delays() -> None:
    empty = label_health(row(0, 0))
    assert (empty.coverage, empty.correction_rate, empty.retraction_rate) == (None, None, None)
    assert empty.delays == (0, None, None, None)
    assert label_health(row(10, 0)).coverage == 0.0


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=50))
def test_delays_are_within_a_factor_of_two_of_the_exact_quantiles(delays_ms: list[int]) -> None:
    cells = np.zeros(DELAY_CELLS)
    for delay_ms in delays_ms:
        cells[delay_cell(delay_ms)] += 1
    told = delays(cells)
    for q, value in zip((0.5, 0.9, 0.99), told[1:], strict=True):
        exact = np.quantile(delays_ms, q, method="inverted_cdf")
        assert value is not None
        assert value <= 2 * max(exact, 500) and max(value, 1_000) >= exact / 2


def test_delays_are_told_by_class() -> None:
    table = np.zeros(4 * CELLS)
    for prediction, label, delay_ms, n in (
        (1.0, 0.0, 7 * 24 * HOUR, 80),
        (0.0, 0.0, 7 * 24 * HOUR, 20),
        (1.0, 1.0, HOUR, 50),
    ):
        add_delay(table, prediction, label, delay_ms, float(n))
    told = delays_by_class(table, ["ham", "spam"])
    assert told["ham"].n == 100 and told["spam"].n == 50
    assert told["ham"].p50 is not None and told["spam"].p50 is not None
    assert told["ham"].p50 > 50 * told["spam"].p50


@given(st.integers(0, 2**32), st.integers(PANES_MIN, PANES_MAX), st.floats(0.0, 1.0))
def test_the_probability_is_that_of_a_prediction_interval(seed: int, k: int, share: float) -> None:
    shares = np.random.default_rng(seed).random(k)
    history, spread = ShareHistory(shares.tolist()), shares.std(ddof=1)
    t = (share - shares.mean()) / (spread * np.sqrt(1 + 1 / k))
    # of many predictions chance adds nothing to the spread between panes
    assert history.p_below(share, 10**9) == pytest.approx(stats.t.cdf(t, k - 1), rel=1e-6)
    assert history.p_above(share, 10**9) == pytest.approx(stats.t.sf(t, k - 1), rel=1e-6)


def test_the_spread_is_at_least_that_of_chance_and_few_panes_say_nothing() -> None:
    assert ShareHistory([0.5] * (PANES_MIN - 1)).p_below(0.0, 1_000) is None
    same = ShareHistory([0.5] * PANES_MAX)
    assert same.p_below(0.45, 100) == pytest.approx(stats.t.cdf(-1.0, 63), rel=0.05)
    history = ShareHistory()
    for i in range(100):
        history.add(float(i))
    assert history.shares == [float(i) for i in range(100 - PANES_MAX, 100)]


def told(
    watch: LabelWatch, ages: list[float], panes: int, rng: np.random.Generator, start: int = 0
) -> list[LabelFinding]:
    """Panes of an hour, 1,000 predictions each; at its age r a pane has this share of labels, give or take a tenth."""
    found = []
    for pane in range(start, start + panes):
        usual = rng.uniform(0.9, 1.1)
        for revision, share in enumerate(ages):
            labelled = rng.binomial(1_000, min(1.0, share * usual))
            found += watch.told(revision, pane * HOUR, 1_000, int(labelled))
    return found


def test_labels_that_stop_are_said_once_at_the_age_at_which_they_used_to_be_there() -> None:
    rng = np.random.default_rng(31)
    watch = LabelWatch(RATE)
    ages = [0.0, 0.3, 0.6, 0.9]
    assert told(watch, ages, 60, rng) == []
    (stale,) = told(watch, [0.0, 0.0, 0.0, 0.0], 10, rng, start=60)
    assert (stale.what, stale.end_ms, stale.share) == ("label_coverage", 60 * HOUR, 0.0)
    assert stale.usual == pytest.approx(0.3, abs=0.03)
    assert stale.p_value < RATE * 1_000
    # older panes that had their labels before do not end it, new ones with labels do; then it may be said again
    assert watch.told(3, 59 * HOUR, 1_000, 900) == []
    assert told(watch, [0.0] * 4, 3, rng, start=70) == []
    assert told(watch, ages, 5, rng, start=80) == []
    assert len(told(watch, [0.0] * 4, 3, rng, start=90)) == 1


def test_labels_that_come_at_night_only_are_no_news() -> None:
    rng = np.random.default_rng(32)
    watch = LabelWatch(RATE)
    for day in range(30):
        for hour in range(24):
            share = rng.uniform(0.0, 0.9) if hour % 6 else 0.9
            assert watch.told(1, (24 * day + hour) * HOUR, 500, int(rng.binomial(500, share))) == []


def test_false_alarms_of_coverage_are_fewer_than_stated(test_seed: int) -> None:
    rng = np.random.default_rng(test_seed)
    rate, alarms, looks = 1e-4, 0, 0
    for _ in range(40):
        watch = LabelWatch(rate)
        for pane in range(100):
            share = rng.beta(20, 20)
            looks += 1
            alarms += len(watch.told(1, pane * HOUR, 100, int(rng.binomial(100, share))))
    assert alarms <= stats.binom.ppf(0.9999, looks, rate / 3 * 100), f"seed {test_seed}"


def test_other_classes_of_labels_are_told_from_chance() -> None:
    rng = np.random.default_rng(33)
    watch = LabelWatch(RATE, classes=3)
    for pane in range(100):
        assert watch.final(pane * HOUR, 100, 0, rng.multinomial(100, [0.7, 0.2, 0.1])) == []
    found = []
    for pane in range(100, 120):
        found += watch.final(pane * HOUR, 100, 0, rng.multinomial(100, [0.4, 0.5, 0.1]))
    (other,) = found
    assert other.what == "label_classes"
    assert (other.n, other.reference_n) == (300, 2_500)
    assert other.p_value < RATE * 300


def test_the_p_value_is_that_of_the_two_sample_test() -> None:
    reference, window = np.array([7_000, 2_000, 1_000]), np.array([150, 110, 40])
    watch = LabelWatch(RATE, classes=3, reference=reference)
    (found,) = watch.final(HOUR, 300, 0, window)
    oracle = stats.chi2_contingency([reference, window], correction=False)
    assert found.statistic == pytest.approx(oracle.statistic)
    assert found.p_value == pytest.approx(oracle.pvalue)


def test_labels_that_are_taken_back_are_said() -> None:
    rng = np.random.default_rng(34)
    watch = LabelWatch(RATE)
    for pane in range(40):
        retracted = int(rng.binomial(1_000, 0.02))
        assert watch.final(pane * HOUR, 1_000 - retracted, retracted, NO_CLASSES) == []
    (found,) = [f for pane in range(40, 45) for f in watch.final(pane * HOUR, 700, 300, NO_CLASSES)]
    assert (found.what, found.share) == ("label_retractions", 0.3)


def test_a_watch_goes_on_where_its_state_was_taken() -> None:
    rng = np.random.default_rng(35)
    looks = [(int(rng.integers(0, 4)), int(rng.binomial(1_000, 0.5 if pane < 80 else 0.05))) for pane in range(120)]
    classes = [rng.multinomial(100, [0.7, 0.3] if pane < 80 else [0.3, 0.7]) for pane in range(120)]
    whole, part = LabelWatch(RATE, classes=2), LabelWatch(RATE, classes=2)
    for pane, ((revision, labelled), counts) in enumerate(zip(looks, classes, strict=True)):
        expected = whole.told(revision, pane, 1_000, labelled) + whole.final(pane, 95, pane % 7, counts)
        kept, part = part.state(), LabelWatch(RATE, classes=2)
        part.restore(kept)
        assert part.told(revision, pane, 1_000, labelled) + part.final(pane, 95, pane % 7, counts) == expected
    assert part.state() == whole.state()


@pytest.mark.parametrize(
    ("finding", "kind", "words"),
    [
        (
            LabelFinding("label_coverage", HOUR, 0.02, 0.2, 1e-9, 1_000, 64, share=0.02, usual=0.4),
            "quality",
            "Labels are missing: 2.0% of the predictions of this window have one, 40.0% of the 64 windows before",
        ),
        (
            LabelFinding("label_retractions", HOUR, 0.3, 0.04, 1e-9, 1_000, 64, share=0.3, usual=0.02),
            "quality",
            "Labels are being taken back: 30.0% of 1,000",
        ),
        (LabelFinding("label_classes", HOUR, 80.0, 1e-5, 1e-9, 300, 2_500), "concept", "are of other classes"),
    ],
)
def test_what_is_said_of_labels_is_plain_and_told_apart(finding: LabelFinding, kind: str, words: str) -> None:
    place = Place("credit", "", 0, (), "", "c0ffee", None)
    drift, opened = label_signals(finding, place, "shape", HOUR)
    assert (drift.kind, drift.field, drift.detector) == (kind, "label", finding.what)
    assert (opened.alert.kind, opened.alert.window_start_ms, opened.alert.window_end_ms) == (kind, 0, HOUR)
    assert words in opened.alert.summary
    assert opened.alert.title.startswith("credit: labels are ")
    for signal in (drift, opened):
        assert encode(decode_signal(encode(signal))) == encode(signal)
