"""The rows of a scope as parts, of which those that did not change need not be written again.

What changed is found by comparing, so that the hot path marks nothing: a row has changed when its segment has seen events
(`DetectorState.seen` counts them anyway) or one of its windows has closed. Changed rows are copied when they are taken and
encoded later, maybe on another thread.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from driftline.processors.arrays import I64
from driftline.processors.part_fingerprints import PartFingerprints
from driftline.processors.recovery.cut import CutPart, PartName
from driftline.processors.scope import Scope
from driftline.processors.segments import Segment
from driftline.processors.snapshot import pack_arrays
from driftline.processors.state import DetectorState, WindowState, arrays_of, rows_per_block

Arrays: TypeAlias = dict[str, NDArray[np.generic]]


class ScopeIndex(msgspec.Struct, frozen=True):
    """Which segment has which row, the sets that are full (see SegmentRows) and the quality alerts that are open."""

    segments: list[tuple[int, str]]
    capped: list[tuple[int, bool]]
    violations: list[tuple[str, str, str]]


class ScopeParts:
    """The parts of one scope; at first, all of them have changed."""

    def __init__(self, scope: Scope, fingerprints: PartFingerprints) -> None:
        self.scope = scope
        self._fingerprints = fingerprints
        self._index: tuple[int, list[tuple[int, bool]], list[tuple[str, str, str]]] | None = None
        self._seen: I64 = np.zeros(0, np.int64)
        self._closings: I64 = np.zeros(0, np.int64)
        self._unchanged: dict[str, list[CutPart]] = {"windows": [], "detectors": []}

    def take(self) -> list[CutPart]:
        """The index, then windows and detectors by block."""
        scope, n = self.scope, len(self.scope.rows)
        seen, closings = scope.detectors.seen[:n].copy(), scope.closings[:n].copy()
        counted = _differs(self._seen, seen)
        closed = _differs(self._closings, closings)
        self._seen, self._closings = seen, closings
        return [
            self._index_part(),
            *self._blocks("windows", scope.window_state, counted | closed),
            *self._blocks("detectors", scope.detectors, counted),
        ]

    def _index_part(self) -> CutPart:
        scope, before = self.scope, self._index
        capped, violations = sorted(scope.rows.capped.items()), sorted(scope.quality.open)
        self._index = (len(scope.rows), capped, violations)  # rows are only ever added
        same = self._index == before
        encode = None if same else partial(_encode_index, scope.rows.segments.copy(), capped, violations)
        return self._part(f"segments/{scope.version}", encode)

    def _blocks(self, kind: str, state: WindowState | DetectorState, changed: NDArray[np.bool_]) -> list[CutPart]:
        """Rows in blocks; `changed`: bool[rows]."""
        known = self._unchanged[kind]
        if not changed.any():
            return known
        per_block = rows_per_block(state)
        for block in range(len(known), -(-len(changed) // per_block)):
            known.append(self._part(f"{kind}/{self.scope.version}/{block}", None))
        parts = known.copy()
        blocks = np.unique(np.flatnonzero(changed) // per_block)
        rows = (blocks[:, None] * per_block + np.arange(per_block)).ravel()
        rows = rows[rows < len(changed)]
        copies: Arrays = {name: array[rows] for name, array in arrays_of(state)}
        for i, block in enumerate(blocks.tolist()):
            own = slice(i * per_block, (i + 1) * per_block)
            parts[block] = CutPart(parts[block].name, parts[block].fingerprint, partial(_encode_rows, copies, own))
        return parts

    def _part(self, name: str, encode: Callable[[], bytes] | None) -> CutPart:
        fingerprint = self._fingerprints.of(name)
        assert fingerprint is not None, name
        return CutPart(PartName(self.scope.spec.name, name), fingerprint, encode)


def _differs(before: I64, now: I64) -> NDArray[np.bool_]:
    """bool[len(now)]: where the two are not equal; rows that are new are not."""
    differs = np.ones(len(now), np.bool_)
    differs[: len(before)] = before != now[: len(before)]
    return differs


def _encode_rows(copies: Arrays, own: slice) -> bytes:
    return pack_arrays({name: array[own] for name, array in copies.items()})


def _encode_index(
    segments: list[Segment], capped: list[tuple[int, bool]], violations: list[tuple[str, str, str]]
) -> bytes:
    return msgspec.msgpack.encode(ScopeIndex([(s.set_index, s.label) for s in segments], capped, violations))
