from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from driftline.processors.codes import BINS, CELLS, cell_of_bin
from driftline.processors.reference.bins import bin_counts, cell_means, edge_between, inner_edges

FINITE = st.floats(allow_nan=False, allow_infinity=False)
# repeated values, long runs, tiny and huge gaps
SAMPLES = st.lists(
    st.one_of(FINITE, st.integers(-5, 5).map(float), st.sampled_from([0.0, -0.0, 1e-300, 1e300])),
    min_size=1,
    max_size=80,
)
MANY = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed))


@given(SAMPLES)
def test_up_to_256_distinct_values_have_a_bin_each(sample: list[float]) -> None:
    values = np.sort(np.array(sample))
    edges = inner_edges(values)
    distinct, counts = np.unique(values, return_counts=True)
    assert bin_counts(values, edges) == counts.tolist()
    assert len(edges) == len(distinct) - 1


@given(MANY, st.integers(257, 3_000), st.integers(0, 2))
def test_edges_are_ascending_and_no_value_lies_in_two_bins(rng: np.random.Generator, n: int, decimals: int) -> None:
    values = np.sort(np.round(rng.standard_cauchy(n), decimals))
    edges = inner_edges(values)
    assert len(edges) <= BINS - 1
    assert all(a < b for a, b in pairwise(edges))
    counts = bin_counts(values, edges)
    assert sum(counts) == n
    assert min(counts) > 0
    codes = np.searchsorted(edges, values, side="left")
    assert np.bincount(codes, minlength=len(counts)).tolist() == counts


@given(MANY)
def test_continuous_values_are_cut_into_256_equal_shares(rng: np.random.Generator) -> None:
    values = np.sort(rng.standard_normal(256 * 40))
    assert bin_counts(values, inner_edges(values)) == [40] * 256


@given(MANY, st.floats(0.02, 0.9))
def test_a_heavy_value_has_its_bin_to_itself(rng: np.random.Generator, share: float) -> None:
    n = 4_000
    values = rng.standard_normal(n)
    values[: int(share * n)] = 0.25
    values.sort()
    edges = inner_edges(values)
    assert len(edges) <= BINS - 1
    assert bin_counts(values, edges)[np.searchsorted(edges, 0.25)] == (values == 0.25).sum()


@given(FINITE, FINITE)
def test_an_edge_keeps_its_neighbours_apart(a: float, b: float) -> None:
    low, high = sorted((a + 0.0, b + 0.0))
    if low == high:
        return
    edge = edge_between(low, high)
    assert low <= edge < high


def test_edges_are_short_numbers() -> None:
    assert inner_edges(np.array([18.0, 19.0, 21.0])) == [18.5, 20.0]
    rng = np.random.default_rng(7)
    edges = inner_edges(rng.standard_normal(50_000))
    assert max(len(repr(edge)) for edge in edges) <= 10


@given(MANY, st.integers(1, 2_000), st.integers(0, 3))
def test_cell_means_ascend_and_their_weighted_mean_is_the_mean(rng: np.random.Generator, n: int, decimals: int) -> None:
    values = np.sort(np.round(rng.exponential(size=n), decimals))
    counts = bin_counts(values, inner_edges(values))
    means = cell_means(values, counts)
    rows = np.bincount(cell_of_bin(counts), weights=counts)
    assert len(means) == len(rows) <= CELLS
    assert means == sorted(means)
    assert np.isclose(np.dot(means, rows) / n, values.mean())


@given(st.lists(st.integers(0, 1_000), min_size=1, max_size=BINS))
def test_cells_are_unions_of_adjacent_bins(counts: list[int]) -> None:
    cells = cell_of_bin(counts)
    assert len(cells) == len(counts)
    assert np.all(np.diff(cells.astype(int)) >= 0)
    assert cells.max() < CELLS
    if len(counts) <= CELLS:
        assert cells.tolist() == list(range(len(counts)))
