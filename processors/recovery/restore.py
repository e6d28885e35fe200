"""The way back: which whole cuts the records of a snapshots partition hold, best first.

It takes two passes over the partition, so that memory holds one state and not the whole topic. `scan` sees every record
and keeps the best manifests and, of each chunk, a hash of key, length and checksum; `select` then knows which manifests
are complete; `collect` sees every record again and keeps the chunks of the chosen ones.

A compacted topic keeps at least the newest record of each key, and may still hold older ones. So it is not the newest
record of a key that counts, but whether any of its records is the one that a manifest lists. Nothing here raises on bytes
that are damaged, torn, strange or missing: the manifest that needs them is passed over, and `Skipped` says why.

Best is the highest sum of offsets. With two inputs, the cut of a writer that had lost the partition can be ahead in one
and behind in the other; so cuts that are not behind the committed offsets in either come before those that are. State is
right in any case: the worker goes on from the offsets of the cut, never from the committed ones.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from driftline.processors.recovery.chunks import chunk_lengths, crc_of, data_of
from driftline.processors.recovery.cut import PartName, StoredCut, StoredPart
from driftline.processors.recovery.manifest import (
    DamagedManifest,
    Head,
    ListedPart,
    UnknownFormat,
    read_head,
    read_listing,
)
from driftline.processors.recovery.records import (
    SLOTS,
    ChunkKey,
    ManifestKey,
    SnapshotRecord,
    decode_key,
    encode_key,
)
from driftline.schemas.inputs import Input

MANIFESTS_MAX: Final = 64
"""Manifests that are looked at, those with the highest offsets; older ones are passed over."""

CUTS_MAX: Final = 2
"""Whole cuts that are given back: the best, and one to fall back on if its parts cannot be used."""

READS_MAX: Final = 3
"""How often a partition is read afresh because chunks vanished between the two passes."""

SKIPPED_MAX: Final = 20
"""Skipped records that are described one by one; all are counted."""


class RestoreReason(StrEnum):
    """Why a record, or a manifest and the cut it names, was passed over."""

    UNREADABLE_KEY = "unreadable_key"
    WRONG_PLACE = "wrong_place"
    UNKNOWN_FORMAT = "unknown_format"
    DAMAGED_MANIFEST = "damaged_manifest"
    MISSING_CHUNK = "missing_chunk"
    DAMAGED_CHUNK = "damaged_chunk"


class Skipped(NamedTuple):
    """One thing that was passed over; `what` is for people."""

    reason: RestoreReason
    what: str


class _Rank(NamedTuple):
    """The order of cuts, best last."""

    covers: bool  # is not behind the committed offsets
    offsets: int  # sum
    sequence: int
    epoch: str


class _Wanted(NamedTuple):
    """One chunk as a manifest lists it; `length` with its header."""

    key: bytes
    length: int
    crc: int


@dataclass(slots=True)
class _Candidate:
    head: Head
    parts: list[ListedPart]

    def wanted(self, part: ListedPart) -> list[_Wanted]:
        lengths = chunk_lengths(part.length, self.head.piece_bytes)
        return [_Wanted(*at) for at in zip(self._keys(part), lengths, part.crcs, strict=True)]

    def _keys(self, part: ListedPart) -> list[bytes]:
        own = (self.head.partition, self.head.epoch, part.name.model, part.name.name)
        return [encode_key(ChunkKey(*own, piece, part.slot)) for piece in range(len(part.crcs))]


class Restore:
    """Reads one partition of the snapshots topic back: `scan` all records, `select`, `collect` all records, `cuts`."""

    def __init__(self, partition: int, committed: Mapping[Input, int] | None = None) -> None:
        self.partition = partition
        self._committed = committed or {}
        self.foreign_keys: set[bytes] = set()
        """Keys of this partition whose newest record is no tombstone: a new epoch takes them away in the end."""
        self.counts: Counter[RestoreReason] = Counter()
        self.skipped: list[Skipped] = []
        self._manifests: list[tuple[_Rank, int, Head]] = []  # a heap of the best so far
        self._scanned = 0
        self._present: set[int] = set()  # hashes of (key, length, CRC) of every chunk that was met
        self._chosen: list[_Candidate] = []
        self._collected: dict[_Wanted, bytes | None] = {}
        self._keys: set[bytes] = set()

    def scan(self, record: SnapshotRecord) -> None:
        """First pass."""
        self._scanned += 1
        key = decode_key(record.key)
        if key is None:
            self._skip(RestoreReason.UNREADABLE_KEY, f"record {self._scanned}: its key cannot be read")
        elif key.partition != self.partition:
            self._skip(RestoreReason.WRONG_PLACE, f"record {self._scanned}: its key is of partition {key.partition}")
        elif record.value is None:
            self.foreign_keys.discard(record.key)
        else:
            self.foreign_keys.add(record.key)
            if isinstance(key, ManifestKey):
                self._scan_manifest(key, record.value)
            else:
                self._present.add(hash((record.key, len(record.value), crc_of(record.value))))

    def select(self) -> int:
        """Between the passes: choose the best complete cuts, at most CUTS_MAX; their number."""
        best = {rank: head for rank, _, head in sorted(self._manifests, reverse=True)}  # a record may lie there twice
        for head in best.values():
            candidate = self._complete(head)
            if isinstance(candidate, _Candidate):
                self._chosen.append(candidate)
            elif not self._chosen:  # behind a whole cut, an incomplete one is what a crash leaves and needs no word
                self._skip(*candidate)
            if len(self._chosen) == CUTS_MAX:
                break
        wanted = (each for chosen in self._chosen for part in chosen.parts for each in chosen.wanted(part))
        self._collected = dict.fromkeys(wanted)
        self._keys = {wanted.key for wanted in self._collected}
        return len(self._chosen)

    def collect(self, record: SnapshotRecord) -> None:
        """Second pass."""
        if record.value is not None and record.key in self._keys:
            wanted = _Wanted(record.key, len(record.value), crc_of(record.value))
            if wanted in self._collected:
                self._collected[wanted] = record.value

    def cuts(self) -> Iterator[StoredCut]:
        """The chosen cuts, best first; one whose chunks have vanished since the first pass is left out."""
        for chosen in self._chosen:
            parts: dict[PartName, StoredPart] = {}
            for part in chosen.parts:
                chunks = [self._collected[wanted] for wanted in chosen.wanted(part)]
                found = [chunk for chunk in chunks if chunk is not None]
                if len(found) < len(chunks):
                    self._skip(RestoreReason.MISSING_CHUNK, f"{_named(chosen.head)}: {_part(part)} vanished while read")
                    break
                parts[part.name] = StoredPart(part.fingerprint, data_of(found))
            else:
                head = chosen.head
                yield StoredCut(self.partition, head.next_offsets, head.models, parts)

    def _scan_manifest(self, key: ManifestKey, value: bytes) -> None:
        where = f"record {self._scanned}, a manifest of epoch {key.epoch}"
        try:
            head = read_head(value)
        except UnknownFormat as error:
            self._skip(RestoreReason.UNKNOWN_FORMAT, f"{where}: {error}")
            return
        except DamagedManifest as error:
            self._skip(RestoreReason.DAMAGED_MANIFEST, f"{where}: {error}")
            return
        if (head.partition, head.epoch, head.sequence % SLOTS) != (key.partition, key.epoch, key.slot):
            self._skip(RestoreReason.WRONG_PLACE, f"{where}: it says {_named(head)}")
            return
        covers = all(at >= self._committed.get(each, 0) for each, at in head.next_offsets.items())
        rank = _Rank(covers, sum(head.next_offsets.values()), head.sequence, head.epoch)
        entry = (rank, self._scanned, head)
        if len(self._manifests) < MANIFESTS_MAX:
            heapq.heappush(self._manifests, entry)
        else:
            heapq.heappushpop(self._manifests, entry)

    def _complete(self, head: Head) -> _Candidate | Skipped:
        """The cut that this manifest names, if every chunk was met."""
        try:
            candidate = _Candidate(head, read_listing(head))
        except DamagedManifest as error:
            return Skipped(RestoreReason.DAMAGED_MANIFEST, f"{_named(head)}: {error}")
        for part in candidate.parts:
            for wanted in candidate.wanted(part):
                if hash(wanted) not in self._present:
                    damaged = wanted.key in self.foreign_keys
                    reason = RestoreReason.DAMAGED_CHUNK if damaged else RestoreReason.MISSING_CHUNK
                    return Skipped(reason, f"{_named(head)}: {_part(part)}")
        return candidate

    def _skip(self, reason: RestoreReason, what: str) -> None:
        self.counts[reason] += 1
        if len(self.skipped) < SKIPPED_MAX:
            self.skipped.append(Skipped(reason, what))


class SnapshotLog(Protocol):
    """One partition of the snapshots topic."""

    def read(self) -> AsyncIterator[Sequence[SnapshotRecord]]:
        """Every record from the first to the end as it was at the call, in order, in runs of any length."""
        ...


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What a partition of the snapshots topic gave. `cuts`: whole ones, best first; none: start at the log's begin."""

    cuts: list[StoredCut]
    foreign_keys: frozenset[bytes]
    counts: Counter[RestoreReason]
    skipped: list[Skipped]


