"""The e-detector of many groups: the state of the kernels in `error_bets` and `rank_bets`, and how it is kept.

`EBets` is what the two have in common; the groups are rows of its arrays.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np

from driftline.processors.arrays import F64, I32, I64
from driftline.processors.budget import shiryaev_roberts_threshold
from driftline.processors.concept import error_bets, rank_bets
from driftline.processors.concept.error_bets import error_bets_run, odds_and_weights
from driftline.processors.concept.rank_bets import (
    CELLS,
    EDGES_FROM,
    cell_edges,
    rank_bets_run,
    rank_weights,
    thetas,
)
from driftline.processors.concept.settings import ErrorReference
from driftline.processors.concept.standing import EVIDENCE, GIVEN, HIT_COLUMNS, MARKS, ONSETS, SEEN
from driftline.processors.snapshot import pack_arrays, unpack_arrays


class Hit(NamedTuple):
    """What the kernel says of a value: an alarm, or that a reference is learnt. See `standing` for the numbers."""

    position: int
    column: int
    row: int
    what: int
    statistic: float
    threshold: float
    n: int
    mean: float
    reference_n: int
    reference_mean: float


class EBets(ABC):
    """rates: false alarms per value of the groups in each column; learn_from: values that only teach."""

    def __init__(self, rates: tuple[float, ...], learn_from: int, arrays: dict[str, Any], lanes: int) -> None:
        self._thresholds: F64 = np.array([shiryaev_roberts_threshold(rate) for rate in rates])
        self._learn_from = learn_from
        own: dict[str, Any] = {
            "stakes": np.zeros((0, lanes)),
            "marks": np.zeros((0, MARKS), np.int64),
            "onsets": np.zeros((0, lanes, ONSETS)),
        }
        self._by_row = {**own, **arrays}
        self._shared: dict[str, Any] = {}  # arrays of all groups together

    @abstractmethod
    def _kernel(self, rows: I32, values: F64, offsets: I64, hits: I64, evidence: F64, deviations: F64) -> int:
        """Feed a block to the kernel; the number of hits."""

    @abstractmethod
    def scaled(self, values: F64) -> F64:
        """float64[k] in [0, 1]: the values on a scale that stays what it is; NaN while there is none."""

    @abstractmethod
    def _refer(self, row: int, reference: ErrorReference) -> None:
        """Put the reference into the arrays of a group."""

    def run(self, rows: I32, values: F64, offsets: I64) -> tuple[list[Hit], F64]:
        """Take a block: int32[k, G], float64[k], int64[k]. What is found, and the deviations, float64[k, G]."""
        size = rows.size
        hits, evidence = np.zeros((size, HIT_COLUMNS), np.int64), np.zeros((size, EVIDENCE))
        deviations = np.full(rows.shape, np.nan)
        n = self._kernel(rows, values, offsets, hits, evidence, deviations)
        found = []
        for (i, column, row, what), (statistic, threshold, k, mean, m, reference) in zip(
            hits[:n].tolist(), evidence[:n].tolist(), strict=True
        ):
            found.append(Hit(i, column, row, what, statistic, threshold, int(k), mean, int(m), reference))
        return found, deviations

    def give_reference(self, row: int, reference: ErrorReference) -> None:
        """For a group that has taken no value yet. Raises ValueError for any other."""
        marks = self._by_row["marks"][row]
        if marks[SEEN] or marks[GIVEN]:
            raise ValueError(f"group {row} has a reference already: restart it first")
        self._refer(row, reference)
        marks[GIVEN] = 1
        self._by_row["onsets"][row] = [0.0, reference.n, reference.total]

    def restart(self, row: int) -> None:
        """Forget all of a group."""
        for array in self._by_row.values():
            array[row] = 0

    def grow(self, rows: int) -> None:
        """Make room for so many groups."""
        for name, array in self._by_row.items():
            larger = np.zeros((rows, *array.shape[1:]), array.dtype)
            larger[: len(array)] = array
            self._by_row[name] = larger

    def state(self) -> bytes:
        """All arrays."""
        return pack_arrays({**self._by_row, **self._shared})

    def restore(self, state: bytes) -> None:
        """Take over what `state` gave."""
        arrays = unpack_arrays(state)
        self._by_row.update((name, arrays.pop(name)) for name in self._by_row)
        self._shared = arrays


class ErrorBets(EBets):
    """Right and wrong."""

    def __init__(self, rates: tuple[float, ...], learn_from: int) -> None:
        self._odds, self._weights = odds_and_weights()
        self._resting = error_bets.resting_stakes()
        counts: I64 = np.zeros((0, error_bets.COUNTS), np.int64)
        super().__init__(rates, learn_from, {"counts": counts}, len(self._odds))

    def _kernel(self, rows: I32, values: F64, offsets: I64, hits: I64, evidence: F64, deviations: F64) -> int:
        a = self._by_row
        state = (a["stakes"], a["marks"], a["counts"], a["onsets"])
        bets = (self._odds, self._weights, self._resting, self._thresholds, self._learn_from)
        return int(error_bets_run(*state, rows, values, *bets, hits, evidence, deviations))

    def scaled(self, values: F64) -> F64:
        return values

    def _refer(self, row: int, reference: ErrorReference) -> None:
        self._by_row["counts"][row] = [reference.n, round(reference.total)] * 2


class RankBets(EBets):
    """Errors that are numbers. The edges of the cells are shared by all groups, and learnt from the first values of any."""

    def __init__(self, rates: tuple[float, ...], learn_from: int) -> None:
        counts: I64 = np.zeros((0, 2, CELLS), np.int64)
        arrays = {"counts": counts, "sums": np.zeros((0, rank_bets.SUMS))}
        super().__init__(rates, learn_from, arrays, len(rank_weights()))
        self._keep(edges=np.zeros(0), first=np.zeros(0))

    def _kernel(self, rows: I32, values: F64, offsets: I64, hits: I64, evidence: F64, deviations: F64) -> int:
        start = self._learn_edges(values)
        if start == len(values):
            return 0
        a = self._by_row
        state = (a["stakes"], a["marks"], a["counts"], a["sums"], a["onsets"])
        stream = (rows[start:], values[start:], thetas(offsets[start:]), self._edges)
        bets = (rank_bets.rank_bets(), rank_weights(), rank_bets.resting_stakes(), self._thresholds, self._learn_from)
        n = int(rank_bets_run(*state, *stream, *bets, hits, evidence, deviations[start:]))
        hits[:n, 0] += start
        return n

    def scaled(self, values: F64) -> F64:
        if not len(self._edges):
            return np.full(len(values), np.nan)
        return np.asarray((np.searchsorted(self._edges, values, side="left") + 0.5) / CELLS, np.float64)

    def _learn_edges(self, values: F64) -> int:
        """Take values until the edges are known; how many were taken."""
        if len(self._edges):
            return 0
        first = self._shared["first"]
        taken = min(EDGES_FROM - len(first), len(values))
        first = np.append(first, values[:taken])
        if len(first) < EDGES_FROM:
            self._keep(edges=np.zeros(0), first=first)
        else:
            self._keep(edges=cell_edges(first), first=np.zeros(0))
        return taken

    @property
    def _edges(self) -> F64:
        """float64[63]; none while the first values are still being gathered."""
        edges: F64 = self._shared["edges"]
        return edges

    def _keep(self, *, edges: F64, first: F64) -> None:
        self._shared = {"edges": edges, "first": first}

    def _refer(self, row: int, reference: ErrorReference) -> None:
        if reference.edges is None or reference.counts is None:
            raise ValueError("this reference holds a rate of errors, not their sizes: build it from the sizes")
        if not len(self._edges):
            self._keep(edges=reference.edges.copy(), first=np.zeros(0))
        self._by_row["counts"][row] = reference.cells_between(self._edges)
        self._by_row["sums"][row] = [reference.n, reference.total] * 2
