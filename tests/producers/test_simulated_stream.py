"""The simulated traffic: the same seed gives the same events, and what is planted is where it is said, and only there."""

from __future__ import annotations

import statistics
from dataclasses import replace
from itertools import pairwise, takewhile

import pytest

from driftline.producers.simulated_drifts import DRIFTS, KM_PER_MILE
from driftline.producers.simulated_models import MODELS, SimulatedModel
from driftline.producers.simulated_stream import (
    SWING,
    SimulatedEvent,
    SimulatedLabel,
    SimulatedPrediction,
    Simulation,
    rate_at,
    reference_sample,
    simulated_stream,
)

SIMULATION = Simulation(seed=7, rate_per_s=200, day_s=40, label_delay_s=5)
SECONDS = 40.0


def events(simulation: Simulation) -> list[SimulatedEvent]:
    return list(takewhile(lambda event: event.at_s < SECONDS, simulated_stream(simulation)))


def predictions(simulation: Simulation) -> list[SimulatedPrediction]:
    return [event for event in events(simulation) if isinstance(event, SimulatedPrediction)]


def labels(simulation: Simulation) -> list[SimulatedLabel]:
    return [event for event in events(simulation) if isinstance(event, SimulatedLabel)]


def test_the_same_seed_gives_the_same_events_and_another_seed_others() -> None:
    assert events(SIMULATION) == events(SIMULATION)
    assert events(SIMULATION) != events(replace(SIMULATION, seed=8))


def test_events_come_in_order_of_their_times() -> None:
    times = [event.at_s for event in events(SIMULATION)]
    assert times == sorted(times)


def test_requests_arrive_at_random_times_at_the_rate_of_the_hour() -> None:
    times = [event.at_s for event in predictions(SIMULATION)]
    for start in range(0, 40, 10):
        expected = sum(rate_at(SIMULATION, start + 0.5 + i) for i in range(10))
        # six standard deviations of a Poisson count
        assert abs(sum(start <= t < start + 10 for t in times) - expected) < 6 * expected**0.5
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert statistics.stdev(gaps) == pytest.approx(statistics.mean(gaps), rel=0.15), "as those of a Poisson process"


def test_the_rate_follows_the_day() -> None:
    rates = [rate_at(SIMULATION, second) for second in range(40)]
    assert min(rates) == pytest.approx(200 * (1 - SWING))
    assert max(rates) == pytest.approx(200 * (1 + SWING))
    assert rate_at(SIMULATION, 3) == pytest.approx(rate_at(SIMULATION, 43))


def test_most_predictions_get_one_label_some_time_later() -> None:
    made = {event.number: event for event in predictions(SIMULATION)}
    known = labels(SIMULATION)
    assert len({label.number for label in known}) == len(known)
    assert all(label.at_s > made[label.number].at_s and label.model == made[label.number].model for label in known)
    old_enough = [event for event in made.values() if event.at_s < SECONDS - 25]
    labelled = {label.number for label in known}
    assert sum(event.number in labelled for event in old_enough) / len(old_enough) == pytest.approx(0.9, abs=0.03)
    delays = [label.at_s - made[label.number].at_s for label in known if made[label.number].at_s < SECONDS - 25]
    assert statistics.median(delays) == pytest.approx(5, rel=0.15)


@pytest.mark.parametrize("name", DRIFTS)
def test_a_planted_drift_changes_its_feature_from_its_time_on_and_nothing_else(name: str) -> None:
    drift = DRIFTS[name]
    calm, drifted = SIMULATION, replace(SIMULATION, drift=drift, drift_after_s=20.0)
    changed = 0
    for before, after in zip(predictions(calm), predictions(drifted), strict=True):
        if before.at_s < 20 or before.model != drift.model:
            assert after == before
            continue
        others = [feature for feature in before.features if feature != drift.field]
        assert {key: after.features[key] for key in others} == {key: before.features[key] for key in others}
        assert (after.at_s, after.region, after.latency_ms) == (before.at_s, before.region, before.latency_ms)
        changed += after.features[drift.field] != before.features[drift.field]
    assert changed > 100
    assert labels(drifted) == labels(calm), "what is true does not change"


def test_a_distance_in_miles_is_shorter_and_the_model_promises_too_much() -> None:
    drifted = replace(SIMULATION, drift=DRIFTS["unit"])
    pairs = [
        (calm, off)
        for calm, off in zip(predictions(SIMULATION), predictions(drifted), strict=True)
        if calm.model == "delivery_time"
    ]
    for calm, off in pairs:
        assert off.features["distance_km"] == pytest.approx(calm.features["distance_km"] / KM_PER_MILE, abs=0.006)
        assert off.prediction < calm.prediction


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_the_reference_sample_looks_like_the_traffic_and_is_not_part_of_it(model: SimulatedModel) -> None:
    sample = reference_sample(model, 4_000, seed=7)
    assert sample == reference_sample(model, 4_000, seed=7)
    live = [event for event in predictions(SIMULATION) if event.model == model.name]
    assert [event.features for event in live[:100]] != [row.features for row in sample[:100]]
    for name, value in sample[0].features.items():
        if isinstance(value, float):
            seen = [event.features[name] for event in live]
            expected = [row.features[name] for row in sample]
            spread = statistics.stdev(expected) * (1 / len(seen) + 1 / len(expected)) ** 0.5
            assert abs(statistics.mean(seen) - statistics.mean(expected)) < 5 * spread
