"""Test cells: how many, how full, and of what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.processors.arrays import F64
from driftline.processors.codes import (
    CELL_INVALID,
    CELL_MISSING,
    CELL_NEW_CATEGORY,
    CELL_OUT_OF_RANGE,
    CELLS,
    N_CELLS,
    POOLED_CODE,
)
from driftline.processors.statistics.test_cells import (
    EXCLUDED,
    MAX_VALUE_CELLS,
    SIZE_CLASSES,
    test_cell_map,
    test_cell_map_plain,
    test_cell_maps,
)

Kind = Literal["numeric", "categorical", "boolean"]
OVERLAYS = [CELL_OUT_OF_RANGE, CELL_NEW_CATEGORY]


def cells_of(values: Mapping[int, float] | Sequence[float], *, missing: float = 0, invalid: float = 0) -> F64:
    cells = np.zeros(N_CELLS)
    for i, count in values.items() if isinstance(values, Mapping) else enumerate(values):
        cells[i] = count
    cells[CELL_MISSING], cells[CELL_INVALID] = missing, invalid
    return cells


REFERENCES = st.tuples(
    st.lists(st.just(0) | st.integers(0, 40) | st.integers(0, 3000), min_size=CELLS, max_size=CELLS),
    st.dictionaries(st.integers(0, CELLS - 1), st.integers(1000, 50_000), max_size=3),  # atoms
    st.just(0) | st.integers(0, 20_000),
    st.integers(0, 500),
).map(lambda x: cells_of(dict(enumerate(x[0])) | x[1], missing=x[2], invalid=x[3]))
SIZES = st.sampled_from(SIZE_CLASSES)
KINDS: st.SearchStrategy[Kind] = st.sampled_from(["numeric", "categorical", "boolean"])


@given(REFERENCES, SIZES | st.integers(80, 20_000), KINDS)
def test_the_kernel_equals_its_plain_twin(cells: F64, n: int, kind: Kind) -> None:
    test_cells, k = test_cell_map(cells, n, kind)
    assert (test_cells.tolist(), k) == test_cell_map_plain(cells, n, kind)


@given(REFERENCES, SIZES, KINDS)
def test_every_test_cell_expects_enough_in_the_window_and_holds_as_many_of_the_reference(
    cells: F64, n: int, kind: Kind
) -> None:
    test_cells, k = test_cell_map(cells, n, kind)
    used = test_cells != EXCLUDED
    assert sorted(set(test_cells[used].tolist())) == list(range(k))
    assert k <= MAX_VALUE_CELLS + (test_cells[CELL_MISSING] != EXCLUDED)
    if k > 1:
        counts = np.bincount(test_cells[used], weights=cells[used])
        least = 25 if n >= 250 else 20
        assert counts.min() >= least - 1e-6
        assert (n * counts / counts.sum()).min() >= least - 1e-6


@given(REFERENCES, SIZES, KINDS)
def test_every_value_has_a_test_cell_and_invalid_values_never_have_one(cells: F64, n: int, kind: Kind) -> None:
    test_cells, k = test_cell_map(cells, n, kind)
    assert (test_cells[:CELLS] < k).all()
    assert (test_cells[[CELL_INVALID, *OVERLAYS]] == EXCLUDED).all()


@given(REFERENCES, SIZES)
def test_numeric_test_cells_are_unions_of_neighbours(cells: F64, n: int) -> None:
    test_cells, _ = test_cell_map(cells, n, "numeric")
    steps = np.diff(test_cells[:CELLS].astype(int))
    assert set(steps.tolist()) <= {0, 1}


@given(REFERENCES, SIZES)
def test_the_categories_that_keep_a_cell_are_the_most_frequent(cells: F64, n: int) -> None:
    test_cells, _ = test_cell_map(cells, n, "categorical")
    pooled = test_cells[POOLED_CODE]
    own = [i for i in range(POOLED_CODE) if test_cells[i] != pooled]
    others = [i for i in range(POOLED_CODE) if test_cells[i] == pooled]
    if own and others:
        assert min(cells[i] for i in own) >= max(sorted((cells[i] for i in others), reverse=True)[1:], default=0)


@pytest.mark.parametrize(("n", "k"), [(80, 4), (160, 8), (250, 9), (500, 16), (1000, 16), (8000, 16)])
def test_a_numeric_field_with_even_cells_gets_as_many_test_cells_as_the_window_can_fill(n: int, k: int) -> None:
    even = cells_of([313.0 if i % 2 else 312.0 for i in range(CELLS)])
    test_cells, found = test_cell_map(even, n, "numeric")
    assert found == k
    shares = np.bincount(test_cells[:CELLS], weights=even[:CELLS]) / even.sum()
    assert shares.max() <= 1.35 * shares.min()


def test_an_atom_stays_whole_and_the_values_beside_it_keep_their_cells() -> None:
    atom = cells_of([100.0] * 20 + [18_000.0] + [100.0] * 43)
    test_cells, k = test_cell_map(atom, 1000, "numeric")
    counts = np.bincount(test_cells[:CELLS], weights=atom[:CELLS])
    # a test cell needs 25 / 1000 of 24,300 rows, so 7 cells: two below the atom, whose neighbours join it, six above
    assert counts.tolist() == [700.0, 700.0, 18_600.0, 700.0, 700.0, 700.0, 700.0, 700.0, 800.0]
    assert k == 9


def test_a_constant_is_not_tested() -> None:
    for kind in ("numeric", "categorical", "boolean"):
        test_cells, k = test_cell_map(cells_of([20_000.0]), 8000, kind)
        assert k == 1
        assert (test_cells[:CELLS] == 0).all()


def test_a_flag_too_rare_for_the_window_is_not_tested_and_is_in_a_larger_one() -> None:
    flag = cells_of([19_200.0, 800.0])  # 4 %: 20 of 500, 40 of 1,000
    assert [test_cell_map(flag, n, "boolean")[1] for n in (250, 500, 1000)] == [1, 1, 2]


def test_many_rare_categories_share_one_cell_and_alone_are_no_test() -> None:
    rare = cells_of([100.0] * 63 + [5_000.0])
    assert test_cell_map(rare, 250, "categorical")[1] == 1
    with_a_frequent_one = cells_of([9_000.0] + [100.0] * 62 + [5_000.0])
    test_cells, k = test_cell_map(with_a_frequent_one, 250, "categorical")
    assert k == 2
    assert (test_cells[1:CELLS] == 1).all()


def test_categories_beyond_the_fifteenth_are_pooled() -> None:
    test_cells, k = test_cell_map(cells_of([1000.0 - i for i in range(20)]), 8000, "categorical")
    assert k == 16
    assert test_cells[:15].tolist() == list(range(15))
    assert set(test_cells[15:CELLS].tolist()) == {15}


def test_a_new_category_joins_the_least_frequent_cell_where_nothing_is_pooled() -> None:
    test_cells, k = test_cell_map(cells_of([300.0, 700.0]), 500, "categorical")
    assert (test_cells[:2].tolist(), k) == ([1, 0], 2)
    assert test_cells[POOLED_CODE] == test_cells[0]


def test_missing_values_have_a_test_cell_of_their_own_once_enough_are_expected() -> None:
    cells = cells_of([5000.0, 4000.0], missing=1000)  # 10 %
    for n, expected in ((160, EXCLUDED), (250, 2)):
        assert test_cell_map(cells, n, "boolean")[0][CELL_MISSING] == expected
    constant = cells_of([5000.0], missing=5000)  # no values to compare, but a missing share
    assert test_cell_map(constant, 250, "numeric")[1] == 2
    hardly_any_value = cells_of([10.0], missing=9_990)
    test_cells, k = test_cell_map(hardly_any_value, 250, "numeric")
    assert (k, test_cells[CELL_MISSING]) == (1, EXCLUDED)


def test_a_small_reference_limits_the_cells_of_a_large_window() -> None:
    small = cells_of([2.0] * CELLS)  # 128 rows
    assert test_cell_map(small, 8000, "numeric")[1] <= 5


def test_an_empty_reference_is_not_tested() -> None:
    assert test_cell_map(np.zeros(N_CELLS), 250, "numeric")[1] == 1


def test_all_maps_at_once_are_the_single_maps() -> None:
    rng = np.random.default_rng(5)
    reference = rng.integers(0, 300, (3, 4, N_CELLS)).astype(np.float64)
    is_numeric = np.array([1, 0, 1, 0], np.uint8)
    maps = test_cell_maps(reference, is_numeric)
    assert maps.shape == (3, len(SIZE_CLASSES), 4, N_CELLS)
    for row, c, field in np.ndindex(maps.shape[:3]):
        kind: Kind = "numeric" if is_numeric[field] else "categorical"
        assert np.array_equal(maps[row, c, field], test_cell_map(reference[row, field], SIZE_CLASSES[c], kind)[0])


def test_wrong_arguments_are_told_what_is_right() -> None:
    with pytest.raises(ValueError, match="give the 68 cell counts of one field"):
        test_cell_map(np.zeros(64), 250, "numeric")
    with pytest.raises(ValueError, match="at least 80 values"):
        test_cell_map(np.zeros(N_CELLS), 79, "numeric")
