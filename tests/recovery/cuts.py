"""Small cuts for the tests of recovery, and a topic to write them to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from driftline.processors.recovery.cut import Cut, CutPart, PartName, StoredCut
from driftline.processors.recovery.records import SnapshotRecord
from driftline.processors.recovery.writer import SnapshotPlan, SnapshotWriter
from driftline.schemas.inputs import Input

EPOCH = "e" * 32


def cut(
    at: int,
    parts: Mapping[str, bytes | None],
    *,
    partition: int = 3,
    models: tuple[str, ...] = ("m",),
    fingerprint: str = "f" * 32,
) -> Cut:
    """A cut at offset `at` of both inputs; a part given as None has not changed."""
    listed = tuple(
        CutPart(PartName("m", name), fingerprint, None if data is None else _encoder(data))
        for name, data in parts.items()
    )
    return Cut(partition, dict.fromkeys(Input, at), models, listed)


def _encoder(data: bytes) -> Callable[[], bytes]:
    return lambda: data


def writer(epoch: str = EPOCH, foreign_keys: Iterable[bytes] = (), *, piece_bytes: int = 64) -> SnapshotWriter:
    return SnapshotWriter(3, epoch, foreign_keys, piece_bytes=piece_bytes)


def planned(by: SnapshotWriter, this: Cut) -> SnapshotPlan:
    by.begin()
    return by.plan(this)


def write(into: list[SnapshotRecord], by: SnapshotWriter, this: Cut) -> SnapshotPlan:
    """All of one plan, acknowledged, with its tombstones."""
    plan = planned(by, this)
    into += [*plan.chunks, plan.manifest]
    by.acknowledged(plan)
    into += plan.tombstones
    by.tombstoned(plan)
    return plan


def compacted(records: Iterable[SnapshotRecord]) -> list[SnapshotRecord]:
    """What compaction may leave at the least: the newest record of each key, and no tombstones."""
    newest: dict[bytes, bytes | None] = {}
    for key, value in records:
        newest.pop(key, None)  # the order is that of the newest
        newest[key] = value
    return [SnapshotRecord(key, value) for key, value in newest.items() if value is not None]


def data_of(stored: StoredCut) -> dict[str, bytes]:
    return {name.name: part.data for name, part in stored.parts.items()}


def offsets(found: Iterable[StoredCut]) -> list[int]:
    return [each.next_offsets[Input.PREDICTIONS] for each in found]
