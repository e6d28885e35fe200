"""What shapes the watch over one model's errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np

from driftline.config.frozen_map import FrozenMap
from driftline.processors.arrays import F64, I64
from driftline.processors.concept.rank_bets import CELLS, cell_counts, cell_edges
from driftline.processors.signal_ids import digest

LEARN_FROM: Final = 200
"""Labelled predictions of a group from which its error rate is first known; more of them refine it."""

ErrorValues = Literal["binary", "numeric"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorSettings:
    """values: "binary" = 1 for an error and 0 for none; "numeric" = the size of the error, larger is worse.

    rates: false alarms per value of the groups in each column, `rates.error_stream_rates`. detectors: "shiryaev_roberts",
    "adwin", "page_hinkley", or the name of a class of `river.drift` or `river.drift.binary`, such as "HDDMA". river: the
    parameters of those. dependence: how many times more the errors of neighbours vary together than by chance, at least 1
    (`ErrorReference.dependence`). Raises ValueError for a setting that makes no sense.
    """

    values: ErrorValues
    rates: tuple[float, ...]
    detectors: tuple[str, ...] = ("shiryaev_roberts",)
    learn_from: int = LEARN_FROM
    dependence: float = 1.0
    river: Mapping[str, Mapping[str, Any]] = field(default_factory=FrozenMap)

    def __post_init__(self) -> None:
        if self.learn_from < 1:
            raise ValueError(f"learn_from={self.learn_from!r}: write 1 or more")
        if not self.rates or not all(0.0 < rate <= 0.1 for rate in self.rates):
            raise ValueError(f"rates={self.rates!r}: write one rate for each column, above 0 and up to 0.1 a value")
        if not self.dependence >= 1.0:
            raise ValueError(f"dependence={self.dependence!r}: write 1 (errors of neighbours are independent) or more")
        if not self.detectors or len(set(self.detectors)) != len(self.detectors):
            raise ValueError(f"detectors={self.detectors!r}: name one or more, each of them once")

    @property
    def fingerprint(self) -> str:
        """Names all that shapes the state and the alarms."""
        river = [f"{name}:{sorted(self.river[name].items())}" for name in sorted(self.river)]
        return digest(
            "errors",
            self.values,
            self.learn_from,
            repr(self.dependence),
            *map(repr, self.rates),
            "detectors",
            *self.detectors,
            *river,
        )


@dataclass(frozen=True, slots=True)
class ErrorReference:
    """The errors of a model where it was known to work: how many values, their sum, and for numbers also their cells.

    dependence: see `ErrorSettings`; an `ErrorStream` takes it from here.
    """

    n: int
    total: float
    edges: F64 | None = None
    """float64[63]"""
    counts: I64 | None = None
    """int64[64]"""
    dependence: float = 1.0

    @classmethod
    def of(cls, errors: F64, values: ErrorValues) -> ErrorReference:
        """From the errors themselves, float64[n > 0], finite. Raises ValueError for none."""
        if len(errors) == 0:
            raise ValueError("a reference of no errors says nothing: leave it out, and it is learnt from the stream")
        if values == "binary":
            return cls(len(errors), float(errors.sum()))
        edges = cell_edges(errors)
        return cls(len(errors), float(errors.sum()), edges, cell_counts(errors, edges))

    def cells_between(self, edges: F64) -> I64:
        """int64[64]: its counts over other edges, each of its cells where its upper edge lies."""
        if self.edges is None or self.counts is None:
            raise ValueError("this reference holds a rate of errors, not their sizes: build it from the sizes")
        moved = np.zeros(CELLS, np.int64)
        np.add.at(moved, np.append(np.searchsorted(edges, self.edges, side="left"), CELLS - 1), self.counts)
        return moved
