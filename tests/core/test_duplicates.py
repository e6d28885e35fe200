"""The duplicate filter against a plain dictionary with a queue."""

from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.processors.duplicates import DuplicateFilter


class PlainFilter:
    """First in, first out, by the book."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.seen: OrderedDict[int, None] = OrderedDict()

    def is_new(self, key: int) -> bool:
        if key in self.seen:
            return False
        if len(self.seen) == self.limit:
            self.seen.popitem(last=False)
        self.seen[key] = None
        return True


@given(
    keys=st.lists(st.integers(0, 40) | st.sampled_from([0, 8, 16, 2**63, 2**64 - 1]), max_size=300),
    limit=st.integers(1, 20),
)
def test_the_filter_agrees_with_a_dictionary_and_a_queue(keys: list[int], limit: int) -> None:
    ours, plain = DuplicateFilter(limit), PlainFilter(limit)
    assert [ours.is_new(k) for k in keys] == [plain.is_new(k) for k in keys]
    assert ours.keys().tolist() == list(plain.seen)


@given(
    keys=st.lists(st.integers(0, 2**64 - 1), max_size=100, unique=True), more=st.lists(st.integers(0, 30), max_size=50)
)
def test_a_restored_filter_goes_on_as_the_old_one_would(keys: list[int], more: list[int]) -> None:
    old, new = DuplicateFilter(50), DuplicateFilter(50)
    for key in keys:
        old.is_new(key)
    new.restore(old.keys(), old.next_number)
    assert [old.is_new(k) for k in more] == [new.is_new(k) for k in more]


@pytest.mark.compiled
@pytest.mark.parametrize("stride", [1, 1 << 20, 1 << 33], ids=["dense", "same low bits", "same low bits, high differ"])
def test_ids_that_collide_in_the_table_cost_no_correctness(stride: int) -> None:
    keys = [i * stride for i in range(3000)]
    ours, plain = DuplicateFilter(1000), PlainFilter(1000)
    sequence = [*keys, *keys[1500:], *keys[:10]]
    assert [ours.is_new(k % 2**64) for k in sequence] == [plain.is_new(k) for k in sequence]


def test_an_id_costs_16_bytes_at_the_limit() -> None:
    ours = DuplicateFilter(262_144)
    ours.reserve(262_144)
    assert (ours.ring.nbytes + ours.table.nbytes) / 262_144 <= 16
    assert DuplicateFilter(262_144).ring.nbytes < 20_000, "memory is taken when it is needed, not before"


def test_memory_never_passes_the_limit() -> None:
    ours = DuplicateFilter(100)
    rng = np.random.default_rng(1)
    for key in rng.integers(0, 2**63, 5000).tolist():
        ours.is_new(key)
    assert len(ours.ring) == 100
    assert len(ours.keys()) == 100
