"""The watch over one model's errors: what its labels reveal, in the order in which they reveal it.

The input is the first match of each prediction with its label, in merged order. Each belongs to a few groups (the whole
model, its version, one segment of each set), which are rows; column 0 of `rows` is the whole model. Every detector sees the
values of a group one after another, so nothing depends on how the stream was cut into batches.

The e-detector always runs, because it holds the reference of each group; it alarms where `detectors` names it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec
import numpy as np

from driftline.processors.arrays import F64, I32, I64
from driftline.processors.concept.bets import EBets, ErrorBets, Hit, RankBets
from driftline.processors.concept.named import (
    BLOCK,
    AdwinOfGroups,
    Found,
    GroupDetector,
    PageHinkleyOfGroups,
    RiverOfGroups,
)
from driftline.processors.concept.rates import BUDGETED, detector_rate
from driftline.processors.concept.settings import ErrorReference, ErrorSettings
from driftline.processors.concept.standing import ROSE
from driftline.processors.detectors.protocol import LARGEST_VALUE
from driftline.processors.snapshot import Part

E_DETECTOR: Final = "shiryaev_roberts"
_PART: Final = "concept"


class Rise(NamedTuple):
    """Errors of a group have increased, says a detector, at this value of the batch.

    n, mean: values since the change began and their mean; reference_n, reference_mean: what they were compared with. Both
    0 and None where the detector does not know.
    """

    position: int
    column: int
    detector_index: int
    row: int
    detector: str
    offset: int
    event_ms: int
    statistic: float
    threshold: float
    n: int
    mean: float | None
    reference_n: int
    reference_mean: float | None


class Learnt(NamedTuple):
    """A group had no reference; this is what its first values give. From here on it is judged, and the reference grows."""

    position: int
    column: int
    row: int
    offset: int
    event_ms: int
    n: int
    mean: float


class ErrorWatch:
    """All detectors of one model's errors. Rows (groups) are made as they appear."""

    def __init__(self, settings: ErrorSettings) -> None:
        self.settings = settings
        own = [name for name in settings.detectors if name in BUDGETED]
        rates = {
            name: tuple(detector_rate(name, settings.detectors, rate, settings.dependence) for rate in settings.rates)
            for name in own
        }
        ranked = settings.values == "numeric"
        self._alarms = E_DETECTOR in settings.detectors
        # shown only: the threshold it would have if it alone alarmed
        bets = RankBets if ranked else ErrorBets
        self._bets: EBets = bets(rates.get(E_DETECTOR, settings.rates), settings.learn_from)
        self._named: dict[str, GroupDetector] = {}
        for name in settings.detectors:
            if name == "adwin":
                self._named[name] = AdwinOfGroups(rates[name])
            elif name == "page_hinkley":
                self._named[name] = PageHinkleyOfGroups(rates[name], ranked=ranked)
            elif name != E_DETECTOR:
                self._named[name] = RiverOfGroups(name, settings.river.get(name, {}))
        self._rows = 0

    def give_reference(self, row: int, column: int, reference: ErrorReference) -> None:
        """A group, new or restarted, is compared with this instead of its own first values.

        Raises ValueError when the group has a reference, or this one does not fit the kind of errors.
        """
        self._grow(row + 1)
        self._bets.give_reference(row, reference)
        for detector in self._named.values():
            detector.learnt(row, column, reference.total / reference.n)

    def restart(self, row: int) -> None:
        """The model of this group was replaced (trained anew): its errors are learnt from the next values."""
        if row < self._rows:
            self._bets.restart(row)
            for detector in self._named.values():
                detector.restart(row)

    def step(self, rows: I32, errors: F64, offsets: I64, event_ms: I64) -> list[Rise | Learnt]:
        """Take a batch of first matches; what is to be said, in the order of the stream, then of columns and detectors.

        rows: int32[k, G], the groups of each, -1 for none, one column for each of `rates`; errors: float64[k], values that
        are no error of this kind (NaN, neither 0 nor 1) are skipped; offsets, event_ms: int64[k], of the prediction.
        """
        if len(rows) and rows.shape[1] != len(self.settings.rates):
            raise ValueError(
                f"{rows.shape[1]} columns of groups, but {len(self.settings.rates)} rates: give one for each"
            )
        self._grow(int(rows.max(initial=-1)) + 1)
        usable = np.abs(errors) <= LARGEST_VALUE
        if self.settings.values == "binary":
            usable &= (errors == 0.0) | (errors == 1.0)
        said: list[Rise | Learnt] = []
        kept = np.flatnonzero(usable)
        for at in range(0, len(kept), BLOCK):
            said += self._block(kept[at : at + BLOCK], rows, errors, offsets, event_ms)
        return said

    def _block(self, at: I64, rows: I32, errors: F64, offsets: I64, event_ms: I64) -> list[Rise | Learnt]:
        own, values = np.ascontiguousarray(rows[at]), errors[at]
        hits, deviations = self._bets.run(own, values, offsets[at])
        found: list[Rise | Learnt] = []
        for hit in hits:
            i = int(at[hit.position])
            where = (int(offsets[i]), int(event_ms[i]))
            if hit.what != ROSE:
                found.append(Learnt(i, hit.column, hit.row, *where, hit.n, hit.mean))
                for detector in self._named.values():
                    detector.learnt(hit.row, hit.column, hit.mean)
            elif self._alarms:
                index = self.settings.detectors.index(E_DETECTOR)
                found.append(_rise(hit, i, index, where))
        for index, name in enumerate(self.settings.detectors):
            if name in self._named:
                for column, row, j, alarm in _runs(
                    self._named[name], own, values, self._bets.scaled(values), deviations
                ):
                    i = int(at[j])
                    key = (i, column, index, row, name, int(offsets[i]), int(event_ms[i]))
                    found.append(Rise(*key, alarm.statistic, alarm.threshold, alarm.n, None, 0, None))
        return sorted(found, key=_order)

    def _grow(self, rows: int) -> None:
        if rows > self._rows:
            self._rows = 1 << (rows - 1).bit_length()
            self._bets.grow(self._rows)
            for detector in self._named.values():
                detector.grow(self._rows)

    def parts(self) -> list[Part]:
        """The whole state, for the snapshot."""
        states = {name: detector.state() for name, detector in self._named.items()}
        data = msgspec.msgpack.encode((self._rows, self._bets.state(), states))
        return [Part(_PART, self.fingerprint, data)]

    @property
    def fingerprint(self) -> str:
        """What `parts` was shaped by."""
        return self.settings.fingerprint

    def restore(self, data: bytes) -> None:
        """Take over the data of a part of the same fingerprint."""
        self._rows, bets, states = msgspec.msgpack.decode(data, type=tuple[int, bytes, dict[str, bytes]])
        self._bets.restore(bets)
        for name, detector in self._named.items():
            detector.restore(states[name])


