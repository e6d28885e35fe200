"""The way back: a monitor takes its state from the parts that `monitor_parts` listed.

Parts whose shape was another one are left out by `select` and named in health notices; those that depend on them are left
out too. A part that fits and cannot be read is a fault of what kept it: DamagedSnapshot.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from driftline.processors.monitor_parts import IdBlock, Said
from driftline.processors.part_fingerprints import PartFingerprints
from driftline.processors.reference.profile import Reference, decode_reference
from driftline.processors.scope import Scope
from driftline.processors.scope_parts import ScopeIndex
from driftline.processors.segments import WHOLE_MODEL, Segment
from driftline.processors.snapshot import Unusable, unpack_arrays
from driftline.processors.state import DetectorState, WindowState, arrays_of, rows_per_block
from driftline.schemas.errors import BadReference, DamagedSnapshot
from driftline.schemas.events import Prediction

if TYPE_CHECKING:
    from driftline.processors.monitor import Monitor

Select: TypeAlias = Callable[[Callable[[str], str | None]], tuple[dict[str, bytes], list[Unusable]]]
"""From the fingerprint that each part should have (None: no such part is wanted) to the usable parts and the others."""

Decoded = TypeVar("Decoded")


def restore(monitor: Monitor, select: Select) -> None:
    """Put the state into a fresh monitor. Raises DamagedSnapshot for a part that cannot be read."""
    # A learnt reference comes first: it decides what the other parts must have been shaped by.
    learnt, _ = select(lambda name: PartFingerprints(monitor).of(name) if name == "learnt" else None)
    if "learnt" in learnt and monitor.scopes[0].reference is None:
        monitor.use_learnt(_reference(learnt["learnt"]))
    parts, unusable = select(PartFingerprints(monitor).of)
    if "clock" not in parts:  # counts without the panes they belong to would turn up in windows of another time
        for name in [name for name in parts if name.startswith(("windows/", "unknown/"))]:
            del parts[name]
            unusable.append(Unusable(name, "the clock that its windows belong to starts afresh"))
    for name, reason in dict.fromkeys((_group(part.name), part.reason) for part in unusable):
        monitor.notices.part_restarted(name, reason)
    if "clock" in parts:
        arrays = _arrays("clock", parts["clock"])
        _fill("clock", monitor.admission.clock, arrays.get("clock"))
        _fill("clock", monitor.admission.open_panes, arrays.get("open"))
        _fill("clock", monitor.windows.longer_starts, arrays.get("longer"))
    if "said" in parts:
        _take_said(monitor, _decoded("said", parts["said"], Said))
    _take_ids(monitor, parts)
    if monitor.scopes[0].reference is None:
        for data in _numbered(parts, "learning"):
            monitor.learnt_rows += _decoded("learning", data, list[Prediction])
    for scope in monitor.scopes:
        _take_scope(scope, parts)


def _take_said(monitor: Monitor, said: Said) -> None:
    monitor.counters = said.counters
    monitor.notices.late_count, monitor.notices.late_span_ms = said.late_count, said.late_span_ms
    monitor.notices.reasons = said.reasons
    monitor.notices.health[:0] = said.health
    monitor.cut_windows = set(said.cut_windows)
    monitor.versions_seen = set(said.versions_seen)
    monitor.rate_checked = said.rate_checked


def _take_ids(monitor: Monitor, parts: dict[str, bytes]) -> None:
    """Blocks may hold ids that had been forgotten: those come first, and the newest are kept."""
    blocks = sorted((_decoded("ids", data, IdBlock) for data in _numbered(parts, "ids")), key=lambda block: block.first)
    if not blocks:
        return
    if any(len(block.keys) % 8 for block in blocks):
        raise _unreadable("ids", "it does not hold whole ids")
    keys = np.concatenate([np.frombuffer(block.keys, "<u8").astype(np.uint64) for block in blocks])
    monitor.admission.duplicates.restore(keys, blocks[-1].first + len(blocks[-1].keys) // 8)


def _take_scope(scope: Scope, parts: dict[str, bytes]) -> None:
    name = f"segments/{scope.version}"
    if name not in parts:
        return
    index = _decoded(name, parts[name], ScopeIndex)
    segments = [Segment(*segment) for segment in index.segments]
    sets = {*(segment.set_index for segment in segments[1:]), *(at for at, _ in index.capped)}
    if segments[:1] != [Segment(WHOLE_MODEL, "")] or not sets <= set(range(len(scope.rows.sets))):
        raise _unreadable(name, "its segments are of sets that there are not")
    scope.rows.restore(segments)
    scope.rows.capped = dict(index.capped)
    scope.quality.open = set(index.violations)
    scope.make_room()
    name = f"unknown/{scope.version}"
    if name in parts:
        unknown = _decoded(name, parts[name], list[dict[str, int]])
        if len(unknown) != len(scope.unknown.slots):
            raise _unreadable(name, f"it is of {len(unknown)} windows, not {len(scope.unknown.slots)}")
        scope.unknown.slots = unknown
    for kind, state in (("windows", scope.window_state), ("detectors", scope.detectors)):
        per_block = rows_per_block(state)
        for block, start in enumerate(range(0, len(scope.rows), per_block)):
            name = f"{kind}/{scope.version}/{block}"
            if name in parts:
                stop = min(start + per_block, len(scope.rows))
                _take_rows(name, state, slice(start, stop), _arrays(name, parts[name]))


def _take_rows(name: str, state: WindowState | DetectorState, rows: slice, arrays: dict[str, Any]) -> None:
    for field, array in arrays_of(state):
        _fill(name, array[rows], arrays.get(field))


def _fill(name: str, into: NDArray[Any], array: NDArray[Any] | None) -> None:
    if array is None or array.shape != into.shape or array.dtype != into.dtype:
        raise _unreadable(name, f"it has no {into.dtype} array of shape {into.shape} where one should be")
    into[:] = array


def _numbered(parts: dict[str, bytes], kind: str) -> list[bytes]:
    """The blocks of this kind, by number."""
    numbers = (name.removeprefix(f"{kind}/") for name in parts if name.startswith(f"{kind}/"))
    return [parts[f"{kind}/{number}"] for number in sorted(numbers, key=lambda number: (len(number), number))]


def _group(name: str) -> str:
    """A part without its number: what is said once of all its blocks. Unknown names belong to their windows."""
    kind, _, rest = name.partition("/")
    if kind == "unknown":
        return f"windows/{rest}"
    if kind in ("windows", "detectors"):
        return f"{kind}/{rest.rpartition('/')[0]}"
    return kind if kind in ("ids", "learning") else name


def _arrays(name: str, data: bytes) -> dict[str, NDArray[np.generic]]:
    try:
        return unpack_arrays(data)
    except (msgspec.MsgspecError, ValueError) as error:
        raise _unreadable(name, str(error)) from error


def _decoded(name: str, data: bytes, type_: type[Decoded]) -> Decoded:
    try:
        return msgspec.msgpack.decode(data, type=type_)
    except (msgspec.MsgspecError, ValueError) as error:
        raise _unreadable(name, str(error)) from error


def _reference(data: bytes) -> Reference:
    try:
        return decode_reference(data)
    except BadReference as error:
        raise _unreadable("learnt", str(error)) from error


def _unreadable(name: str, why: str) -> DamagedSnapshot:
    return DamagedSnapshot(f"the part {name!r} of the state cannot be read ({why}): take an older snapshot")
