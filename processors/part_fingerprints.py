"""What shaped each part of a monitor's state: settings and references, never a time or a place.

A part that was shaped by other settings cannot be continued: it starts afresh, and the others go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftline.config.fingerprint import shape_fingerprint
from driftline.processors.scope import Scope
from driftline.processors.signal_ids import digest
from driftline.processors.state import DetectorState, WindowState, arrays_of, rows_per_block

if TYPE_CHECKING:
    from driftline.processors.monitor import Monitor


class PartFingerprints:
    """Those of one monitor, as it is now: a reference that is learnt makes new ones."""

    def __init__(self, monitor: Monitor) -> None:
        spec = monitor.spec
        clock = digest("clock", *spec.windows_ms, spec.lateness_ms, spec.idle_after_ms, spec.future_tolerance_ms)
        # counters and remembered ids mean the same under any setting: a smaller memory keeps the newest ids
        model, learning = digest("model", spec.name), digest("learning", spec.learn_from)
        self._of_kind = {"clock": clock, "said": model, "ids": model, "learning": learning, "learnt": learning}
        windows = digest(clock, shape_fingerprint(spec, "windows"))
        self._of_scope = {scope.version: _of_scope(scope, windows) for scope in monitor.scopes}

    def of(self, name: str) -> str | None:
        """The fingerprint of a part by its name (see `monitor_parts`), None for a part that is not wanted."""
        kind, _, rest = name.partition("/")
        if kind in self._of_kind:
            return self._of_kind[kind]
        version = rest.rpartition("/")[0] if kind in ("windows", "detectors") else rest
        return self._of_scope.get(version, {}).get(kind)

    def of_scope(self, version: str) -> dict[str, str]:
        """By kind of part, for the parts of one scope."""
        return self._of_scope[version]


def _of_scope(scope: Scope, windows: str) -> dict[str, str]:
    sets = [digest(*keys) for keys in scope.spec.segments]
    shape = digest(scope.reference_hash, scope.spec.segments_max, *sets, *scope.tables.names)
    return {
        "segments": shape,
        "unknown": digest("unknown", shape, windows),
        "windows": digest("windows", shape, windows, *_layout(scope.window_state)),
        "detectors": digest("detectors", shape, scope.thresholds.fingerprint, *_layout(scope.detectors)),
    }


def _layout(state: WindowState | DetectorState) -> list[str]:
    """Names, types and shapes of a row's arrays, and how many rows a block has: another release may keep other ones."""
    arrays = [f"{name} {array.dtype.str} {array.shape[1:]}" for name, array in arrays_of(state)]
    return [*arrays, f"{rows_per_block(state)} rows"]
