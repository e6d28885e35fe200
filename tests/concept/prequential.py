"""Streams with known concept drift, and a learner that is tested on each example before it learns from it.

The learner starts afresh when a detector says that errors have increased; so does the reference of its errors.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import river.naive_bayes
import river.tree

Example = tuple[dict[str, float], bool]

TOLERANCE = {"sine1": 250, "mixed": 250, "circles": 1_000}
"""Examples within which a drift is to be found."""
BETWEEN = {"sine1": 20_000, "mixed": 20_000, "circles": 25_000}
"""Drifts are at each multiple of this but the last."""


class Learner(Protocol):
    """A classifier of river."""

    def predict_one(self, x: dict[str, float]) -> bool | None: ...
    def learn_one(self, x: dict[str, float], y: bool) -> None: ...


LEARNERS: dict[str, Callable[[], Learner]] = {
    "Hoeffding tree": river.tree.HoeffdingTreeClassifier,
    "naive Bayes": river.naive_bayes.GaussianNB,
}


class Watcher(Protocol):
    """A detector under test: takes the errors of the learner one by one."""

    def wrong(self, error: bool) -> bool:
        """Take one value; whether it alarms. After an alarm it is as new."""


class Score(NamedTuple):
    """delays: of each drift, in examples, None if it was missed; false_alarms: all alarms but those that found a drift."""

    delays: list[int | None]
    false_alarms: int
    errors: float


def read_stream(file: Path) -> list[Example]:
    """The examples of an ARFF file whose last attribute is the class, p or n; true and false are 1 and 0."""
    with gzip.open(file, "rt") as lines:
        names = []
        for line in lines:
            if line.startswith("@attribute"):
                names.append(line.split()[1])
            elif line.startswith("@data"):
                break
        return list(_examples(lines, names[:-1]))


def _examples(lines: Iterator[str], names: list[str]) -> Iterator[Example]:
    truth = {"True": 1.0, "False": 0.0}
    for line in lines:
        *values, label = line.strip().split(",")
        numbers = (truth[value] if value in truth else float(value) for value in values)
        yield dict(zip(names, numbers, strict=True)), label == "p"


def alarms(examples: list[Example], make_learner: Callable[[], Learner], watcher: Watcher) -> tuple[list[int], float]:
    """Where the watcher alarms, and the share of wrong predictions."""
    found, wrong = [], 0
    learner = make_learner()
    for i, (x, label) in enumerate(examples):
        error = learner.predict_one(x) != label
        wrong += error
        learner.learn_one(x, label)
        if watcher.wrong(error):
            found.append(i)
            learner = make_learner()
    return found, wrong / len(examples)


def score(kind: str, found: list[int], errors: float, n: int) -> Score:
    """Judge alarms on a stream of `kind` of n examples."""
    drifts = range(BETWEEN[kind], n - TOLERANCE[kind], BETWEEN[kind])
    delays: list[int | None] = []
    for drift in drifts:
        delays.append(next((i - drift for i in found if 0 <= i - drift <= TOLERANCE[kind]), None))
    return Score(delays, len(found) - sum(delay is not None for delay in delays), errors)
