"""What can be wrong with the section on performance of a reference: each problem by its path, with what to do instead."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from driftline.processors.reference.performance import (
    SECTION_VERSION,
    CalibrationCurve,
    ErrorNode,
    ReferencePerformance,
)

_REBUILD: Final = "build the reference again"


def problems_of_performance(performance: ReferencePerformance) -> list[str]:
    """All problems, in the order of the file; an empty list for a good section."""
    return [f"performance.{problem}" for problem in _problems(performance)]


def _problems(performance: ReferencePerformance) -> Iterator[str]:
    if performance.section_version != SECTION_VERSION:
        yield (
            f"section_version: {performance.section_version} is not {SECTION_VERSION}; "
            "use the driftline that wrote it, or build the reference again"
        )
    if performance.n < 1:
        yield f"n: {performance.n} rows; write 1 or more, or leave the section out"
    yield from _classes(performance)
    for curve in performance.calibration:
        for problem in _curve(curve):
            yield f"calibration[{curve.predicted}].{problem}"
    if performance.task == "regression" and not performance.errors:
        yield f"errors: is empty; {_REBUILD}"
    for number, node in enumerate(performance.errors):
        for problem in _node(node, number, len(performance.errors)):
            yield f"errors[{number}].{problem}"


def _classes(performance: ReferencePerformance) -> Iterator[str]:
    classes, curves = performance.classes, [curve.predicted for curve in performance.calibration]
    if performance.task == "binary" and len(classes) != 2:
        yield f"classes: {len(classes)} of a binary model; write the negative and the positive one"
    if len(set(classes)) != len(classes):
        yield "classes: one is named twice; name each once"
    if performance.task == "regression" and (classes or curves):
        yield "classes, calibration: a regression has none; remove them"
    elif any(len(row) != len(classes) for row in performance.confusion) or len(performance.confusion) != len(classes):
        yield f"confusion: is not a row and a column for each of {len(classes)} classes; {_REBUILD}"
    if performance.task == "binary" and len(curves) > 1:
        yield f"calibration: {len(curves)} curves of a binary model; keep one"
    if len(set(curves)) != len(curves) or not set(curves) <= {"", *classes}:
        yield "calibration: a curve is of no class or of one that has another; keep one for each class"


def _curve(curve: CalibrationCurve) -> Iterator[str]:
    if not len(curve.rows) == len(curve.events) == len(curve.edges) + 1:
        yield f"rows, events: {len(curve.rows)} and {len(curve.events)} for {len(curve.edges)} edges; {_REBUILD}"
    elif any(not 0 <= events <= rows or rows < 1 for rows, events in zip(curve.rows, curve.events, strict=True)):
        yield f"events: a step has more events than rows, or no rows; {_REBUILD}"
    if not all(math.isfinite(edge) for edge in curve.edges) or any(a >= b for a, b in pairwise(curve.edges)):
        yield "edges: are not strictly ascending finite numbers; sort them and drop repeated ones"


def _node(node: ErrorNode, number: int, nodes: int) -> Iterator[str]:
    means = (node.mean_absolute, node.mean_square, node.sd_square)
    if node.rows < 1 or not all(0 <= mean < math.inf for mean in means):
        yield f"rows, mean_absolute, mean_square, sd_square: cannot be negative or endless; {_REBUILD}"
    if node.field and (node.at_most is None) == (node.equals is None):
        yield "at_most, equals: write one of the two"
    # children stand behind their parent, so that following them comes to an end
    if node.field and not all(number < child < nodes for child in (node.yes, node.no)):
        yield f"yes, no: {node.yes} and {node.no} are no later nodes; {_REBUILD}"
