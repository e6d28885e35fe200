"""Detectors of the error stream that a user may name beside the e-detector: ADWIN, Page-Hinkley, any of river's.

Each takes the values of one group at a time, in order, and says where errors increased. ADWIN looks at right and wrong as
they are, and at the quantile of an error that is a number; Page-Hinkley at how far a value lies above the rate known so far,
in standard deviations (or ranks): so both are without units and their thresholds follow from the budget.

Detectors of river run on the errors themselves with the parameters they are given. FHDDM watches for fewer successes, so it
is fed with successes. Those that alarm at any change are heard only when errors increased (`_Direction`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol

import msgspec
import numpy as np

from driftline.processors.arrays import F64, I64, U8
from driftline.processors.budget import PAGE_HINKLEY_ALLOWANCE, adwin_delta, page_hinkley_threshold
from driftline.processors.concept.rates import page_hinkley_error_threshold
from driftline.processors.detectors.adwin import ADWIN_HEAD, ADWIN_MAX_BUCKETS, ADWIN_ROWS, CLOCK, LOG_WIDTH, adwin_run
from driftline.processors.detectors.adwin import UP as ADWIN_UP
from driftline.processors.detectors.page_hinkley import PAGE_HINKLEY_STATE, UP, page_hinkley_run
from driftline.processors.detectors.protocol import EVIDENCE_COLUMNS
from driftline.processors.detectors.river_adapter import RiverDetector
from driftline.processors.snapshot import pack_arrays, unpack_arrays

MARGIN: Final = 0.75
"""Of the rate is used for a threshold: the run lengths are those of symmetric values and a known reference, errors are
neither; without it up to 1.3 times the stated alarms were seen (docs/concept-drift.md)."""

BLOCK: Final = 4_096
"""The most values of a run: a level of the kernels is a uint16."""

_LEVELS: Final = np.arange(BLOCK, dtype=np.uint16)


class Found(NamedTuple):
    """An alarm: position in the run, statistic, threshold, number of values since the change began (0 if not known)."""

    position: int
    statistic: float
    threshold: float
    n: int


class GroupDetector(Protocol):
    """One detector for each of many groups, which are rows 0, 1, 2, ..."""

    def grow(self, rows: int) -> None:
        """Make room for so many groups."""

    def learnt(self, row: int, column: int, mean: float) -> None:
        """The reference of a group is known, given or learnt; its values are judged from now on."""

    def run(self, row: int, errors: F64, scaled: F64, deviations: F64) -> list[Found]:
        """Take a run of at most `BLOCK` values of a group (float64[n]).

        scaled: the errors on a fixed scale from 0 to 1; deviations: from the reference of the group, as it is at each value,
        NaN while it is being learnt.
        """

    def restart(self, row: int) -> None:
        """Forget all of a group."""

    def state(self) -> bytes:
        """The state of all groups."""

    def restore(self, state: bytes) -> None:
        """Take over what `state` gave."""


def _grown(array: F64, rows: int) -> F64:
    larger = np.zeros((rows, *array.shape[1:]), array.dtype)
    larger[: len(array)] = array
    return larger


class _ArrayDetector:
    """State as named arrays with a row for each group."""

    def __init__(self, arrays: dict[str, Any]) -> None:
        self._arrays = arrays

    def grow(self, rows: int) -> None:
        for name, array in self._arrays.items():
            self._arrays[name] = _grown(array, rows)

    def restart(self, row: int) -> None:
        for array in self._arrays.values():
            array[row] = 0

    def state(self) -> bytes:
        return pack_arrays(self._arrays)

    def restore(self, state: bytes) -> None:
        self._arrays.update(unpack_arrays(state))


class AdwinOfGroups(_ArrayDetector):
    """ADWIN, upwards. rates: false alarms per value of the groups in each column."""

    def __init__(self, rates: tuple[float, ...]) -> None:
        sums, counts = np.zeros((0, ADWIN_ROWS, ADWIN_MAX_BUCKETS)), np.zeros((0, ADWIN_ROWS), np.uint8)
        super().__init__({"sums": sums, "counts": counts, "head": np.zeros((0, ADWIN_HEAD)), "delta": np.zeros(0)})
        self._deltas = [adwin_delta(MARGIN * rate) for rate in rates]

    def learnt(self, row: int, column: int, mean: float) -> None:
        self._arrays["delta"][row] = self._deltas[column]

    def run(self, row: int, errors: F64, scaled: F64, deviations: F64) -> list[Found]:
        a = self._arrays
        if a["delta"][row] == 0.0:
            return []
        table = np.where(np.isnan(deviations), np.nan, scaled)
        hits = np.zeros(len(table) // CLOCK + 1, np.int64)
        evidence = np.zeros((len(hits), EVIDENCE_COLUMNS))
        state = (a["sums"][row], a["counts"][row], a["head"][row])
        delta = float(a["delta"][row])
        n = adwin_run(*state, _LEVELS[: len(table)], table, LOG_WIDTH, delta, hits, evidence, ADWIN_UP)
        return _found(hits[:n], evidence)


class PageHinkleyOfGroups(_ArrayDetector):
    """Page-Hinkley, upwards, one alarm for one onset. rates: as for ADWIN; ranked: errors are numbers."""

    def __init__(self, rates: tuple[float, ...], *, ranked: bool) -> None:
        held: U8 = np.zeros((0, 1), np.uint8)
        super().__init__({"sums": np.zeros((0, PAGE_HINKLEY_STATE)), "held": held, "threshold": np.zeros(0)})
        self._rates = rates
        self._ranked = ranked

    def learnt(self, row: int, column: int, mean: float) -> None:
        rate = MARGIN * self._rates[column]
        if self._ranked:
            h = page_hinkley_threshold(2.0 * rate)  # its rate counts both directions
        else:
            h = page_hinkley_error_threshold(rate, min(max(mean, _LEAST_RATE), 1.0 - _LEAST_RATE))
        self._arrays["threshold"][row] = h

    def run(self, row: int, errors: F64, scaled: F64, deviations: F64) -> list[Found]:
        a = self._arrays
        h = float(a["threshold"][row])
        if h == 0.0:
            return []
        hits = np.zeros(len(deviations), np.int64)
        evidence = np.zeros((len(hits), EVIDENCE_COLUMNS))
        limits = (0.0, 1.0, PAGE_HINKLEY_ALLOWANCE, h, 1.0, UP, True, True)
        levels = _LEVELS[: len(deviations)]
        n = page_hinkley_run(a["sums"][row], a["held"][row], levels, deviations, *limits, hits, evidence)
        return _found(hits[:n], evidence)


_LEAST_RATE: Final = 1e-3
"""A reference without any error is not one that cannot err: the threshold is as for one error in a thousand."""


def _found(hits: I64, evidence: F64) -> list[Found]:
    return [Found(int(i), float(e[0]), float(e[1]), int(e[3])) for i, e in zip(hits, evidence, strict=False)]


class RiverOfGroups:
    """A detector of river by its name, one for each group. Raises ValueError as `RiverDetector` does."""

    def __init__(self, name: str, parameters: Mapping[str, Any]) -> None:
        self._name, self._parameters = name, dict(parameters)
        binary = type(self._make()._detector).__module__.startswith("river.drift.binary")
        self._both_ways = not binary or bool(self._parameters.get("two_sided_test", False))
        self._successes = name == "FHDDM"
        self._rows: dict[int, tuple[RiverDetector, _Direction]] = {}

    def _make(self) -> RiverDetector:
        return RiverDetector(self._name, self._parameters)

    def grow(self, rows: int) -> None:
        """Groups are made when their first value comes."""

    def learnt(self, row: int, column: int, mean: float) -> None:
        """These detectors need no reference: they judge from the first value."""

    def run(self, row: int, errors: F64, scaled: F64, deviations: F64) -> list[Found]:
        if row not in self._rows:
            self._rows[row] = (self._make(), _Direction())
        detector, direction = self._rows[row]
        found = []
        for i, x in enumerate(errors.tolist()):
            alarms = detector.update(1.0 - x if self._successes else x)
            direction.add(x)
            if alarms:
                if not self._both_ways or direction.up():
                    found.append(Found(i, detector.statistic, detector.threshold, 0))
                direction.restart()
        return found

    def restart(self, row: int) -> None:
        self._rows.pop(row, None)

    def state(self) -> bytes:
        rows = {
            row: (detector.snapshot(), direction.state()) for row, (detector, direction) in sorted(self._rows.items())
        }
        return msgspec.msgpack.encode(rows)

    def restore(self, state: bytes) -> None:
        rows = msgspec.msgpack.decode(state, type=dict[int, tuple[bytes, list[float]]])
        self._rows = {}
        for row, (snapshot, values) in rows.items():
            self._rows[row] = (self._make(), _Direction(values))
            self._rows[row][0].restore(snapshot)


class _Direction:
    """Whether values have gone up since the last alarm, for a detector that does not say.

    Of the ends of the last 256 values, the one whose mean differs most significantly from that of all before it decides.
    """

    KEPT: Final = 256

    def __init__(self, state: list[float] | None = None) -> None:
        self._n, self._total, *self._recent = state or [0.0, 0.0]

    def restart(self) -> None:
        self._n, self._total, self._recent = 0.0, 0.0, []

    def state(self) -> list[float]:
        return [self._n, self._total, *self._recent]

    def add(self, x: float) -> None:
        self._n, self._total = self._n + 1.0, self._total + x
        self._recent.append(x)
        if len(self._recent) > 2 * self.KEPT:
            del self._recent[: self.KEPT]

    def up(self) -> bool:
        recent: F64 = np.array(self._recent[-self.KEPT :])
        newer_n = np.arange(1.0, len(recent) + 1.0)
        older_n = self._n - newer_n
        newer = np.cumsum(recent[::-1])
        usable = older_n > 0
        if not usable.any():
            return False
        newer_n, older_n, newer = newer_n[usable], older_n[usable], newer[usable]
        change = newer / newer_n - (self._total - newer) / older_n
        significance = change / np.sqrt(1.0 / newer_n + 1.0 / older_n)
        return bool(significance[np.argmax(np.abs(significance))] > 0.0)
