"""A partition so small that its state can be compared after every restore. Same interface as LogPartition.

Its state is a hash chain for each key of each model and input, and one over both inputs merged by record time (ties:
predictions first), which advances as far as both logs are known. A record is `model/key/anything`; the key "forget-k"
removes key k, and with it a part of the state. A quarter of all hashes are said as outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from driftline.processors.recovery.cut import Cut, CutPart, PartName, StoredCut
from driftline.schemas.inputs import Input
from driftline.schemas.log_records import LogRecords

MERGED = PartName("", "merged")


class Said(NamedTuple):
    """An output: its id, which follows from the log alone, and its bytes."""

    id: bytes
    value: bytes


class ToyRun(NamedTuple):
    input: Input
    records: list[tuple[int, bytes, int]]  # offset, value, record time
    gap: int
    next_offset: int


class _Merged(msgspec.Struct):
    """Both logs by record time, as far as both are known."""

    chain: bytes = b""
    last_ms: dict[Input, int] = msgspec.field(default_factory=lambda: dict.fromkeys(Input, -1))
    waiting: dict[Input, list[tuple[int, int, bytes]]] = msgspec.field(default_factory=lambda: {i: [] for i in Input})


def link(chain: bytes, *parts: bytes) -> bytes:
    return blake2b(chain + b"|".join(parts), digest_size=8).digest()


@dataclass
class ToyPartition:
    partition: int
    next: dict[Input, int]
    models: dict[str, None] = field(default_factory=dict)
    chains: dict[PartName, tuple[bytes, int]] = field(default_factory=dict)  # hash, count
    merged: _Merged = field(default_factory=_Merged)

    def __post_init__(self) -> None:
        self.next = dict(self.next)
        self._cursor = dict(self.next)
        self._changed: set[PartName] = set()

    @classmethod
    def restore(cls, stored: StoredCut) -> ToyPartition:
        parts = {name: part.data for name, part in stored.parts.items()}
        merged = msgspec.msgpack.decode(parts.pop(MERGED), type=_Merged)
        chains = {name: (data[:8], len(data) // 8) for name, data in parts.items()}
        return cls(stored.partition, dict(stored.next_offsets), dict.fromkeys(stored.models), chains, merged)

    def decode(self, input: Input, records: LogRecords, *, allow_gap: bool = False) -> ToyRun:
        rows = list(zip(records.offsets, records.values, records.record_ms, strict=True))
        new = [row for row in rows if row[0] >= self._cursor[input]]
        gap = new[0][0] - self._cursor[input] if new else 0
        if not new or (gap and not allow_gap):
            return ToyRun(input, [], gap, self._cursor[input])
        self._cursor[input] = new[-1][0] + 1
        return ToyRun(input, new, 0, self._cursor[input])

    def apply(self, run: ToyRun) -> list[Said]:
        said: list[Said] = []
        for offset, value, ms in run.records:
            self._apply_one(run.input, offset, value, said)
            self.merged.waiting[run.input].append((ms, offset, value))
            self.merged.last_ms[run.input] = ms
        self.next[run.input] = run.next_offset
        self._merge(said)
        return said

    def rewind(self) -> None:
        self._cursor = dict(self.next)

    def cut(self, full: bool) -> Cut:
        merged = msgspec.msgpack.encode(self.merged)
        parts = [CutPart(MERGED, "toy", lambda: merged)]
        for name, (chain, count) in sorted(self.chains.items()):
            changed = full or name in self._changed
            parts.append(CutPart(name, "toy", _encoder(chain * count) if changed else None))
        self._changed.clear()
        return Cut(self.partition, dict(self.next), tuple(self.models), tuple(parts))

    def state(self) -> bytes:
        whole = (self.next, list(self.models), sorted(self.chains.items()), self.merged)
        return msgspec.msgpack.encode(whole)

    def _apply_one(self, input: Input, offset: int, value: bytes, said: list[Said]) -> None:
        model, key, _ = value.decode().split("/", 2)
        if input is Input.PREDICTIONS:
            self.models[model] = None
        if key.startswith("forget-"):
            self.chains.pop(PartName(model, f"{input}/{key.removeprefix('forget-')}"), None)
            return
        name = PartName(model, f"{input}/{key}")
        chain, count = self.chains.get(name, (b"", 0))
        chain = link(chain, input.encode(), b"%d" % offset, value)
        self.chains[name] = (chain, count % 16 + 1)
        self._changed.add(name)
        _say(f"{self.partition}:{input}:{offset}", chain, said)

    def _merge(self, said: list[Said]) -> None:
        known_ms = min(self.merged.last_ms.values())
        due = [
            (ms, order, offset, value, input)
            for order, input in enumerate(Input)
            for ms, offset, value in self.merged.waiting[input]
            if ms < known_ms
        ]
        for _, _, offset, value, input in sorted(due):
            self.merged.chain = link(self.merged.chain, value)
            _say(f"{self.partition}:merged:{input}:{offset}", self.merged.chain, said)
        for waiting in self.merged.waiting.values():
            waiting[:] = [row for row in waiting if row[0] >= known_ms]


def _say(id: str, chain: bytes, said: list[Said]) -> None:
    if chain[0] % 4 == 0:
        said.append(Said(id.encode(), chain))


def _encoder(data: bytes) -> Callable[[], bytes]:
    return lambda: data


def fresh(partition: int, next_offsets: Mapping[Input, int]) -> ToyPartition:
    return ToyPartition(partition, dict(next_offsets))
