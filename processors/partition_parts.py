"""The parts of a whole partition: its own small state under the model "", and those of every monitor."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated

import msgspec
from msgspec import Meta

from driftline.processors.counters import Counters
from driftline.processors.monitor_parts import MonitorParts
from driftline.processors.monitor_restore import restore
from driftline.processors.outcomes import side_state
from driftline.processors.outcomes.marks import Place
from driftline.processors.partition import Partition
from driftline.processors.recovery.cut import CutPart, PartName, StoredCut
from driftline.processors.signal_ids import digest
from driftline.processors.snapshot import Part, fitting_parts
from driftline.schemas.errors import DamagedSnapshot
from driftline.schemas.inputs import Input
from driftline.schemas.rejections import RejectionReason

_OWN = PartName("", "partition")
_FINGERPRINT = digest("partition", 1)
_ALWAYS_THERE = frozenset({"clock", "said", "segments/"})


class PartitionState(msgspec.Struct, frozen=True, kw_only=True):
    """What belongs to no model. `record_ms`: running maximum of each log's record time; the rest as in LogPartition."""

    record_ms: dict[Input, Annotated[int, Meta(ge=-(2**62), le=2**62)] | None]
    skipped: dict[Input, int]
    create_time: list[Input]
    rejected: dict[RejectionReason, int]
    labels: dict[str, int]
    undecodable: Counters
    filtered: Counters
    models_capped: bool


class PartitionParts:
    """Lists the parts of a partition and knows which changed since it listed them last; at first, all have."""

    def __init__(self, models: Partition) -> None:
        self._models = models
        self._own: bytes | None = None
        self._monitors: dict[str, MonitorParts] = {}
        self._outcomes: dict[PartName, bytes] = {}

    def take(self, own: PartitionState) -> list[CutPart]:
        """Every part, in a fixed order; `encode` None: unchanged since the call before."""
        data, before = msgspec.msgpack.encode(own), self._own
        self._own = data
        parts = [CutPart(_OWN, _FINGERPRINT, None if data == before else (lambda: data))]
        for model, monitor in self._models.monitors.items():
            known = self._monitors.get(model)
            if known is None:
                known = self._monitors[model] = MonitorParts(monitor)
            parts += known.take()
        return [*parts, *self._take_outcomes()]

    def _take_outcomes(self) -> Iterator[CutPart]:
        if self._models.outcomes is None:
            return
        before, self._outcomes = self._outcomes, {}
        for name, part in self._models.outcomes.parts():
            self._outcomes[name] = part.data
            changed = before.get(name) != part.data
            yield CutPart(name, part.fingerprint, partial(bytes, part.data) if changed else None)


def restore_partition(models: Partition, stored: StoredCut) -> PartitionState:
    """Put the state into a fresh partition; what belongs to no model is returned as well. Raises DamagedSnapshot."""
    own = _own_state(stored)
    models.rejected = dict(own.rejected)
    models.labels = dict(own.labels)
    models.undecodable, models.filtered = own.undecodable, own.filtered
    models.models_capped = own.models_capped
    parts: dict[str, list[Part]] = {}
    for name, part in stored.parts.items():
        if not name.name.startswith(side_state.NAME):
            parts.setdefault(name.model, []).append(Part(name.name, part.fingerprint, part.data))
    for model in stored.models:
        own_parts = parts.get(model, [])
        if not {part.name for part in own_parts} >= _ALWAYS_THERE:
            raise DamagedSnapshot(f"the cut lists model {model!r} and lacks parts of it: take an older snapshot")
        monitor = models.discover(model)
        if monitor is not None:
            restore(monitor, partial(fitting_parts, own_parts))
    if models.outcomes is not None:
        here = Place(stored.next_offsets[Input.PREDICTIONS], own.record_ms[Input.PREDICTIONS])
        models.outcomes.restore(stored.parts, models.monitors, here)
    return own


def _own_state(stored: StoredCut) -> PartitionState:
    part = stored.parts.get(_OWN)
    if part is None or part.fingerprint != _FINGERPRINT:
        raise DamagedSnapshot("the cut has no part of the partition itself that is known here: take an older snapshot")
    try:
        return msgspec.msgpack.decode(part.data, type=PartitionState)
    except (msgspec.MsgspecError, ValueError) as error:
        raise DamagedSnapshot(f"the partition's own part cannot be read ({error}): take an older snapshot") from error
