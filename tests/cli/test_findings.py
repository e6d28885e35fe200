"""One finding for each field, however many detectors and segments speak of it."""

from __future__ import annotations

import pytest

from driftline.cli.finding_words import Change, budget, change, percent
from driftline.cli.findings import Finding, Findings
from driftline.cli.findings_table import findings_table
from driftline.cli.looks import Look, look_of_sketch
from driftline.config.budget import FalseAlarmBudget
from driftline.config.model_spec import ModelSpec
from driftline.processors.budget import monitor_rates
from driftline.processors.reference.profile import Contract, FieldProfile, Reference
from driftline.schemas.alerts import Alert, AlertKind, FeatureEvidence, Sketch
from driftline.schemas.signals import AlertOpened, FieldWindow, WindowClosed

NUMBER = FieldProfile(
    name="age", role="feature", kind="numeric", value_type="number", n=4, mean=40.0, sd=10.0, min=20.0, max=60.0,
    contract=Contract(value_type="number"), edges=[30.0, 40.0, 50.0], bin_counts=[1, 1, 1, 1],
)  # fmt: skip
REFERENCE = Reference(model="m", n=4, rows_read=4, fields=[NUMBER])


def look(mean: float | None = None, sd: float | None = None, missing: float = 0.0, **shares: float) -> Look:
    return Look(100, missing, mean, sd, None, None, (), shares)


def opened(detector: str, at_ms: int, segment: str = "", kind: AlertKind = "data", **numbers: float) -> AlertOpened:
    sketch = None if kind == "quality" else Sketch(n=100, mean=50.0, sd=10.0, counts=[1, 1, 1, 97])
    evidence = FeatureEvidence(name="age", baseline=sketch, current=sketch, **numbers)  # type: ignore[arg-type]
    alert = Alert(
        fingerprint="f", event="opened", model="m", kind=kind, severity="ticket", title="", summary="",
        detector=detector, segment=segment, features=[evidence], onset_ms=at_ms, onset_offset=0,
        detected_ms=at_ms, detected_offset=0,
    )  # fmt: skip
    return AlertOpened(id="i", alert=alert)


def closed(start_ms: int, psi: float, mean: float, p: float, segment: str = "", length_ms: int = 1_000) -> WindowClosed:
    field = FieldWindow(
        name="age", kind="data", n=100, mean=mean, sd=10.0, min=20.0, max=60.0, counts=[25] * 4, psi=psi,
        psi_null_mean=0.1, psi_band="major", chi_square_p=p,
    )  # fmt: skip
    end_ms = start_ms + length_ms
    return WindowClosed(
        id="w", model="m", segment=segment, start_ms=start_ms, end_ms=end_ms, length_ms=length_ms, n=100, fields=[field]
    )


def only(*signals: AlertOpened | WindowClosed) -> list[Finding]:
    findings = Findings()
    findings.look_at(signals)
    return findings.result({("m", ""): REFERENCE})


def test_alerts_of_all_detectors_and_segments_are_one_finding_with_the_strongest_of_each() -> None:
    found = only(
        opened("chi_square", 5_000, statistic=90.0, threshold=40.0, p_value=1e-9),
        opened("shiryaev_roberts", 3_000, statistic=2e4, threshold=1e4, e_value=2e4),
        opened("shiryaev_roberts", 9_000, statistic=5e4, threshold=1e4, e_value=5e4),
        opened("chi_square", 9_500, statistic=80.0, threshold=40.0, p_value=1e-3),
        opened("contract", 9_900, kind="quality", statistic=0.2, threshold=0.01),
        opened("chi_square", 2_000, "region=eu", statistic=80.0, threshold=40.0, p_value=1e-30),
    )
    (finding,) = found
    assert (finding.alerts, finding.segments, finding.where, finding.first_ms) == (6, 1, "", 2_000)
    assert [(s.detector, s.value) for s in finding.strengths] == [
        ("shiryaev_roberts", 5e4), ("chi_square", 1e-9), ("contract", 0.2),
    ]  # fmt: skip


