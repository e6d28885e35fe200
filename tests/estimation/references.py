"""References with labels, made of arrays, for the tests of estimates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from driftline.config.model_spec import ModelSpec
from driftline.processors.arrays import F64
from driftline.processors.estimation.estimator import Estimator, estimator_of, sums_of
from driftline.processors.reference.build import ReferenceBuilder
from driftline.processors.reference.layout import layout_of
from driftline.processors.reference.performance import ReferencePerformance
from driftline.processors.reference.profile import Reference
from tests.reference.rows import prediction


def labelled_reference(
    predictions: ArrayLike,
    labels: ArrayLike,
    scores: ArrayLike | None = None,
    features: Mapping[str, Sequence[Any]] | None = None,
    **settings: Any,
) -> Reference:
    """The reference of rows one hour apart; scores: NaN = none."""
    said, were = np.asarray(predictions).tolist(), np.asarray(labels).tolist()
    given = [None] * len(said) if scores is None else [s if s == s else None for s in np.asarray(scores).tolist()]
    columns = features or {}
    rows = [
        prediction(i, prediction=y, score=s, features={name: column[i] for name, column in columns.items()})
        for i, (y, s) in enumerate(zip(said, given, strict=True))
    ]
    builder = ReferenceBuilder(ModelSpec(name="m", **settings))
    builder.add(rows, were)
    return builder.build("test")


def performance_of(reference: Reference) -> ReferencePerformance:
    """The section, which has to be there."""
    assert reference.performance is not None
    return reference.performance


def estimator(reference: Reference, classes: Sequence[str] = ()) -> Estimator:
    """The estimator of a reference, which has to support one."""
    found = estimator_of(reference.performance, layout_of(reference, ModelSpec(name="m")), classes)
    assert found.width
    return found


def window_sums(estimator: Estimator, predictions: ArrayLike, scores: ArrayLike) -> F64:
    """float64[1, width]: sums of one window."""
    said, given = np.asarray(predictions, np.float64), np.asarray(scores, np.float64)
    return sums_of(estimator, np.zeros(len(said), np.int64), said, given)


def estimates(estimator: Estimator, predictions: ArrayLike, scores: ArrayLike) -> dict[str, float]:
    """The metrics of one window."""
    found = estimator.metrics(window_sums(estimator, predictions, scores))
    return {name: float(values[0]) for name, values in found.items()}
