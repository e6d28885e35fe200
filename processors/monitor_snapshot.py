"""What a monitor writes into a snapshot and takes out of it again.

Parts are cut so that what did not change need not be written again, and so that a changed setting restarts only what it
shaped: the clock, the duplicate filter, and per scope its segments, then windows and detectors in blocks of rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from driftline.config.fingerprint import shape_fingerprint
from driftline.processors.counters import Counters
from driftline.processors.reference.profile import decode_reference, encode_reference
from driftline.processors.scope import Scope
from driftline.processors.segments import Segment
from driftline.processors.signal_ids import digest
from driftline.processors.snapshot import Part, Unusable, pack_arrays, read_parts, unpack_arrays, write_parts
from driftline.processors.state import DetectorState, WindowState, arrays_of
from driftline.schemas.events import Prediction
from driftline.schemas.rejections import RejectionReason
from driftline.schemas.signals import Health

if TYPE_CHECKING:
    from driftline.processors.monitor import Monitor

ROWS_PER_BLOCK: Final = 64
"""Segments in one part: small enough that one busy segment does not rewrite thousands of idle ones."""


class _Said(msgspec.Struct, frozen=True):
    """What has been gathered and not been said, and counters."""

    counters: Counters
    late_count: int
    late_span_ms: list[int]
    reasons: dict[RejectionReason, int]
    health: list[Health]
    cut_windows: list[tuple[int, int]]
    versions_seen: list[str]
    rate_checked: bool


class _ScopeIndex(msgspec.Struct, frozen=True):
    """Rows of the state arrays and what belongs to the whole scope."""

    segments: list[tuple[int, str]]
    unknown: list[dict[str, int]]
    violations: list[tuple[str, str, str]]


def write(monitor: Monitor) -> bytes:
    """The whole state. Equal states give equal bytes."""
    admission, fingerprints = monitor.admission, _Fingerprints(monitor)
    clock = pack_arrays(
        {"clock": admission.clock, "open": admission.open_panes, "longer": monitor.windows.longer_starts}
    )
    parts = [("clock", clock), ("said", msgspec.msgpack.encode(_said(monitor)))]
    parts.append(("ids", pack_arrays({"keys": admission.duplicates.keys()})))
    if monitor.learnt_rows:
        parts.append(("learning", msgspec.msgpack.encode(monitor.learnt_rows)))
    if monitor.learnt is not None:
        parts.append(("learnt", encode_reference(monitor.learnt)))
    for scope in monitor.scopes:
        parts.append((f"segments/{scope.version}", msgspec.msgpack.encode(_index(scope))))
        for kind, state in (("windows", scope.window_state), ("detectors", scope.detectors)):
            for block, start in enumerate(range(0, len(scope.rows), ROWS_PER_BLOCK)):
                stop = min(start + ROWS_PER_BLOCK, len(scope.rows))
                packed = pack_arrays({name: array[start:stop] for name, array in arrays_of(state)})
                parts.append((f"{kind}/{scope.version}/{block}", packed))
    return write_parts([Part(name, fingerprints.of(name) or "", data) for name, data in parts])


def read(monitor: Monitor, snapshot: bytes) -> None:
    """Put the state of a snapshot into a fresh monitor; parts that do not fit are named in health notices."""
    # A learnt reference comes first: it decides what the other parts must have been shaped by.
    learnt, _ = read_parts(snapshot, lambda name: _Fingerprints(monitor).of(name) if name == "learnt" else None)
    if "learnt" in learnt and monitor.scopes[0].reference is None:
        monitor.use_learnt(decode_reference(learnt["learnt"]))
    parts, unusable = read_parts(snapshot, _Fingerprints(monitor).of)
    if "clock" not in parts:  # counts without the panes they belong to would turn up in windows of another time
        for name in [name for name in parts if name.startswith("windows/")]:
            del parts[name]
            unusable.append(Unusable(name, "the clock that its windows belong to starts afresh"))
    for part in unusable:
        monitor.notices.part_restarted(part.name, part.reason)
    if "clock" in parts:
        arrays = unpack_arrays(parts["clock"])
        monitor.admission.clock[:] = arrays["clock"]
        monitor.admission.open_panes[:] = arrays["open"]
        monitor.windows.longer_starts[:] = arrays["longer"]
    if "said" in parts:
        _take_said(monitor, msgspec.msgpack.decode(parts["said"], type=_Said))
    if "ids" in parts:
        monitor.admission.duplicates.restore(unpack_arrays(parts["ids"])["keys"])  # type: ignore[arg-type]
    if "learning" in parts and monitor.scopes[0].reference is None:
        monitor.learnt_rows = msgspec.msgpack.decode(parts["learning"], type=list[Prediction])
    for scope in monitor.scopes:
        _take_scope(scope, parts)


class _Fingerprints:
    """What shaped each part: settings and references, never a time or a place."""

    def __init__(self, monitor: Monitor) -> None:
        spec = monitor.spec
        self._clock = digest("clock", *spec.windows_ms, spec.lateness_ms, spec.idle_after_ms, spec.future_tolerance_ms)
        # counters and remembered ids mean the same under any setting: a smaller memory keeps the newest ids
        self._model = digest("model", spec.name)
        self._windows = digest(self._clock, shape_fingerprint(spec, "windows"))
        self._learning = digest("learning", spec.learn_from)
        self._scopes = {scope.version: scope for scope in monitor.scopes}

    def of(self, name: str) -> str | None:
        """The fingerprint of a part by its name, None for a part that is not wanted."""
        kind, _, rest = name.partition("/")
        fixed = {"clock": self._clock, "said": self._model, "ids": self._model, "learning": self._learning}
        if kind in fixed or kind == "learnt":
            return fixed.get(kind, self._learning)
        scope = self._scopes.get(rest if kind == "segments" else rest.rpartition("/")[0])
        if scope is None:
            return None
        sets = [digest(*keys) for keys in scope.spec.segments]
        shape = digest(scope.reference_hash, scope.spec.segments_max, *sets, *scope.tables.names)
        return {
            "segments": shape,
            "windows": digest("windows", shape, self._windows, *_layout(scope.window_state)),
            "detectors": digest("detectors", shape, scope.thresholds.fingerprint, *_layout(scope.detectors)),
        }.get(kind)


def _layout(state: WindowState | DetectorState) -> list[str]:
    """Names, types and shapes of a row's arrays: another release may keep other ones."""
    return [f"{name} {array.dtype.str} {array.shape[1:]}" for name, array in arrays_of(state)]


