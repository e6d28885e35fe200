"""The section `performance` of a reference: what its labelled rows say of the model, and of estimates without labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from driftline.processors.arrays import F64, I64, Bool
from driftline.processors.estimation.error_tree import grow_tree
from driftline.processors.estimation.isotonic import rising_steps
from driftline.processors.estimation.labelled import LabelledColumns, Outcomes, outcomes_of
from driftline.processors.estimation.realised import (
    binary_metrics,
    confusion_matrix,
    multiclass_metrics,
    regression_metrics,
    six_digits,
)
from driftline.processors.performance.classes import Classes
from driftline.processors.reference.bins import deviation, exact_mean
from driftline.processors.reference.fields import ProfiledField
from driftline.processors.reference.performance import (
    CalibrationCurve,
    ReferencePerformance,
    Spread,
)

LABELLED_ROWS_MIN: Final = 200
"""Fewer labelled rows say too little about what a score means."""

CLASS_ROWS_MIN: Final = 200
"""Predicted rows from which on a class has a calibration curve of its own."""

CHUNK_ROWS: Final = (100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)
CHUNKS_MIN: Final = 5
"""Fewer chunks say nothing about how far they differ."""

Measure = Callable[[slice], dict[str, float]]
"""Metrics of a run of labelled rows."""


def performance_of(
    classes: Classes, columns: LabelledColumns, fields: Sequence[ProfiledField]
) -> ReferencePerformance | str:
    """The section of these rows, or why there is none.

    classes: of the model's task. fields: what errors of a regression may depend on, same rows.
    """
    if classes.task == "ranking":
        return "the performance of a ranking is not estimated"
    outcomes = outcomes_of(columns, classes)
    if isinstance(outcomes, str):
        return outcomes
    if len(outcomes.rows) < LABELLED_ROWS_MIN:
        return f"rows with a prediction and a label that fits: {len(outcomes.rows)}, and it takes {LABELLED_ROWS_MIN}"
    if classes.task == "binary":
        return _of_binary(outcomes)
    return _of_multiclass(outcomes) if classes.task == "multiclass" else _of_regression(outcomes, fields)


def _of_binary(outcomes: Outcomes) -> ReferencePerformance:
    said, was, score = outcomes.prediction == 1.0, outcomes.label == 1.0, outcomes.score

    def measure(part: slice) -> dict[str, float]:
        return binary_metrics(said[part], score[part], was[part])

    return ReferencePerformance(
        task="binary",
        n=len(was),
        classes=outcomes.classes,
        metrics=_known(measure(slice(None))),
        spread=_spreads(len(was), measure),
        confusion=confusion_matrix(said.astype(np.int64), was.astype(np.int64), 2).tolist(),
        calibration=_curves([("", np.ones(len(was), np.bool_))], score, was),
    )


def _of_multiclass(outcomes: Outcomes) -> ReferencePerformance:
    said, was, classes = outcomes.prediction.astype(np.int64), outcomes.label.astype(np.int64), outcomes.classes

    def confusion(part: slice) -> I64:
        return confusion_matrix(said[part], was[part], len(classes))

    whole = confusion(slice(None))
    often = [c for c in range(len(classes)) if whole[c].sum() >= CLASS_ROWS_MIN]
    groups = [("", np.ones(len(was), np.bool_)), *((classes[c], said == c) for c in often)]
    return ReferencePerformance(
        task="multiclass",
        n=len(was),
        classes=classes,
        metrics=_known(multiclass_metrics(whole)),
        spread=_spreads(len(was), lambda part: multiclass_metrics(confusion(part))),
        confusion=whole.tolist(),
        calibration=_curves(groups, outcomes.score, said == was),
    )


def _of_regression(outcomes: Outcomes, fields: Sequence[ProfiledField]) -> ReferencePerformance:
    error = outcomes.prediction - outcomes.label
    return ReferencePerformance(
        task="regression",
        n=len(error),
        metrics=_known(regression_metrics(error)),
        spread=_spreads(len(error), lambda part: regression_metrics(error[part])),
        errors=grow_tree([ProfiledField(field.profile, field.cells[outcomes.rows]) for field in fields], error),
    )


def _curves(groups: Sequence[tuple[str, Bool]], score: F64, event: Bool) -> list[CalibrationCurve]:
    """A curve for each group of rows (bool[n]) that has scores."""
    curves = []
    for predicted, members in groups:
        inside = members & ~np.isnan(score)
        if inside.any():
            steps = rising_steps(score[inside], event[inside])
            curves.append(
                CalibrationCurve(predicted=predicted, edges=steps.edges, rows=steps.rows, events=steps.events)
            )
    return curves


def _spreads(n: int, measure: Measure) -> list[Spread]:
    """How far the metrics of chunks of rows in order differ, for each size of which there are enough."""
    spreads = []
    for rows in CHUNK_ROWS:
        chunks = [_known(measure(slice(at, at + rows))) for at in range(0, n - rows + 1, rows)]
        if len(chunks) < CHUNKS_MIN:
            break
        by_metric = {name: np.array([c[name] for c in chunks if name in c]) for name in chunks[0]}
        sd = {name: six_digits(deviation(v, exact_mean(v))) for name, v in by_metric.items() if len(v) >= CHUNKS_MIN}
        spreads.append(Spread(rows=rows, chunks=len(chunks), sd=sd))
    return spreads


def _known(metrics: dict[str, float]) -> dict[str, float]:
    """Without those that are undefined."""
    return {name: six_digits(value) for name, value in metrics.items() if not math.isnan(value)}
