"""The state of a monitor as named parts, of which those that did not change need not be written again.

    clock                       record and event time, open windows
    said                        counters, and what has been gathered and not been said
    ids/<n>                     remembered ids, in blocks by the number at which each was first seen
    learning/<n>                events gathered for a reference, in blocks
    learnt                      the reference made of them
    segments/<version>          which segment has which row of the state arrays; quality alerts that are open
    unknown/<version>           unknown names in open windows
    windows/<version>/<n>       sketches of open windows, in blocks of rows
    detectors/<version>/<n>     state of the online detectors, in blocks of rows

Large parts are copied when they are taken and encoded later, maybe on another thread; small ones are encoded at once and
compared with their bytes before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from driftline.processors.arrays import U64
from driftline.processors.counters import Counters
from driftline.processors.duplicates import DuplicateFilter
from driftline.processors.part_fingerprints import PartFingerprints
from driftline.processors.recovery.cut import CutPart, PartName
from driftline.processors.reference.profile import Reference, encode_reference
from driftline.processors.scope import Scope
from driftline.processors.scope_parts import ScopeParts
from driftline.processors.snapshot import pack_arrays
from driftline.schemas.events import Prediction
from driftline.schemas.rejections import RejectionReason
from driftline.schemas.signals import Health

if TYPE_CHECKING:
    from driftline.processors.monitor import Monitor

IDS_PER_BLOCK: Final = 8_192
"""64 KiB. New ids are written, and those of their block before them; old ones are not, however many are remembered."""

LEARNING_ROWS_PER_BLOCK: Final = 64
"""Some 64 KiB where an event has 20 features."""


class Said(msgspec.Struct, frozen=True):
    """What has been gathered and not been said, and counters."""

    counters: Counters
    late_count: int
    late_span_ms: list[int]
    reasons: dict[RejectionReason, int]
    health: list[Health]
    cut_windows: list[tuple[int, int]]
    versions_seen: list[str]
    rate_checked: bool


class IdBlock(msgspec.Struct, array_like=True, frozen=True):
    """Ids with consecutive numbers from `first` on: uint64, little-endian. Some may have been forgotten since."""

    first: Annotated[int, Meta(ge=0, le=2**62)]
    keys: bytes


class MonitorParts:
    """Lists the parts of one monitor and knows which changed since it listed them last; at first, all have."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._fingerprints = PartFingerprints(monitor)
        self._scopes: dict[str, ScopeParts] = {}
        self._small: dict[str, bytes] = {}
        self._ids_seen = -1
        self._rows: tuple[list[Prediction], int] | None = None
        self._learnt: Reference | None = None

    def take(self) -> list[CutPart]:
        """Every part, in a fixed order; `encode` None: unchanged since the call before."""
        monitor = self._monitor
        scopes = [self._scope(scope) for scope in monitor.scopes]
        parts = [self._clock(), self._small_part("said", msgspec.msgpack.encode(_said(monitor)))]
        parts += self._ids(monitor.admission.duplicates)
        parts += self._learning(monitor.learnt_rows)
        if monitor.learnt is not None:
            changed = monitor.learnt is not self._learnt
            self._learnt = monitor.learnt
            parts.append(self._part("learnt", partial(encode_reference, monitor.learnt) if changed else None))
        for scope in scopes:
            parts += scope.take()
            parts.append(self._unknown(scope.scope))
        return parts

    def _scope(self, scope: Scope) -> ScopeParts:
        """What is known of the scope; nothing of one that has begun anew with the reference that was learnt."""
        known = self._scopes.get(scope.version)
        if known is None or known.scope is not scope:
            self._fingerprints = PartFingerprints(self._monitor)
            known = self._scopes[scope.version] = ScopeParts(scope, self._fingerprints)
        return known

    def _clock(self) -> CutPart:
        admission, windows = self._monitor.admission, self._monitor.windows
        arrays = {"clock": admission.clock, "open": admission.open_panes, "longer": windows.longer_starts}
        return self._small_part("clock", pack_arrays(arrays))

    def _unknown(self, scope: Scope) -> CutPart:
        names = [dict(sorted(names.items())) for names in scope.unknown.slots]
        return self._small_part(f"unknown/{scope.version}", msgspec.msgpack.encode(names))

    def _ids(self, ids: DuplicateFilter) -> Iterator[CutPart]:
        """Block b holds the numbers from b x IDS_PER_BLOCK on. Its place in the snapshot is used again once all of them
        have been forgotten.
        """
        places = (ids.limit + IDS_PER_BLOCK - 2) // IDS_PER_BLOCK + 1
        first, stop, seen = ids.first_number, ids.next_number, self._ids_seen
        self._ids_seen = stop
        for block in range(first // IDS_PER_BLOCK, -(-stop // IDS_PER_BLOCK)):
            start, end = max(first, block * IDS_PER_BLOCK), min(stop, (block + 1) * IDS_PER_BLOCK)
            encode = partial(_encode_ids, start, ids.numbered(start, end)) if end > seen else None
            yield self._part(f"ids/{block % places}", encode)

    def _learning(self, rows: list[Prediction]) -> Iterator[CutPart]:
        """Rows are only ever added; another list holds other rows."""
        taken = self._rows[1] if self._rows is not None and self._rows[0] is rows else 0
        self._rows = (rows, len(rows))
        for block, start in enumerate(range(0, len(rows), LEARNING_ROWS_PER_BLOCK)):
            stop = min(start + LEARNING_ROWS_PER_BLOCK, len(rows))
            encode = partial(msgspec.msgpack.encode, rows[start:stop]) if stop > taken else None
            yield self._part(f"learning/{block}", encode)

    def _small_part(self, name: str, data: bytes) -> CutPart:
        changed = self._small.get(name) != data
        self._small[name] = data
        return self._part(name, (lambda: data) if changed else None)

    def _part(self, name: str, encode: Callable[[], bytes] | None) -> CutPart:
        fingerprint = self._fingerprints.of(name)
        assert fingerprint is not None, name
        return CutPart(PartName(self._monitor.spec.name, name), fingerprint, encode)


def _said(monitor: Monitor) -> Said:
    notices = monitor.notices
    return Said(
        monitor.counters,
        notices.late_count,
        notices.late_span_ms,
        dict(sorted(notices.reasons.items())),
        notices.health,
        sorted(monitor.cut_windows),
        sorted(monitor.versions_seen),
        monitor.rate_checked,
    )


def _encode_ids(first: int, keys: U64) -> bytes:
    return msgspec.msgpack.encode(IdBlock(first, keys.astype("<u8").tobytes()))