async def read_back(partition: int, log: SnapshotLog, committed: Mapping[Input, int] | None = None) -> ReadBack:
    """Read the partition in two passes; again, at most READS_MAX times, if chunks vanish between them.

    `committed`: the offsets of the group, fetched before this call.
    """
    for _ in range(READS_MAX):
        restore = Restore(partition, committed)
        await _pass(log, restore.scan)
        chosen = restore.select()
        if chosen:
            await _pass(log, restore.collect)
        cuts = list(restore.cuts())
        if cuts or not chosen:
            break
    return ReadBack(cuts, frozenset(restore.foreign_keys), restore.counts, restore.skipped)


async def _pass(log: SnapshotLog, see: Callable[[SnapshotRecord], None]) -> None:
    async for run in log.read():
        for record in run:
            see(record)


def choose(
    partition: int, records: Sequence[SnapshotRecord], committed: Mapping[Input, int] | None = None
) -> list[StoredCut]:
    """The whole cuts among these records, best first, at most CUTS_MAX."""
    restore = Restore(partition, committed)
    for record in records:
        restore.scan(record)
    restore.select()
    for record in records:
        restore.collect(record)
    return list(restore.cuts())


def _named(head: Head) -> str:
    return f"snapshot {head.sequence} of epoch {head.epoch}"


def _part(part: ListedPart) -> str:
    return f"part {part.name.name!r} of {part.name.model or 'the partition'!r}"
