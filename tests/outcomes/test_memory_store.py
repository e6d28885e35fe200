"""The ring of records in memory against a dictionary, and what a pending prediction costs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from driftline.processors.outcomes.memory_store import MemoryStore
from tests.outcomes.stores import WIDTH, keys_of, records_of, values_in


class PlainStore:
    """A dictionary; a record is there as long as its number is among the last `capacity` ones."""

    def __init__(self, capacity: int) -> None:
        self.capacity, self.newest = capacity, -1
        self.records: dict[int, tuple[int, int]] = {}  # key -> number, value

    def put(self, key: int, number: int, value: int) -> None:
        self.newest = max(self.newest, number)
        self.records[key] = number, value

    def get(self, key: int) -> int | None:
        number, value = self.records.get(key, (-1, 0))
        return value if number > self.newest - self.capacity and number >= 0 else None


OPERATIONS = st.lists(
    st.lists(st.tuples(st.integers(0, 12) | st.sampled_from([2**63, 2**64 - 1]), st.booleans()), max_size=6),
    max_size=40,
)


@given(batches=OPERATIONS, capacity=st.integers(1, 12), first=st.integers(0, 10**12))
def test_the_ring_agrees_with_a_dictionary(batches: list[list[tuple[int, bool]]], capacity: int, first: int) -> None:
    """A key is changed, or inserted anew; a batch holds each key once, in any order of their numbers."""
    ours, plain = MemoryStore(WIDTH, number_at=0, capacity=capacity), PlainStore(capacity)
    numbers: dict[int, int] = {}
    fresh = itertools.count(first)
    for place, batch in enumerate(batches):
        last = {key: (key not in numbers or again) for key, again in batch}
        for key in [key for key, new in last.items() if new]:
            numbers[key] = next(fresh)
        keys = sorted(last)
        ours.put(keys_of(*keys), records_of(*[place] * len(keys), numbers=[numbers[key] for key in keys]))
        for key in sorted(keys, key=lambda key: numbers[key]):
            plain.put(key, numbers[key], place)
        known = [*numbers, 77]
        assert values_in(ours, *known) == [plain.get(key) for key in known]


@pytest.mark.parametrize("stride", [1, 1 << 20, 1 << 33], ids=["dense", "same low bits", "same low bits, high differ"])
def test_keys_that_collide_in_the_table_cost_no_correctness(stride: int) -> None:
    store = MemoryStore(WIDTH, number_at=0, capacity=200)
    keys = [key * stride % 2**64 for key in range(600)]
    for start in range(0, 600, 50):
        numbers = list(range(start, start + 50))
        store.put(keys_of(*keys[start : start + 50]), records_of(*numbers, numbers=numbers))
    assert values_in(store, *keys) == [None] * 400 + list(range(400, 600))


def test_a_batch_larger_than_the_ring_leaves_its_newest() -> None:
    store = MemoryStore(WIDTH, number_at=0, capacity=3)
    store.put(keys_of(*range(10)), records_of(*range(10), numbers=list(range(9, -1, -1))))
    assert values_in(store, *range(10)) == [0, 1, 2] + [None] * 7


def test_a_record_that_the_ring_has_gone_past_is_not_put_back() -> None:
    store = MemoryStore(WIDTH, number_at=0, capacity=2)
    store.put(keys_of(1, 2, 3), records_of(1, 2, 3, numbers=[0, 1, 2]))
    store.put(keys_of(1), records_of(10, numbers=[0]))
    assert values_in(store, 1, 2, 3) == [None, 2, 3]


def test_a_number_that_lies_outside_of_the_record_is_refused() -> None:
    with pytest.raises(ValueError, match="no number at byte 9 of a record of 16 bytes"):
        MemoryStore(WIDTH, number_at=9, capacity=10)
    with pytest.raises(ValueError, match="no room"):
        MemoryStore(WIDTH, number_at=0, capacity=0)


@pytest.mark.compiled
@pytest.mark.parametrize("pending", [350_000, 500_000, 699_000, 1_000_000])
def test_a_pending_prediction_of_two_segment_sets_costs_at_most_120_bytes(pending: int, test_seed: int) -> None:
    width = 96
    store = MemoryStore(width, number_at=0, capacity=pending)
    keys: NDArray[np.uint64] = np.random.default_rng(test_seed).integers(0, 2**64, pending, np.uint64)
    for start in range(0, pending, 50_000):
        batch = keys[start : start + 50_000]
        rows = np.zeros((len(batch), width), np.uint8)
        rows[:, :8] = np.arange(start, start + len(batch), dtype="<u8").view(np.uint8).reshape(-1, 8)
        store.put(batch, rows)
    assert store.get(keys)[0].all()
    assert store.nbytes / pending <= 120


@pytest.mark.compiled
def test_R20_ten_times_more_predictions_than_the_capacity_stay_within_its_memory() -> None:
    width, capacity = 89, 20_000
    store = MemoryStore(width, number_at=1, capacity=capacity)
    largest = 0
    for start in range(0, 10 * capacity, 4_000):
        numbers = np.arange(start, start + 4_000, dtype=np.uint64)
        rows = np.zeros((len(numbers), width), np.uint8)
        rows[:, 1:9] = numbers.view(np.uint8).reshape(-1, 8)
        store.put(numbers * np.uint64(0x9E3779B97F4A7C15), rows)
        largest = max(largest, store.nbytes)
    assert largest <= 120 * capacity
    found, _ = store.get(np.arange(10 * capacity, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    assert np.flatnonzero(found).tolist() == list(range(9 * capacity, 10 * capacity))