def test_now_is_the_last_window_and_worst_is_the_one_furthest_off() -> None:
    found = only(
        opened("chi_square", 500, statistic=90.0, threshold=40.0, p_value=1e-9),
        closed(0, 0.5, 45.0, 1e-6), closed(1_000, 3.0, 55.0, 1e-30), closed(2_000, 1.0, 48.0, 1e-9),
        closed(0, 9.0, 99.0, 1e-99, length_ms=3_000),
    )  # fmt: skip
    (finding,) = found
    assert (finding.now.mean, finding.worst.mean, finding.worst_span_ms) == (48.0, 55.0, (1_000, 2_000))
    assert not finding.over
    assert finding.shown is finding.now


def test_a_drift_that_is_over_is_shown_at_its_worst() -> None:
    found = only(
        opened("chi_square", 500, statistic=90.0, threshold=40.0, p_value=1e-9),
        closed(0, 3.0, 55.0, 1e-30), closed(1_000, 0.1, 40.0, 0.4),
    )  # fmt: skip
    (finding,) = found
    assert finding.over
    assert finding.shown.mean == 55.0


def test_a_field_that_alarmed_in_segments_only_is_shown_with_the_worst_of_them() -> None:
    found = only(
        opened("chi_square", 500, "region=eu", statistic=90.0, threshold=40.0, p_value=1e-9),
        opened("chi_square", 600, "region=us", statistic=90.0, threshold=40.0, p_value=1e-9),
        closed(0, 1.0, 45.0, 1e-6, "region=eu"), closed(0, 3.0, 55.0, 1e-30, "region=us"),
    )  # fmt: skip
    assert [(finding.where, finding.segments) for finding in found] == [("region=us", 2)]


def test_a_field_that_only_broke_its_contract_has_a_row_too() -> None:
    found = only(opened("contract", 500, kind="quality", statistic=0.2, threshold=0.01))
    assert len(found) == 1
    assert findings_table(found, 80).row_count == findings_table(found, 120).row_count == 1


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (look(40.0, 10.0), look(45.0, 10.0), Change("", "40", "45", True, "+0.50 sd")),
        (look(40.0, 10.0), look(40.5, 5.0), Change("sd", "10", "5", False, "x0.50")),
        (look(40.0, 10.0), look(40.5, 10.0), Change("", "40", "40.5", True, "+0.05 sd")),
        (look(40.0, 0.0), look(45.0, 0.0), Change("", "40", "45", True, "")),
        (look(40.0, 10.0), look(45.0, 10.0, missing=0.3), Change("missing", "0%", "30%", True)),
        (look(a=0.7, b=0.3), look(a=0.2, b=0.4, c=0.4), Change("a", "70%", "20%", False)),
    ],
)
def test_what_moved_most_is_told(before: Look, now: Look, told: Change) -> None:
    assert change(before, now) == told


def test_categories_of_a_sketch_beyond_the_known_are_counted_together() -> None:
    field = FieldProfile(
        name="c", role="feature", kind="categorical", value_type="string", n=10, categories=["a", "b"],
        category_counts=[6, 4], contract=Contract(value_type="string"),
    )  # fmt: skip
    assert look_of_sketch(Sketch(n=10, top_categories={"a": 5, "__other__": 5}), field).shares == {
        "a": 0.5, "b": 0.0, "others": 0.5,
    }  # fmt: skip


def test_the_budget_in_words_says_what_is_left_for_a_field() -> None:
    rates = monitor_rates(ModelSpec(name="m", events_per_week=1_000.0), fields=10)
    assert budget(FalseAlarmBudget(1, "week"), rates).startswith("1 false alarm a week over 10 fields: ")
    assert "at most once in 2.33 months" in budget(FalseAlarmBudget(1, "week"), rates)
    assert budget(FalseAlarmBudget(0.5, "day"), rates).startswith("0.5 false alarms a day")


def test_shares_keep_the_digits_that_matter() -> None:
    assert [percent(share) for share in (0.0, 0.004, 0.0994, 0.0996, 0.5, 1.0)] == [
        "0%", "0.4%", "9.9%", "10%", "50%", "100%",
    ]  # fmt: skip
