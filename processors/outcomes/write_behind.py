"""An overlay that keeps a store at or behind the last acknowledged snapshot.

The rule of this file: *a change reaches the store only when a snapshot from after it is acknowledged.* So whoever restores
that snapshot, or a later one, finds a store that is at its position or behind it, and rolls the store forward by reading
the logs from there. A store that were ahead would have to be filled again from the oldest prediction that still waits.

Changes lie in layers. The open layer takes what is put; a commit seals it with its position; an acknowledged position lets
its layer, and those before it, go to the store in one write. What has gone is dropped here only after the store has said
that it is there. Reads look through the layers from the newest to the oldest, then into the store.

`flush` may run on another thread than `get`, `put` and `commit`: it reads sealed layers, which nobody changes, and takes
them away only when they are in the store.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from driftline.processors.arrays import U8, U64, Bool
from driftline.processors.outcomes.backing_store import BackingStore
from driftline.processors.outcomes.record_layer import RecordLayer
from driftline.schemas.errors import StoreUnavailable

WAITING_MAX: Final = 4_000_000
"""Changed records that wait for a snapshot at most: a minute of 60,000 predictions and as many labels a second."""


@dataclass(frozen=True, slots=True)
class _Sealed:
    """What was put between two commits, or more of them."""

    position: bytes
    merged_ms: int
    changes: RecordLayer


class WriteBehind:
    """A `JoinStore` over a `BackingStore`.

    waiting_max: changed records that may wait here for a snapshot; beyond it `get` raises StoreUnavailable.
    """

    def __init__(self, store: BackingStore, waiting_max: int = WAITING_MAX) -> None:
        self._store, self._waiting_max = store, waiting_max
        self._open = RecordLayer(store.width)
        self._sealed: deque[_Sealed] = deque()  # oldest first

    @property
    def width(self) -> int:
        return self._store.width

    @property
    def waiting(self) -> int:
        """Changed records that are not in the store yet; one that was changed after a commit counts again."""
        return len(self._open) + sum(len(sealed.changes) for sealed in tuple(self._sealed))

    def open(self) -> bytes | None:
        self._forget_changes()
        return self._store.open()

    def get(self, keys: U64) -> tuple[Bool, U8]:
        if self.waiting > self._waiting_max:
            raise StoreUnavailable(f"more than {self._waiting_max:,} changed records wait for a snapshot to be written")
        sealed = tuple(self._sealed)  # before the store is read: a layer that leaves meanwhile is in either
        found = np.zeros(len(keys), np.bool_)
        records = np.zeros((len(keys), self.width), np.uint8)
        for layer in (self._open, *(older.changes for older in reversed(sealed))):
            layer.read(keys, found, records)
        missing = np.flatnonzero(~found)
        if len(missing):
            found[missing], records[missing] = self._store.get(keys[missing])
        return found, records

    def put(self, keys: U64, records: U8) -> None:
        self._open.put(keys, records)

    def commit(self, position: bytes, merged_ms: int) -> None:
        self._sealed.append(_Sealed(position, merged_ms, self._open))
        self._open = RecordLayer(self.width)

    def flush(self, position: bytes) -> None:
        due = _up_to(position, tuple(self._sealed))
        if not due:
            return
        changes = _merged([sealed.changes for sealed in due], self.width)
        self._store.write(changes.keys, changes.records, position, due[-1].merged_ms)
        for _ in due:
            self._sealed.popleft()

    def clear(self) -> None:
        self._forget_changes()
        self._store.clear()

    def close(self) -> None:
        self._store.close()

    def _forget_changes(self) -> None:
        self._open = RecordLayer(self.width)
        self._sealed.clear()


def _up_to(position: bytes, sealed: Sequence[_Sealed]) -> Sequence[_Sealed]:
    """Up to the last layer of this position: commits without records between them have the same."""
    last = max((place for place, layer in enumerate(sealed) if layer.position == position), default=-1)
    return sealed[: last + 1]


def _merged(layers: Sequence[RecordLayer], width: int) -> RecordLayer:
    """The newest record of each key; layers from the oldest to the newest."""
    if len(layers) == 1:
        return layers[0]
    merged = RecordLayer(width)
    for layer in layers:
        merged.put(layer.keys, layer.records)
    return merged
