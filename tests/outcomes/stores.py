"""Join stores to test, each opened as a worker would, and opened again as its successor would."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from numpy.typing import NDArray

from driftline.processors.outcomes.backing_store import BackingStore
from driftline.processors.outcomes.join_store import JoinStore
from driftline.processors.outcomes.memory_store import MemoryStore
from driftline.processors.outcomes.write_behind import WriteBehind

Keys = NDArray[np.uint64]
Records = NDArray[np.uint8]

WIDTH: Final = 16
KEEP_MS: Final = 1_000
"""A record is needed for so long after it was written."""
HOUR_MS: Final = 3_600_000

BACKING: Final = ("rocksdb", "redis")
ALL: Final = ("memory", *BACKING)

MakeBacking = Callable[[], BackingStore]
MakeStore = Callable[[], JoinStore]


def backing_maker(kind: str, request: pytest.FixtureRequest, folder: Path) -> MakeBacking:
    """What opens a place of its own, again and again the same one."""
    if kind == "rocksdb":
        from driftline.sinks.join_stores.rocks_database import block_cache
        from driftline.sinks.join_stores.rocksdb import RocksStore

        cache, database = block_cache(8), folder / uuid.uuid4().hex
        return lambda: _closed_in_the_end(RocksStore(database, WIDTH, KEEP_MS, cache), request)
    from driftline.sinks.join_stores.redis import RedisStore

    server, base = request.getfixturevalue("redis_server"), f"test:{{{uuid.uuid4().hex}}}"
    return lambda: _closed_in_the_end(RedisStore(server.client(), base, WIDTH, KEEP_MS, HOUR_MS), request)


def _closed_in_the_end(store: BackingStore, request: pytest.FixtureRequest) -> BackingStore:
    request.addfinalizer(store.close)
    return store


def store_maker(kind: str, request: pytest.FixtureRequest, folder: Path) -> MakeStore:
    """The same for whole join stores."""
    if kind == "memory":
        return lambda: MemoryStore(WIDTH, number_at=0, capacity=1 << 14)
    make = backing_maker(kind, request, folder)
    return lambda: WriteBehind(make())


def keys_of(*keys: int) -> Keys:
    return np.array(keys, np.uint64)


_NUMBERS = itertools.count()


def records_of(*values: int, numbers: list[int] | None = None) -> Records:
    """uint8[n, 16]: the number of the insertion, as memory needs it, and a value."""
    if numbers is None:
        numbers = [next(_NUMBERS) for _ in values]
    rows = np.array([numbers, values], "<u8").T
    return np.ascontiguousarray(rows).view(np.uint8).reshape(len(values), WIDTH)


def values_in(store: JoinStore | BackingStore, *keys: int) -> list[int | None]:
    """The value under each key; None: nothing."""
    found, records = store.get(keys_of(*keys))
    values = np.ascontiguousarray(records[:, 8:]).view("<u8").ravel()
    assert records.shape == (len(keys), WIDTH) and records.dtype == np.uint8 and found.dtype == np.bool_
    assert not records[~found].any()
    return [int(value) if there else None for there, value in zip(found, values, strict=True)]
