"""What a replay says in the end of a model whose labels came."""

from __future__ import annotations

import pytest

from driftline.cli.finding_words import performance
from driftline.cli.performances import Performances
from driftline.schemas.signals import AlertOpened, PerformanceWindow, Signal
from tests.cli.replays import CALIFORNIA, HOUSE_LABELS, HOUSES, START_MS, replay
from tests.schemas.golden_examples import SIGNALS

DAY_MS = 86_400_000


def window(day: int, labelled: int, value: float | None, **changes: object) -> PerformanceWindow:
    told: dict[str, object] = {
        "id": f"{day}-{labelled}",
        "model": "m",
        "start_ms": START_MS + day * DAY_MS,
        "end_ms": START_MS + (day + 1) * DAY_MS,
        "length_ms": DAY_MS,
        "n": 100,
        "labelled": labelled,
        "metrics": {"accuracy": value},
        "estimated": {"accuracy": 0.75},
    }
    return PerformanceWindow(**{**told, **changes})  # type: ignore[arg-type]


def words(*signals: Signal) -> list[str]:
    seen = Performances()
    seen.look_at(signals)
    return [line for found in seen.result({}) for line in performance(found)]


def test_the_last_telling_of_a_window_counts() -> None:
    assert words(window(0, 10, 0.5), window(1, 50, 0.9), window(0, 50, 0.8)) == [
        "m: accuracy 0.85 here, by labels of 50% of 200 predictions",
        "  ██ windows of 1d: worst 0.8 from 2026-01-01 on, last 0.9; estimated without labels 0.75",
    ]


def test_of_several_lengths_the_greatest_is_told_and_segments_and_versions_are_not() -> None:
    short = window(0, 100, 0.1, length_ms=DAY_MS // 24)
    parts = [window(1, 100, 0.1, segment_set=["region"], segment="eu"), window(1, 100, 0.1, version="v2")]
    assert words(short, window(0, 100, 0.8), *parts, window(1, 100, 0.6), short)[0].startswith("m: accuracy 0.7 here")


def test_the_worst_error_is_the_largest() -> None:
    days = [window(day, 100, None, metrics={"mae": error}, estimated={}) for day, error in enumerate((2.0, 5.0, 3.0))]
    assert words(*days)[1].endswith("windows of 1d: worst 5 from 2026-01-02 on, last 3")


@pytest.mark.parametrize("value", [None, 0.5])
def test_without_labels_there_is_nothing_to_say(value: float | None) -> None:
    assert words(window(0, 0, None), window(1, 0, value, metrics={})) == []


def test_alarms_of_other_sides_are_not_told_here() -> None:
    opened = SIGNALS["alert_opened"]
    assert isinstance(opened, AlertOpened)
    assert opened.alert.kind == "data"
    assert len(words(window(0, 100, 0.5), opened)) == 2


def test_the_fall_of_the_housing_model_is_what_its_user_reads(tmp_path_factory: pytest.TempPathFactory) -> None:
    out = tmp_path_factory.mktemp("california")
    done = replay(HOUSES, out, "--config", CALIFORNIA, "--labels", HOUSE_LABELS)
    said = " ".join(done.stdout.split())
    assert "accuracy 0.67 in the reference, 0.589 here, by labels of 100% of 8,232 predictions" in said
    assert "alarms: error rate has risen (2021-0" in said
