"""Which class of a model is which: as the settings say, else as its reference does."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from driftline.config.model_spec import LabelSpec, Task
from driftline.processors.outcomes.task_sums import classes_of
from driftline.processors.reference.build import build_reference
from driftline.schemas.events import Prediction
from driftline.schemas.scalars import Scalar
from tests.outcomes.labelled_logs import START_MS, spec


def codes(
    answers: list[Scalar], labels: list[Scalar], *, task: Task = "binary", positive: str | None = None
) -> list[float]:
    """Of the labels, for a model whose reference has these answers."""
    model = replace(spec(), task=task, segments=(), labels=LabelSpec(positive=positive))
    rows = [
        Prediction(
            prediction_id=f"r{i}",
            model="m",
            timestamp_ms=START_MS + i,
            prediction=answers[i % len(answers)],
            features={"x": float(i)},
        )
        for i in range(300)
    ]
    return classes_of(model, task, build_reference(model, rows, "test")).codes(labels).tolist()


@pytest.mark.parametrize("answers", [[0, 1], [False, True], ["0", "1"], [0.0, 1.0]])
def test_one_and_true_are_positive_by_themselves(answers: list[Scalar]) -> None:
    assert codes(answers, [1, True, "1", 0, "false"]) == [1.0, 1.0, 1.0, 0.0, 0.0]


def test_of_two_names_the_second_is_positive_unless_the_settings_say_otherwise() -> None:
    answers: list[Scalar] = ["legit", "fraud"]
    assert codes(answers, ["legit", "fraud"]) == [1.0, 0.0]
    assert codes(answers, ["legit", "fraud"], positive="fraud") == [0.0, 1.0]
    assert math.isnan(codes(answers, ["who knows"], positive="fraud")[0])


def test_of_several_names_the_positive_one_stands_against_the_rest() -> None:
    assert codes(["legit", "fraud", "review"], ["fraud", "review", "legit"], positive="fraud") == [1.0, 0.0, 0.0]
    assert codes(["legit"], ["fraud", "legit"], positive="fraud") == [1.0, 0.0]


def test_labels_may_bring_classes_that_were_never_predicted() -> None:
    assert codes(["b", "a"], ["b", "c", "a"], task="multiclass") == [1.0, 2.0, 0.0]
