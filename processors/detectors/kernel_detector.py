"""What the classes over a numba kernel share: numbers in, positions out, state as named arrays.

An empty state is all zeros in every detector here: state arrays of many monitors need no further preparation.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from driftline.processors.arrays import F64, I64, U16
from driftline.processors.detectors.protocol import (
    EVIDENCE_COLUMNS,
    LARGEST_VALUE,
    Evidence,
    Parameters,
    read_snapshot,
    write_snapshot,
)
from driftline.processors.snapshot import pack_arrays, unpack_arrays

StateArrays: TypeAlias = dict[str, NDArray[np.generic]]

_BLOCK: Final = 1 << 16  # as many values as a uint16 level can name
_LEVELS: Final = np.arange(_BLOCK, dtype=np.uint16)


class KernelDetector(ABC):
    """A `protocol.Detector` whose values are fed to a kernel. Subclasses say which, and what its state is.

    shortest_gap: the least number of values from one alarm to the next; state: the arrays the kernel changes.
    """

    def __init__(self, parameters: Parameters, state: StateArrays, shortest_gap: int) -> None:
        self.parameters = dict(parameters)
        self._shortest_gap = shortest_gap
        self._alarm: F64 = np.zeros(EVIDENCE_COLUMNS)  # evidence of the last value taken; zeros if it did not alarm
        self._state: StateArrays = {**state, "alarm": self._alarm}

    @abstractmethod
    def _run(self, levels: U16, table: F64, hits: I64, evidence: F64) -> int:
        """Feed table[levels] to the kernel; the number of alarms."""

    @abstractmethod
    def _standing(self) -> Evidence:
        """Statistic and threshold in the present state."""

    def update(self, x: float) -> bool:
        """Take one value; whether the detector alarms at it."""
        return len(self.update_many([x])) > 0

    def update_many(self, values: ArrayLike) -> I64:
        """Take float64[n] in order; int64[k], the positions of the alarms. Raises ValueError for more dimensions."""
        given = np.asarray(values, np.float64)
        if given.ndim != 1:
            raise ValueError(f"values have the shape {given.shape}: give one stream, as a one-dimensional array")
        blocks = [self._update_block(given[at : at + _BLOCK]) + at for at in range(0, len(given), _BLOCK)]
        return np.concatenate(blocks) if blocks else np.zeros(0, np.int64)

    def _update_block(self, table: F64) -> I64:
        hits = np.zeros(len(table) // self._shortest_gap + 1, np.int64)
        evidence = np.zeros((len(hits), EVIDENCE_COLUMNS))
        found = hits[: self._run(_LEVELS[: len(table)], table, hits, evidence)]
        taken = np.flatnonzero(np.abs(table) <= LARGEST_VALUE)
        if len(taken):
            alarmed = len(found) > 0 and found[-1] == taken[-1]
            self._alarm[:] = evidence[len(found) - 1] if alarmed else 0.0
        return found

    @property
    def evidence(self) -> Evidence:
        """Statistic, threshold and what they rest on: of the last value if it alarmed, else of the present state."""
        return Evidence(*self._alarm.tolist()) if self._alarm.any() else self._standing()

    @property
    def statistic(self) -> float:
        """What is compared with `threshold`, after the last value taken; if that one alarmed, what made it alarm."""
        return self.evidence.statistic

    @property
    def threshold(self) -> float:
        """What `statistic` is compared with."""
        return self.evidence.threshold

    def reset(self) -> None:
        """Back to the state right after `__init__`."""
        for array in self._state.values():
            array[...] = 0

    def snapshot(self) -> bytes:
        """The whole state."""
        return write_snapshot(type(self).__name__, self.parameters, pack_arrays(self._state))

    def restore(self, snapshot: bytes) -> None:
        """Take over a state written under the same class and parameters. Raises DamagedSnapshot for anything else."""
        saved = unpack_arrays(read_snapshot(type(self).__name__, self.parameters, snapshot))
        for name, array in self._state.items():
            array[...] = saved[name]