def _said(monitor: Monitor) -> _Said:
    notices = monitor.notices
    return _Said(
        monitor.counters,
        notices.late_count,
        notices.late_span_ms,
        dict(sorted(notices.reasons.items())),
        notices.health,
        sorted(monitor.cut_windows),
        sorted(monitor.versions_seen),
        monitor.rate_checked,
    )


def _take_said(monitor: Monitor, said: _Said) -> None:
    monitor.counters = said.counters
    monitor.notices.late_count, monitor.notices.late_span_ms = said.late_count, said.late_span_ms
    monitor.notices.reasons = said.reasons
    monitor.notices.health[:0] = said.health
    monitor.cut_windows = set(said.cut_windows)
    monitor.versions_seen = set(said.versions_seen)
    monitor.rate_checked = said.rate_checked


def _index(scope: Scope) -> _ScopeIndex:
    segments = [(segment.set_index, segment.label) for segment in scope.rows.segments]
    unknown = [dict(sorted(names.items())) for names in scope.unknown.slots]
    return _ScopeIndex(segments, unknown, sorted(scope.quality.open))


def _take_scope(scope: Scope, parts: dict[str, bytes]) -> None:
    data = parts.get(f"segments/{scope.version}")
    if data is None:
        return
    index = msgspec.msgpack.decode(data, type=_ScopeIndex)
    scope.rows.restore([Segment(*segment) for segment in index.segments])
    if f"windows/{scope.version}/0" in parts:
        scope.unknown.slots = index.unknown
    scope.quality.open = set(index.violations)
    scope.make_room()
    for kind, state in (("windows", scope.window_state), ("detectors", scope.detectors)):
        for block, start in enumerate(range(0, len(scope.rows), ROWS_PER_BLOCK)):
            packed = parts.get(f"{kind}/{scope.version}/{block}")
            if packed is not None:
                _take_rows(state, start, unpack_arrays(packed))


def _take_rows(state: WindowState | DetectorState, start: int, arrays: dict[str, Any]) -> None:
    for name, array in arrays_of(state):
        rows = arrays[name]
        array[start : start + len(rows)] = rows
