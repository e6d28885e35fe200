"""Broken contracts: an alert once per onset, cleared by a clean window, with limits that the reference sets."""

from __future__ import annotations

import functools
import random
from dataclasses import replace

import orjson
import pytest

from driftline.config.model_spec import FieldOverride, ModelSpec
from driftline.processors.reference.build import build_reference
from driftline.processors.reference.profile import Reference
from driftline.schemas.alerts import Alert
from driftline.schemas.events import Prediction
from driftline.schemas.signals import AlertOpened
from tests.core.logs import MINUTE_MS, START_MS, Log, partition, run

SPEC = ModelSpec(
    name="m", windows_ms=(10 * MINUTE_MS, 60 * MINUTE_MS), lateness_ms=0, segments=(("region",),), dedup=0,
    events_per_week=1_000_000.0, fields={"amount": FieldOverride(kind="numeric")},
)  # fmt: skip
PANE_MS = SPEC.windows_ms[0]


@functools.cache
def the_reference(invalid_share: float = 0.0) -> Reference:
    rng = random.Random(1)
    rows = [
        Prediction(
            prediction_id=str(i),
            model="m",
            timestamp_ms=START_MS + i,
            prediction=rng.random(),
            features={"amount": "bad" if rng.random() < invalid_share else rng.random(), "plan": rng.choice("abc")},
            context={"region": "eu"},
        )
        for i in range(2_000)
    ]
    return build_reference(SPEC, rows, "test")


def pane(number: int, n: int, broken: int, **fields: object) -> list[tuple[bytes, int]]:
    """n events of one pane, of which `broken` carry these features."""
    rng = random.Random(number)
    events = []
    for i in range(n):
        at = START_MS + number * PANE_MS + i
        features: dict[str, object] = {"amount": 0.1 + 0.8 * rng.random(), "plan": rng.choice("abc")}
        if i < broken:
            features |= fields
        raw = {"prediction_id": f"{number}-{i}", "model": "m", "timestamp": at, "prediction": rng.random() * 0.9 + 0.05}
        events.append((orjson.dumps({**raw, "features": features, "context": {"region": "eu"}}), at))
    return events


def quality_alerts(
    events: list[tuple[bytes, int]], spec: ModelSpec = SPEC, given: Reference | None = None
) -> list[Alert]:
    where = partition(spec, given or the_reference())
    said = (
        where.apply(where.decode([e for e, _ in events], range(len(events)), [ms for _, ms in events])) + where.finish()
    )
    return [s.alert for s in said if isinstance(s, AlertOpened) and s.alert.kind == "quality"]


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"amount": "three"}, "of a wrong type"),
        ({"amount": 7.0}, "outside the contract's range"),
        ({"plan": "z"}, "of a category the reference never saw"),
    ],
)
def test_a_broken_promise_opens_one_alert_that_says_how_much(fields: dict[str, object], what: str) -> None:
    alerts = quality_alerts(pane(0, 200, 10, **fields))
    assert len(alerts) == 1
    alert = alerts[0]
    assert alert.summary.startswith(f"5.0% of the values of {next(iter(fields))} are {what}")
    assert (alert.window_start_ms, alert.window_end_ms) == (START_MS, START_MS + PANE_MS)
    assert alert.features[0].statistic == 0.05
    assert alert.features[0].threshold == SPEC.quality_share_max


def test_it_is_said_once_per_onset_and_again_after_a_clean_window() -> None:
    broken = [True, True, False, True, True, False, False]
    events = [e for k, b in enumerate(broken) for e in pane(k, 200, 10 if b else 0, amount="x")]
    alerts = quality_alerts(events)
    assert [a.window_start_ms for a in alerts] == [START_MS, START_MS + 3 * PANE_MS]
    assert len({a.fingerprint for a in alerts}) == 1, "the same promise is the same incident"


def test_two_onsets_have_two_ids_and_different_promises_different_fingerprints() -> None:
    events = [e for k in range(4) for e in pane(k, 200, 10 if k % 2 == 0 else 0, amount="x", plan="z")]
    where = partition(SPEC, the_reference())
    said = (
        where.apply(where.decode([e for e, _ in events], range(len(events)), [ms for _, ms in events])) + where.finish()
    )
    opened = [s for s in said if isinstance(s, AlertOpened) and s.alert.kind == "quality"]
    assert len(opened) == 4
    assert len({s.id for s in opened}) == 4
    assert len({s.alert.fingerprint for s in opened}) == 2


def test_a_share_not_clearly_above_the_limit_and_a_window_with_few_events_say_nothing() -> None:
    assert quality_alerts(pane(0, 200, 6, amount="x")) == []
    assert len(quality_alerts(pane(0, 200, 7, amount="x"))) == 1
    assert quality_alerts(pane(0, 99, 99, amount="x")) == []
    assert quality_alerts(pane(0, 200, 7, amount="x"), replace(SPEC, quality_share_max=0.05)) == []
    assert len(quality_alerts(pane(0, 200, 1, amount="x"), replace(SPEC, quality_share_max=0.0))) == 1


def test_an_incident_goes_on_until_the_share_is_at_the_limit() -> None:
    shares = [10, 3, 10, 2, 10]
    events = [e for k, broken in enumerate(shares) for e in pane(k, 200, broken, amount="x")]
    assert [a.window_start_ms for a in quality_alerts(events)] == [START_MS, START_MS + 4 * PANE_MS]


def test_values_that_the_reference_could_not_use_either_are_never_too_many() -> None:
    mostly = the_reference(0.6)
    assert next(f.invalid for f in mostly.fields if f.name == "amount") > 1_000
    assert quality_alerts(pane(0, 200, 200, amount="x"), given=mostly) == []


def test_a_window_with_few_events_does_not_end_an_incident() -> None:
    events = [e for k, n in enumerate([200, 50, 200]) for e in pane(k, n, n if n == 200 else 0, amount="x")]
    assert len(quality_alerts(events)) == 1


def test_wrong_types_that_the_reference_had_too_are_no_news() -> None:
    usual = the_reference(0.05)
    assert quality_alerts(pane(0, 400, 20, amount="x"), given=usual) == []
    assert len(quality_alerts(pane(0, 400, 60, amount="x"), given=usual)) == 1


def test_batching_and_restarts_say_it_the_same_way() -> None:
    events = [e for k in range(4) for e in pane(k, 150, 10 if k % 3 else 0, amount="x", plan="z")]
    log = Log([e for e, _ in events], [ms for _, ms in events])
    whole = run(log, [], SPEC, the_reference())
    assert run(log, range(0, 600, 37), SPEC, the_reference(), restart_at=[100, 301, 449]) == whole
