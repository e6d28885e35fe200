"""Plans of what to write for a cut, so that at every moment one whole cut can be read back.

The rule of this file: *a plan writes only to slots that the last acknowledged manifest does not list.* A part has two
slots. A new version goes to the one that the last acknowledged manifest N leaves free, which may be the one that manifest
N - 1 lists. So while plan N + 1 is being written, N - 1 may become incomplete, but N stays complete; once manifest N + 1 is
acknowledged, both N and N + 1 are. Hence from the first acknowledged manifest on, the last acknowledged one is complete at
every moment, wherever the writer dies and however the topic is compacted.

That holds only while it is known which manifest was acknowledged last and nothing of an earlier plan is still under way.
So a snapshot that was begun and not acknowledged burns the epoch: the writer refuses further plans, and the owner starts a
new epoch with a full cut. A manifest lists chunks of its own epoch only, and epochs share no key, so whatever a burnt epoch
or a writer that has lost its partition still writes harms nobody but itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from driftline.processors.recovery.chunks import PIECE_BYTES, chunks_of, crc_of
from driftline.processors.recovery.cut import Cut, CutPart, PartName
from driftline.processors.recovery.manifest import ListedPart, Written, write_manifest
from driftline.processors.recovery.records import (
    SLOTS,
    ChunkKey,
    ManifestKey,
    SnapshotRecord,
    decode_key,
    encode_key,
)

NEWER_MANIFESTS: Final = 2
"""Acknowledged manifests of the own epoch that have to be there before older records are taken away: one may be damaged."""


class _Stage(Enum):
    """What has become of the snapshot that was begun last."""

    IDLE = "acknowledged"
    BEGUN = "begun"
    PLANNED = "planned"
    BURNT = "given up"


class BurntEpoch(RuntimeError):
    """A plan of this epoch was not acknowledged: start a new epoch with a full cut."""


@dataclass(frozen=True, slots=True)
class SnapshotPlan:
    """What to write for one cut, in this order: every chunk, then the manifest, then (see `persist`) the tombstones."""

    sequence: int
    chunks: list[SnapshotRecord]
    manifest: SnapshotRecord
    tombstones: list[SnapshotRecord]

    @property
    def nbytes(self) -> int:
        """Of keys and values of the chunks and the manifest."""
        return sum(len(record.key) + len(record.value or b"") for record in (*self.chunks, self.manifest))


class SnapshotWriter:
    """Plans the snapshots of one epoch of one partition.

    `epoch`: a name that no other writer will ever use, such as 32 random hexadecimal digits. `foreign_keys`: the keys of
    earlier epochs that were found when the state was read back; they are tombstoned once two manifests of this epoch are
    there.
    """

    def __init__(
        self, partition: int, epoch: str, foreign_keys: Iterable[bytes] = (), *, piece_bytes: int = PIECE_BYTES
    ) -> None:
        self.partition = partition
        self.epoch = epoch
        self.sequence = 0
        """Of the last acknowledged manifest; 0: none yet."""
        self._piece_bytes = piece_bytes
        self._listed: dict[PartName, ListedPart] = {}
        self._pieces: dict[PartName, list[int]] = {}  # of each slot, how many chunk keys have been written
        self._gone: dict[PartName, int] = {}  # parts that are no longer there -> first sequence that does not list them
        self._stale: dict[bytes, None] = {}  # further chunk keys that no manifest of interest lists
        self._foreign = sorted(foreign_keys, key=_manifests_first)
        self._stage = _Stage.IDLE

    @property
    def burnt(self) -> bool:
        """Whether a snapshot failed or is still open: one that is never acknowledged makes the whole epoch unusable."""
        return self._stage is not _Stage.IDLE

    def begin(self) -> bool:
        """To be called before a cut is taken: from here on, only `acknowledged` makes the epoch usable again, as the next
        cut leaves out what this one has. True: the cut has to be full. Raises BurntEpoch."""
        self._expect(_Stage.IDLE)
        self._stage = _Stage.BEGUN
        return self.sequence == 0

    def plan(self, cut: Cut) -> SnapshotPlan:
        """What to write for this cut; encodes its changed parts, which may take place on another thread.

        The first cut of an epoch has to be full (ValueError otherwise). Raises BurntEpoch unless `begin` came before.
        """
        self._expect(_Stage.BEGUN)
        self._stage = _Stage.PLANNED
        sequence = self.sequence + 1
        chunks: list[SnapshotRecord] = []
        listed: dict[PartName, ListedPart] = {}
        for part in cut.parts:
            listed[part.name] = self._listing(part, sequence, chunks)
        self._gone.update((name, sequence) for name in self._listed if name not in listed)
        self._listed = listed
        written = Written(self.partition, self.epoch, sequence, self._piece_bytes)
        key = encode_key(ManifestKey(self.partition, self.epoch, sequence % SLOTS))
        value = write_manifest(written, cut.next_offsets, cut.models, listed.values())
        return SnapshotPlan(sequence, chunks, SnapshotRecord(key, value), self._tombstones(sequence))

    def acknowledged(self, plan: SnapshotPlan) -> None:
        """The broker has every chunk and the manifest of the plan that was made last (BurntEpoch otherwise)."""
        self._expect(_Stage.PLANNED)
        self.sequence = plan.sequence
        self._stage = _Stage.IDLE

    def tombstoned(self, plan: SnapshotPlan) -> None:
        """The broker has the tombstones of this plan as well. What is not reported here is planned again."""
        done = {record.key for record in plan.tombstones}
        self._foreign = [key for key in self._foreign if key not in done]
        self._stale = {key: None for key in self._stale if key not in done}
        for name in [name for name in self._gone if done.issuperset(self._keys(name))]:
            del self._gone[name], self._pieces[name]

    def failed(self) -> None:
        """Something went wrong between a cut and its acknowledgement: the epoch is burnt."""
        self._stage = _Stage.BURNT

    def _expect(self, stage: _Stage) -> None:
        if self._stage is not stage:
            raise BurntEpoch(
                f"a snapshot of epoch {self.epoch} was {self._stage.value} and not acknowledged: "
                "start a new epoch with a full cut"
            )

    def _listing(self, part: CutPart, sequence: int, chunks: list[SnapshotRecord]) -> ListedPart:
        """How the manifest lists this part; a changed one adds its chunks."""
        before = self._listed.get(part.name)
        if part.encode is None:
            if before is None:
                raise ValueError(f"{part.name} is said not to have changed, but this epoch has not written it")
            return before._replace(fingerprint=part.fingerprint)
        data = part.encode()
        values = chunks_of(data, sequence, self._piece_bytes)
        slot = self._free_slot(part.name, before)
        for piece, value in enumerate(values):
            chunks.append(SnapshotRecord(self._key(part.name, piece, slot), value))
        self._count_pieces(part.name, slot, len(values))
        crcs = tuple(crc_of(value) for value in values)
        return ListedPart(part.name, part.fingerprint, slot, sequence, len(data), crcs)

    def _free_slot(self, name: PartName, before: ListedPart | None) -> int:
        """The slot that the last acknowledged manifest does not list."""
        return 0 if before is None else 1 - before.slot

    def _count_pieces(self, name: PartName, slot: int, n: int) -> None:
        """A version with fewer pieces than the one before it in its slot leaves keys behind."""
        self._gone.pop(name, None)
        pieces = self._pieces.setdefault(name, [0] * SLOTS)
        self._stale.update((self._key(name, piece, slot), None) for piece in range(n, pieces[slot]))
        for piece in range(pieces[slot], n):
            self._stale.pop(self._key(name, piece, slot), None)
        pieces[slot] = n

    def _tombstones(self, sequence: int) -> list[SnapshotRecord]:
        """For what neither this manifest nor the one before it lists."""
        keys = [*self._foreign, *self._stale] if sequence >= NEWER_MANIFESTS else []
        gone = [name for name, since in self._gone.items() if sequence - since >= NEWER_MANIFESTS - 1]
        keys += [key for name in gone for key in self._keys(name)]
        return [SnapshotRecord(key, None) for key in keys]

    def _keys(self, name: PartName) -> list[bytes]:
        return [
            self._key(name, piece, slot) for slot, pieces in enumerate(self._pieces[name]) for piece in range(pieces)
        ]

    def _key(self, name: PartName, piece: int, slot: int) -> bytes:
        return encode_key(ChunkKey(self.partition, self.epoch, name.model, name.name, piece, slot))


def _manifests_first(key: bytes) -> tuple[bool, bytes]:
    """A manifest goes before its chunks: half a clean-up should leave rubbish, not manifests that look damaged."""
    return not isinstance(decode_key(key), ManifestKey), key
