"""Hashes of a specification: what was configured, and what shaped the state.

Both are BLAKE2b with 128 bits over canonical JSON (sorted names, no spaces), as hexadecimal text. They depend neither
on the order of the file nor on the machine: paths of references are left out, because every window carries the hash of
the reference's content.
"""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Final, Literal

from driftline.config.model_spec import ModelSpec
from driftline.config.plain import plain

StatePart = Literal["windows", "detectors", "duplicates"]

_NOT_HASHED: Final = frozenset({"reference", "references_by_version"})

# What decides which value an event adds to which pane of which segment, and when that pane closes.
_WINDOWS: Final = (
    "name",
    "task",
    "windows_ms",
    "segments",
    "segments_max",
    "lateness_ms",
    "idle_after_ms",
    "future_tolerance_ms",
    "learn_from",
    "fields",
)
_SHAPED_BY: Final[Mapping[StatePart, tuple[str, ...]]] = {
    "windows": _WINDOWS,
    # Detectors run within the same segments and fields, in log order: neither panes nor lateness touch their state.
    "detectors": (
        "name",
        "task",
        "segments",
        "segments_max",
        "learn_from",
        "fields",
        "detectors",
        "false_alarms",
        "events_per_week",
    ),
    "duplicates": ("name", "dedup"),
}


def config_hash(spec: ModelSpec) -> str:
    """Hash of everything that is configured for a model: 32 hexadecimal digits."""
    names = (field.name for field in dataclasses.fields(spec))
    return _hash(spec, (name for name in names if name not in _NOT_HASHED))


def shape_fingerprint(spec: ModelSpec, part: StatePart | None = None) -> str:
    """Hash of the settings that shape one part of the state, or (None) any part of it: 32 hexadecimal digits.

    State that was shaped by other settings cannot be continued: the part starts afresh.
    """
    parts = _SHAPED_BY.values() if part is None else [_SHAPED_BY[part]]
    return _hash(spec, {name for names in parts for name in names})


def _hash(spec: ModelSpec, names: Iterable[str]) -> str:
    shown = {name: plain(getattr(spec, name)) for name in names}
    canonical = json.dumps(shown, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.blake2b(canonical.encode("ascii"), digest_size=16).hexdigest()
