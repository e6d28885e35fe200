"""Direct loss estimation of a regression: how large its errors will be, from where its predictions and features lie.

The reference says how large errors were in each region of the inputs (the leaves of the tree of expected errors). A new
prediction is expected to err as the reference rows of its leaf did:

    MAE = sum of the leaf's mean |error| / n        RMSE = sqrt(sum of the leaf's mean squared error / n)

It holds for as long as inputs of one leaf err alike: inputs may drift, but what follows from them may not (no concept
drift), and where they drift to where the reference never was, the leaf at that side answers for them.

Source: NannyML documentation, "How it works: Estimation of Performance of the Monitored Model", section "Direct Loss
Estimation (DLE)", https://nannyml.readthedocs.io/en/stable/how_it_works/performance_estimation.html, which takes gradient
boosting in the place of one tree.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from driftline.processors.arrays import F64, I64, U16
from driftline.processors.codes import INVALID_CODE, MISSING_CODE
from driftline.processors.estimation.tables import Tables, rounded
from driftline.processors.kernels import njit_uncounted
from driftline.processors.reference.performance import ErrorNode
from driftline.schemas.layout import EventLayout

N: Final = 0
ABSOLUTE: Final = 1
"""Sum of expected |error|."""
SQUARE: Final = 2
"""Sum of expected squared errors."""
ABSOLUTE_VARIANCE: Final = 3
SQUARE_VARIANCE: Final = 4
WIDTH: Final = 5

_LEAF, _NUMBER, _CATEGORY, _ABSENT = range(4)
_YES, _NO, _NOWHERE = range(3)


def tables_of(nodes: Sequence[ErrorNode]) -> Tables:
    """Values by node: expected |error|, expected square, and the variance of each. The "score" is the number of a leaf."""
    absolute = np.array([node.mean_absolute for node in nodes], np.float64)
    square = np.array([node.mean_square for node in nodes], np.float64)
    spread = np.array([node.sd_square for node in nodes], np.float64)
    columns = [absolute, square, np.maximum(square - absolute * absolute, 0.0), spread * spread]
    return Tables(
        np.array([0, len(nodes)], np.int64),
        np.arange(len(nodes), dtype=np.float64),
        np.ascontiguousarray(np.stack([rounded(column) for column in columns], axis=1)),
    )


@njit_uncounted()
def add(sums: F64, prediction: float, leaf: float, starts: object, edges: object, values: F64) -> None:
    """Add one prediction to sums: float64[WIDTH]; leaf: as of `LeafFinder`; what is not finite changes nothing."""
    if not (math.isfinite(leaf) and math.isfinite(prediction)):
        return
    row = int(leaf)
    sums[N] += 1.0
    for column in range(WIDTH - 1):
        sums[ABSOLUTE + column] += values[row, column]


def add_plain(sums: F64, prediction: float, leaf: float, nodes: Sequence[ErrorNode]) -> None:
    """The same from the reference's nodes, without tables: what `add` is tested against."""
    if not (math.isfinite(leaf) and math.isfinite(prediction)):
        return
    node = nodes[int(leaf)]
    variance = max(node.mean_square - node.mean_absolute**2, 0.0)
    sums += (1.0, node.mean_absolute, node.mean_square, variance, node.sd_square**2)


def metrics(sums: F64, reference_n: int) -> dict[str, F64]:
    """Estimates of k windows, sums: float64[k, WIDTH]; each float64[k], NaN for a window without rows.

    `_se`: standard errors as in `cbpe.metrics`; that of RMSE to first order.
    """
    n = sums[:, N]
    learnt = 1.0 + n / max(reference_n, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        rmse = np.sqrt(sums[:, SQUARE] / n)
        return {
            "mae": sums[:, ABSOLUTE] / n,
            "mae_se": np.sqrt(sums[:, ABSOLUTE_VARIANCE] * learnt) / n,
            "rmse": rmse,
            "rmse_se": np.sqrt(sums[:, SQUARE_VARIANCE] * learnt) / n / (2.0 * rmse),
        }


class LeafFinder:
    """Finds the leaf of each event of a batch that was decoded with `layout`.

    A field that the layout lacks counts as missing everywhere, as if no event had it.
    """

    def __init__(self, nodes: Sequence[ErrorNode], layout: EventLayout) -> None:
        places = [_place(node, layout) for node in nodes]
        missing = [node.yes if node.missing_yes else node.no for node in nodes]
        self._kind_and_column: I64 = np.array([place[:2] for place in places], np.int64)
        self._limit: F64 = np.array([place[2] for place in places], np.float64)
        self._next: I64 = np.array([(n.yes, n.no, m) for n, m in zip(nodes, missing, strict=True)], np.int64)

    def leaves(self, numeric: F64, category: U16) -> F64:
        """float64[n]; numeric: float64[n, numeric fields], category: uint16[n, other fields], as in PredictionBatch."""
        found = np.empty(len(numeric))
        _find_leaves(numeric, category, self._kind_and_column, self._limit, self._next, found)
        return found


def _place(node: ErrorNode, layout: EventLayout) -> tuple[int, int, float]:
    """Kind of a node, column of the field that it asks for, and the number or category code that it compares with."""
    if not node.field:
        return _LEAF, 0, 0.0
    for column, field in enumerate(layout.numeric_fields):
        if (field.role, field.name) == (node.role, node.field) and node.at_most is not None:
            return _NUMBER, column, node.at_most
    for column, field in enumerate(layout.category_fields):
        if (field.role, field.name) == (node.role, node.field) and node.equals in field.categories:
            return _CATEGORY, column, float(field.categories.index(node.equals))
    return _ABSENT, 0, 0.0


@njit_uncounted()
def _find_leaves(numeric: F64, category: U16, kind_and_column: I64, limit: F64, following: I64, found: F64) -> None:
    """found: float64[n]; following: int64[nodes, 3], the nodes after yes, after no, after a missing value."""
    for row in range(found.shape[0]):
        node = 0
        while kind_and_column[node, 0] != _LEAF:
            column = kind_and_column[node, 1]
            answer = _NOWHERE
            if kind_and_column[node, 0] == _NUMBER:
                value = numeric[row, column]
                if math.isfinite(value):
                    answer = _YES if value <= limit[node] else _NO
            elif kind_and_column[node, 0] == _CATEGORY:
                code = category[row, column]
                if code != INVALID_CODE and code != MISSING_CODE:
                    answer = _YES if code == limit[node] else _NO
            node = following[node, answer]
        found[row] = node


def leaf_plain(nodes: Sequence[ErrorNode], values: Mapping[tuple[str, str], float | str]) -> int:
    """The leaf of one event by its valid values, (role, field) -> value: what `LeafFinder` is tested against."""
    number = 0
    while nodes[number].field:
        node = nodes[number]
        value = values.get((node.role, node.field))
        if value is None:
            yes = node.missing_yes
        else:
            yes = value == node.equals if isinstance(value, str) else value <= (node.at_most or 0.0)
        number = node.yes if yes else node.no
    return number
