"""What every online detector has in common, whoever wrote it.

A detector takes one value at a time, in order, and says at which of them it alarms. Parameters are given to `__init__`
and never change; everything else is state, and only `reset` and `restore` replace it.

Values that are NaN, infinite or beyond 1e100 in size are skipped: they change nothing and take no turn, so one broken
value can neither poison a running sum nor silence the detector. Positions still count them.

The numba kernels under the classes fill two arrays, both as long as there may be alarms in a run (more are counted, not
written): `hits`, the positions of the alarms in the run, and `evidence`, float64[len(hits), 4], one row an alarm:
statistic, threshold, number of values it rests on, number of those values since the change began (0 if not known).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol, TypeAlias, runtime_checkable

import msgspec

from driftline.processors.arrays import F64, I64
from driftline.processors.snapshot import Part, read_parts, write_parts
from driftline.schemas.errors import DamagedSnapshot

LARGEST_VALUE: Final = 1e100  # squares of it, summed over any window, still fit a float64
EVIDENCE_COLUMNS: Final = 4

Parameters: TypeAlias = Mapping[str, float | int | str | bool | None]

_PART: Final = "detector"


@runtime_checkable
class Detector(Protocol):
    """An online change detector over one stream of numbers."""

    def update(self, x: float) -> bool:
        """Take one value; whether the detector alarms at it."""

    def update_many(self, values: F64) -> I64:
        """Take float64[n] in order, as n times `update` would; the positions of the alarms in `values`, ascending."""

    @property
    def statistic(self) -> float:
        """What is compared with `threshold`, after the last value taken; if that one alarmed, what made it alarm."""

    @property
    def threshold(self) -> float:
        """What `statistic` is compared with."""

    def reset(self) -> None:
        """Back to the state right after `__init__`."""

    def snapshot(self) -> bytes:
        """The whole state. Later changes of the detector do not change the bytes."""

    def restore(self, snapshot: bytes) -> None:
        """Take over the state of a detector of the same kind and parameters.

        Raises DamagedSnapshot, and leaves the detector as it was, for anything else.
        """


class Evidence(NamedTuple):
    """Why a detector stands where it stands; one row of a kernel's `evidence`."""

    statistic: float
    threshold: float
    n: float
    n_since_change: float


def write_snapshot(name: str, parameters: Parameters, state: bytes) -> bytes:
    """`state` with a checksum and the fingerprint of the parameters that shaped it."""
    return write_parts([Part(_PART, _fingerprint(name, parameters), state)])


def read_snapshot(name: str, parameters: Parameters, snapshot: bytes) -> bytes:
    """The state given to `write_snapshot` under the same name and parameters. Raises DamagedSnapshot otherwise."""
    usable, unusable = read_parts(snapshot, {_PART: _fingerprint(name, parameters)}.get)
    if _PART in usable:
        return usable[_PART]
    why = unusable[0].reason if unusable else "it holds no detector"
    raise DamagedSnapshot(
        f"cannot restore {name}({_shown(parameters)}): {why}. "
        "Restore with the detector and the parameters that wrote the snapshot, or start afresh with reset()"
    )


def _fingerprint(name: str, parameters: Parameters) -> str:
    canonical = msgspec.json.encode([name, dict(parameters)], order="deterministic")
    return hashlib.blake2b(canonical, digest_size=16).hexdigest()


def _shown(parameters: Parameters) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in parameters.items())
