"""Predictions and labels as they came -> the numbers that sums are made of.

Services and label sources spell the same class differently: true, 1, 1.0, "1", "true" and "True". They meet in one
spelling: JSON's, with booleans as 0 and 1, and an integral number without its fraction ("1.0" is what a CSV writer makes of
a column of classes in which one is missing).

Which class of a binary task is positive is never guessed from the data:

    positive="fraud"              "fraud" is 1; everything else is 0 (or, where names are given, the other names)
    names=("legit", "fraud")      the second one is 1, the first 0, as in scikit-learn's classes_
    neither                       1 or true is 1, 0 or false is 0

What is no class is NaN: it is counted as unusable and is in no metric.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from driftline.config.model_spec import Task
from driftline.processors.arrays import F64
from driftline.schemas.scalars import Scalar, scalar_text

LEARNT_MAX: Final = 1_000
"""Classes of a multiclass task that are told apart when none are named; later ones are NaN."""

_KNOWN_SPELLINGS_MAX: Final = 4_096

_BOOLEAN: Final = {"true": "1", "false": "0"}
_INTEGRAL: Final = re.compile(r"(-?\d+)\.0+")
_NUMBER: Final = re.compile(r"-?\d+(\.\d*)?([eE][+-]?\d+)?")


def class_name(value: Scalar) -> str:
    """The one spelling of a class.

    >>> [class_name(v) for v in (True, 1, 1.0, "1", "1.0", "true", "True", "fraud", 2.5, -1)]
    ['1', '1', '1', '1', '1', '1', '1', 'fraud', '2.5', '-1']
    """
    text = scalar_text(value)
    integral = _INTEGRAL.fullmatch(text)
    if integral is not None:
        return integral[1]
    return _BOOLEAN.get(text.lower(), text)


def number(value: Scalar) -> float:
    """The value of a regression or the relevance of a ranked item, also when written as text; NaN for anything else.

    >>> [number(v) for v in (3, "2.5", True, "1e3", "n/a", "nan", 10**400)]
    [3.0, 2.5, 1.0, 1000.0, nan, nan, nan]
    """
    if isinstance(value, str) and _NUMBER.fullmatch(value) is None:
        return math.nan
    try:
        found = float(value)
    except OverflowError:
        return math.nan
    return found if math.isfinite(found) else math.nan


class Classes:
    """Maps the predictions and labels of one model to float64.

    names: the classes, in the order of their codes; binary: (negative, positive). Without names a multiclass task learns
    them in the order in which `code` meets them, up to LEARNT_MAX: call it in an order that is a property of the log, and
    keep `names` in the snapshot; then `learning=True` goes on with names given. positive: see above.
    Raises ValueError for names that make no sense for the task.

    >>> fraud = Classes("binary", positive="fraud")
    >>> [fraud.code(v) for v in ("fraud", "legit", True)]
    [1.0, 0.0, 0.0]
    >>> animals = Classes("multiclass")
    >>> [animals.code(v) for v in ("dog", "cat", "dog")], animals.names
    ([0.0, 1.0, 0.0], ['dog', 'cat'])
    """

    def __init__(
        self, task: Task, names: Sequence[str] = (), *, positive: str | None = None, learning: bool | None = None
    ) -> None:
        self.task: Final = task
        self.learning: Final = task == "multiclass" and (not names if learning is None else learning)
        self._positive: Final = None if positive is None else class_name(positive)
        self._one_against_rest: Final = self._positive is not None and not names
        self.names = [class_name(name) for name in names]
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"classes {list(names)} name one class twice: write each class once")
        if task == "binary":
            self.names = self._binary_names()
        self._codes = {name: float(code) for code, name in enumerate(self.names)}
        self._known: dict[Scalar, float] = {}

    def _binary_names(self) -> list[str]:
        if self._positive is None:
            names = self.names or ["0", "1"]
        elif self._one_against_rest:
            names = ["", self._positive]
        else:
            names = sorted(self.names, key=lambda name: name == self._positive)
        if len(names) != 2 or (self._positive is not None and names[1] != self._positive):
            wanted = (
                f"two, one of them {self._positive}" if self._positive is not None else "two, the positive one last"
            )
            raise ValueError(f"the classes of a binary model are {self.names}: name {wanted}")
        return names

    def code(self, value: Scalar | None) -> float:
        """Binary: 0 or 1; multiclass: the class's index; otherwise the number itself. NaN for None and what is none."""
        if value is None:
            return math.nan
        if self.task in ("regression", "ranking"):
            return number(value)
        found = self._known.get(value)
        if found is None:
            found = self._class_code(class_name(value))
            if not math.isnan(found) and len(self._known) < _KNOWN_SPELLINGS_MAX:
                self._known[value] = found
        return found

    def codes(self, values: Iterable[Scalar | None]) -> F64:
        """float64[n]: `code` of each value, in order."""
        return np.fromiter(map(self.code, values), np.float64)

    def _class_code(self, name: str) -> float:
        if self._one_against_rest:
            return 1.0 if name == self._positive else 0.0
        if self.learning and name not in self._codes and len(self.names) < LEARNT_MAX:
            self._codes[name] = float(len(self.names))
            self.names.append(name)
        return self._codes.get(name, math.nan)
