"""One suite over every join store: what the outcome side may rely on, whichever is configured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftline.processors.outcomes.join_store import JoinStore
from tests.outcomes.stores import ALL, BACKING, WIDTH, MakeStore, keys_of, records_of, store_maker, values_in

EXAMPLES = {"memory": 300, "redis": 200, "rocksdb": 40}  # files of a database take their time to be made
KEYS = [0, 1, 2, 3, 2**63, 2**64 - 1]


@pytest.fixture(params=ALL)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> MakeStore:
    return store_maker(request.param, request, tmp_path)


@pytest.fixture
def store(make: MakeStore) -> JoinStore:
    store = make()
    assert store.open() is None
    return store


def test_what_was_put_is_found_at_once_and_nothing_else(store: JoinStore) -> None:
    assert store.width == WIDTH
    store.put(keys_of(*KEYS), records_of(*range(6)))
    assert values_in(store, 7, *reversed(KEYS)) == [None, 5, 4, 3, 2, 1, 0]


def test_a_record_is_replaced(store: JoinStore) -> None:
    store.put(keys_of(1, 2), records_of(10, 20, numbers=[0, 1]))
    store.put(keys_of(2), records_of(21, numbers=[1]))
    assert values_in(store, 1, 2) == [10, 21]
    store.commit(b"p", 0)
    store.put(keys_of(1, 3), records_of(12, 32, numbers=[0, 2]))
    assert values_in(store, 1, 2, 3) == [12, 21, 32]


def test_no_keys_are_no_trouble(store: JoinStore) -> None:
    store.put(keys_of(), records_of())
    assert values_in(store) == []
    store.commit(b"p", 0)
    store.flush(b"p")
    assert values_in(store) == []


def test_arrays_are_not_shared(store: JoinStore) -> None:
    keys, records = keys_of(1, 2), records_of(10, 20)
    store.put(keys, records)
    keys[:], records[:] = 9, 99
    _, got = store.get(keys_of(1, 2))
    got[:] = 77
    assert values_in(store, 1, 2, 9) == [10, 20, None]


def test_cleared_is_empty_and_can_be_used_again(store: JoinStore) -> None:
    store.put(keys_of(1, 2), records_of(10, 20))
    store.commit(b"p", 0)
    store.flush(b"p")
    store.clear()
    assert values_in(store, 1, 2) == [None, None]
    store.put(keys_of(2), records_of(22))
    assert values_in(store, 1, 2) == [None, 22]
    assert store.open() is None


def test_a_position_that_nobody_committed_is_ignored(store: JoinStore) -> None:
    store.put(keys_of(1), records_of(10))
    store.flush(b"from the snapshot before")
    assert values_in(store, 1) == [10]
    assert store.open() is None


def test_many_records_at_once(store: JoinStore, test_seed: int) -> None:
    keys = np.random.default_rng(test_seed).permutation(np.arange(9_000, dtype=np.uint64) * np.uint64(2**50 + 3))
    store.put(keys, records_of(*range(9_000)))
    assert values_in(store, *keys.tolist(), 5) == [*range(9_000), None]
    store.commit(b"p", 0)
    store.flush(b"p")
    assert values_in(store, 5, *keys.tolist()) == [None, *range(9_000)]


@pytest.mark.parametrize("kind", BACKING)
def test_a_successor_finds_what_was_flushed_and_its_position(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    make = store_maker(kind, request, tmp_path)
    store = make()
    assert store.open() is None
    store.put(keys_of(1, 2), records_of(10, 20))
    store.commit(b"one", 5)
    store.put(keys_of(2, 3), records_of(21, 30))
    store.commit(b"two", 6)
    store.put(keys_of(4), records_of(40))
    store.flush(b"one")
    assert values_in(store, 1, 2, 3, 4) == [10, 21, 30, 40]
    store.close()

    successor = make()
    assert successor.open() == b"one"
    assert values_in(successor, 1, 2, 3, 4) == [10, 20, None, None]
    successor.close()


def test_memory_keeps_nothing_for_a_successor(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    store = store_maker("memory", request, tmp_path)()
    store.open()
    store.put(keys_of(1), records_of(10))
    store.commit(b"one", 5)
    store.flush(b"one")
    assert store.open() is None
    assert values_in(store, 1) == [None]


@pytest.mark.parametrize("kind", BACKING)
def test_opened_again_a_store_forgets_what_was_not_flushed(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    store = store_maker(kind, request, tmp_path)()
    store.open()
    store.put(keys_of(1), records_of(10))
    store.commit(b"one", 5)
    store.flush(b"one")
    store.put(keys_of(1), records_of(11))
    store.commit(b"two", 6)
    assert store.open() == b"one"
    assert values_in(store, 1) == [10]
    store.flush(b"two")
    assert store.open() == b"one"


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.dictionaries(st.sampled_from(KEYS), st.integers(0, 99), max_size=4)),
        st.tuples(st.just("get"), st.lists(st.sampled_from([*KEYS, 7]), unique=True)),
        st.tuples(st.sampled_from(["commit", "flush", "restart"]), st.none()),
        st.tuples(st.just("clear"), st.none()),
    ),
    max_size=25,
)


@pytest.mark.parametrize("kind", ALL)
def test_a_store_agrees_with_a_dictionary(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    @settings(max_examples=EXAMPLES[kind])
    @given(steps=STEPS)
    def agrees(steps: list[tuple[str, object]]) -> None:
        _follow(steps, store_maker(kind, request, tmp_path), durable=kind != "memory")

    agrees()


def _follow(steps: list[tuple[str, object]], make: MakeStore, *, durable: bool) -> None:
    """now: what is there; cuts: what was there at each commit; kept: what was flushed last, with its position."""
    store = make()
    assert store.open() is None
    now: dict[int, int] = {}
    cuts: list[tuple[bytes, dict[int, int]]] = []
    kept: tuple[bytes | None, dict[int, int]] = (None, {})
    numbers: dict[int, int] = {}
    for place, (step, data) in enumerate(steps):
        match step, data:
            case "put", dict():
                fresh = [numbers.setdefault(key, len(numbers)) for key in data]
                store.put(keys_of(*data), records_of(*data.values(), numbers=fresh))
                now |= data
            case "get", list():
                assert values_in(store, *data) == [now.get(key) for key in data]
            case "commit", _:
                cuts.append((b"%d" % place, dict(now)))
                store.commit(b"%d" % place, merged_ms=0)
            case "flush", _ if cuts:
                kept, cuts = cuts[len(cuts) // 2], cuts[len(cuts) // 2 + 1 :]
                assert kept[0] is not None
                store.flush(kept[0])
            case "clear", _:
                store.clear()
                now, cuts, kept = {}, [], (None, {})
            case "restart", _:
                store.close()
                store, cuts = make(), []
                kept = kept if durable else (None, {})
                now = dict(kept[1])
                assert store.open() == kept[0]
    assert values_in(store, *KEYS) == [now.get(key) for key in KEYS]
    store.close()