def _rise(hit: Hit, position: int, index: int, where: tuple[int, int]) -> Rise:
    return Rise(
        position=position,
        column=hit.column,
        detector_index=index,
        row=hit.row,
        detector=E_DETECTOR,
        offset=where[0],
        event_ms=where[1],
        statistic=hit.statistic,
        threshold=hit.threshold,
        n=hit.n,
        mean=hit.mean,
        reference_n=hit.reference_n,
        reference_mean=hit.reference_mean,
    )


def _order(said: Rise | Learnt) -> tuple[int, int, int]:
    return said.position, said.column, said.detector_index if isinstance(said, Rise) else -1


def _runs(
    detector: GroupDetector, rows: I32, values: F64, scaled: F64, deviations: F64
) -> list[tuple[int, int, int, Found]]:
    """The alarms of one detector in a block: column, row, position in the block, alarm."""
    found = []
    for column in range(rows.shape[1]):
        order = np.argsort(rows[:, column], kind="stable")
        groups, starts = np.unique(rows[order, column], return_index=True)
        for row, run in zip(groups.tolist(), np.split(order, starts[1:]), strict=True):
            if row >= 0:
                for alarm in detector.run(row, values[run], scaled[run], deviations[run, column]):
                    found.append((column, row, int(run[alarm.position]), alarm))
    return found
