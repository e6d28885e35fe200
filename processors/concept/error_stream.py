"""From first matches of predictions and labels to what is said about a model's errors: one `ErrorStream` for each model.

What an error is follows from the task: of classes, whether the label is another class than the prediction (1 or 0); of
numbers, how far the two are apart. A ranked item has no error of its own, so a ranking has no error stream.

The reference of the whole model is that of the profile, where it was built with labels and the errors are right and wrong.
Versions and segments learn theirs from their own first labels: a segment's rate is not that of the whole model, and a new
version has a reference of its own to live up to. So does a regression: its profile keeps means, not the errors themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, Protocol

import numpy as np

from driftline.config.model_spec import Task
from driftline.processors.arrays import F64, I32, I64
from driftline.processors.concept.findings import learnt_notice, rise_signals
from driftline.processors.concept.settings import ErrorReference, ErrorSettings, ErrorValues
from driftline.processors.concept.watch import ErrorWatch, Rise
from driftline.processors.crossings import Place
from driftline.processors.reference.performance import ReferencePerformance
from driftline.processors.snapshot import Part
from driftline.schemas.signals import Signal

ERROR_VALUES: Final[dict[Task, ErrorValues]] = {"binary": "binary", "multiclass": "binary", "regression": "numeric"}
"""Tasks that have an error stream."""

WHOLE_MODEL: Final = 0


class Pairs(Protocol):
    """Predictions with their first labels, in merged order; float64[k], int64[k], groups int32[k, G]."""

    @property
    def prediction(self) -> F64: ...
    @property
    def label(self) -> F64: ...
    @property
    def offset(self) -> I64:
        """Of the prediction."""

    @property
    def event_ms(self) -> I64:
        """Of the prediction."""

    @property
    def groups(self) -> I32:
        """Besides the whole model: version, then one segment of each set; one that is not told of is -1."""


def error_values(task: Task, prediction: F64, label: F64) -> F64:
    """float64[k]: the error of each prediction, NaN where either is NaN.

    >>> error_values("multiclass", np.array([0.0, 2.0, 1.0]), np.array([0.0, 1.0, np.nan]))
    array([ 0.,  1., nan])
    """
    difference = np.abs(prediction - label)
    if ERROR_VALUES[task] == "numeric":
        return difference
    return np.where(np.isnan(difference), np.nan, (difference > 0.0).astype(np.float64))


def reference_of(performance: ReferencePerformance | None) -> ErrorReference | None:
    """The errors of a profile's labelled rows, None if it has none or they are numbers."""
    if performance is None or not performance.confusion:
        return None
    right = sum(row[k] for k, row in enumerate(performance.confusion))
    rows = sum(map(sum, performance.confusion))
    if rows == 0:
        return None
    return ErrorReference(n=rows, total=float(rows - right), dependence=_dependence(performance, right / rows))


def _dependence(performance: ReferencePerformance, accuracy: float) -> float:
    """How many times more the accuracy of 100 reference rows in order varies than that of independent ones; at least 1.

    It is their design effect: errors of neighbours may hang together, by household, by place, by session. 1 also where the
    profile does not say.
    """
    chance = accuracy * (1.0 - accuracy)
    if not performance.spread or "accuracy" not in performance.spread[0].sd or chance == 0.0:
        return 1.0
    spread = performance.spread[0]
    return max(1.0, spread.sd["accuracy"] ** 2 * spread.rows / chance)


class ErrorStream:
    """Detectors of one model's errors, and their words.

    place_of: where a group is, by its number. reference: of the whole model, None = learnt; its `dependence` holds for all
    groups.
    """

    def __init__(
        self,
        task: Task,
        settings: ErrorSettings,
        place_of: Callable[[int], Place],
        reference: ErrorReference | None = None,
    ) -> None:
        if reference is not None:
            settings = replace(settings, dependence=max(settings.dependence, reference.dependence))
        self._task: Task = task
        self._settings = settings
        self._place_of = place_of
        self._watch = ErrorWatch(settings)
        if reference is not None:
            self._watch.give_reference(WHOLE_MODEL, 0, reference)

    def step(self, pairs: Pairs) -> list[Signal]:
        """Take the next pairs; what they make the detectors say, in their order."""
        groups = pairs.groups
        rows = np.concatenate([np.full((len(groups), 1), WHOLE_MODEL, np.int32), groups], axis=1)
        errors = error_values(self._task, pairs.prediction, pairs.label)
        signals: list[Signal] = []
        for finding in self._watch.step(rows, errors, pairs.offset, pairs.event_ms):
            place = self._place_of(finding.row)
            if isinstance(finding, Rise):
                signals += rise_signals(finding, place, self._settings)
            else:
                signals.append(learnt_notice(finding, place, self._settings))
        return signals

    @property
    def fingerprint(self) -> str:
        """What the state was shaped by."""
        return self._watch.fingerprint

    def parts(self) -> list[Part]:
        """The whole state, for the snapshot."""
        return self._watch.parts()

    def restore(self, data: bytes) -> None:
        """Take over the data of a part of the same fingerprint."""
        self._watch.restore(data)
