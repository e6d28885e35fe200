"""The protocol as the simulated workers use it: each step can be replaced by a broken one, to see that it is noticed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from driftline.processors.recovery.cut import StoredCut
from driftline.processors.recovery.ownership import Held, Keeping, keeping
from driftline.processors.recovery.persist import Persisted, Ports, State, persist
from driftline.processors.recovery.restore import ReadBack, SnapshotLog, read_back
from driftline.processors.recovery.writer import SnapshotWriter
from driftline.schemas.inputs import Input


def best(found: ReadBack, committed: Mapping[Input, int]) -> StoredCut | None:
    """The cut to go on from. The committed offsets have no say in it."""
    return found.cuts[0] if found.cuts else None


def own_epoch(partition: int, random_hex: str) -> str:
    return random_hex


@dataclass(frozen=True)
class Variant:
    """The steps of the protocol."""

    persist: Callable[[State, SnapshotWriter, Ports], Coroutine[Any, Any, Persisted]] = persist
    writer: type[SnapshotWriter] = SnapshotWriter
    read_back: Callable[[int, SnapshotLog, Mapping[Input, int]], Awaitable[ReadBack]] = read_back
    keeping: Callable[[Held | None, int, Mapping[Input, int]], Keeping] = keeping
    best: Callable[[ReadBack, Mapping[Input, int]], StoredCut | None] = best
    epoch: Callable[[int, str], str] = own_epoch


SOUND = Variant()
