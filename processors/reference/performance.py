"""How well the model did on the reference, and what its performance is estimated from while labels are still to come.

The section `performance` of a reference profile. It is there when the reference rows came with their true labels.
Everything in it is counts and means of reference rows, so that a person can check it against the data.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from msgspec import Struct

from driftline.schemas.layout import Role

SECTION_VERSION: Final = 1

EstimatedTask: TypeAlias = Literal["binary", "multiclass", "regression"]


class Spread(Struct, frozen=True, kw_only=True):
    """How far each metric moves by itself: its standard deviation over `chunks` runs of `rows` reference rows in order.

    A metric that is undefined in a chunk (no positive label, for one) is left out of that chunk.
    """

    rows: int
    chunks: int
    sd: dict[str, float]


class CalibrationCurve(Struct, frozen=True, kw_only=True):
    """How often it turned out so, by score: a rising step function. Step k holds scores in (edges[k-1], edges[k]].

    Binary: `events` are the rows of a step whose label is the positive class. Multiclass: those whose label is the
    predicted class; `predicted` names that class, "" stands for all classes without a curve of their own.
    """

    predicted: str = ""
    edges: list[float] = []
    rows: list[int]
    events: list[int]


class ErrorNode(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One node of the tree of expected errors; node 0 is the root, and a node without a `field` is a leaf.

    A row goes on at node `yes` when its value is at most `at_most` (a number) or equals `equals` (a category), else at
    node `no`. A missing or invalid value goes to `yes` if `missing_yes`. mean_square: of the errors, squared.
    sd_square: standard deviation of the squared errors.
    """

    field: str = ""
    role: Role = "feature"
    at_most: float | None = None
    equals: str | None = None
    missing_yes: bool = False
    yes: int = 0
    no: int = 0
    rows: int
    mean_absolute: float
    mean_square: float
    sd_square: float = 0.0


class ReferencePerformance(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Realised performance on the labelled reference rows, and the tables of the estimates.

    n: rows with a label. metrics: over all of them. classes: binary (negative, positive); multiclass all, in the order of
    `confusion`, whose rows are the predicted and whose columns the true class. A classifier without scores has no
    `calibration`; only regression has `errors`.
    """

    section_version: int = SECTION_VERSION
    task: EstimatedTask
    n: int
    metrics: dict[str, float]
    spread: list[Spread] = []
    classes: list[str] = []
    confusion: list[list[int]] = []
    calibration: list[CalibrationCurve] = []
    errors: list[ErrorNode] = []
