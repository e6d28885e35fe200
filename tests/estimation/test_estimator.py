"""One estimator for all tasks: which a reference supports, and that rows are added as one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from driftline.config.model_spec import ModelSpec
from driftline.processors.estimation.estimator import NONE, Estimator, add_estimated, estimator_of, sums_of
from driftline.processors.reference.layout import layout_of
from driftline.processors.reference.profile import Reference
from tests.estimation.references import estimator, labelled_reference
from tests.reference.rows import prediction, reference_of

RNG = np.random.default_rng(21)
SAID, LABEL, SCORE = RNG.integers(0, 2, 500), RNG.integers(0, 2, 500), RNG.uniform(size=500)


def _of(reference: Reference) -> Estimator:
    return estimator_of(reference.performance, layout_of(reference, ModelSpec(name="m")))


@pytest.mark.parametrize(
    "reference",
    [reference_of([prediction(i) for i in range(300)]), labelled_reference(SAID, LABEL, task="binary")],
    ids=["no labels", "no scores"],
)
def test_a_reference_that_supports_none_gives_an_estimate_of_no_width(reference: Reference) -> None:
    none = _of(reference)
    assert (none.code, none.width) == (NONE, 0)
    sums = np.zeros((2, 0))
    add_estimated(none.code, sums[0], 1.0, 0.5, *none.tables)
    assert none.metrics(sums) == {}


@pytest.mark.parametrize(("task", "classes"), [("binary", []), ("multiclass", ["0", "1"]), ("regression", [])])
def test_many_rows_are_added_as_one_by_one(task: Any, classes: list[str]) -> None:
    estimate = estimator(labelled_reference(SAID, LABEL, SCORE, task=task), classes)
    numeric = np.ones((500, 2))
    scores = estimate.scores(SCORE, numeric, np.zeros((500, 1), np.uint16))
    rows = RNG.integers(0, 4, 500)
    sums = sums_of(estimate, rows, SAID.astype(float), scores)
    one_by_one = np.zeros_like(sums)
    for row, said, score in zip(rows, SAID.tolist(), scores.tolist(), strict=True):
        add_estimated(estimate.code, one_by_one[row], float(said), score, *estimate.tables)
    assert sums.any(axis=1).all()
    assert sums.tolist() == one_by_one.tolist()
    assert all(np.isfinite(values).all() for values in estimate.metrics(sums).values())
    assert all(len(values) == 0 for values in estimate.metrics(sums[:0]).values()), "and no window has no metrics"
