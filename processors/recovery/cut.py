"""One cut of a whole partition: the state at one pair of offsets, in parts that can be written one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from driftline.schemas.inputs import Input


class PartName(NamedTuple):
    """`model` "" is the partition itself."""

    model: str
    name: str


@dataclass(frozen=True, slots=True)
class CutPart:
    """One part. `fingerprint` names the parameters that shaped it.

    `encode` makes its bytes from copies taken at the cut, so it may run later and on another thread; None: nothing has
    changed since the cut before, whose bytes still hold.
    """

    name: PartName
    fingerprint: str
    encode: Callable[[], bytes] | None


@dataclass(frozen=True, slots=True)
class Cut:
    """`next_offsets`: of each input, the first offset that is not in the state. `models` in the order they were met.

    `parts` lists every part of the state, changed or not, in a fixed order.
    """

    partition: int
    next_offsets: Mapping[Input, int]
    models: tuple[str, ...]
    parts: tuple[CutPart, ...]


class StoredPart(NamedTuple):
    """What a snapshot gives back for one part."""

    fingerprint: str
    data: bytes


@dataclass(frozen=True, slots=True)
class StoredCut:
    """A cut as it was read back: whole, or it would not have been chosen."""

    partition: int
    next_offsets: Mapping[Input, int]
    models: tuple[str, ...]
    parts: Mapping[PartName, StoredPart]
