"""The kernels of the e-detector are their plain twins, bit for bit; ranks are ranks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from driftline.processors.arrays import F64
from driftline.processors.concept.error_bets import ERRORS, VALUES
from driftline.processors.concept.error_bets_plain import PlainErrorBets
from driftline.processors.concept.rank_bets import (
    CELLS,
    EDGES_FROM,
    cell_counts,
    cell_edges,
    rank_bets,
    rank_weights,
    thetas,
)
from driftline.processors.concept.rank_bets_plain import PlainRankBets
from driftline.processors.concept.settings import ErrorReference
from driftline.processors.concept.watch import ErrorWatch
from tests.concept.streams import flips, rises, said_by, sizes, watch_of

lengths = st.lists(st.tuples(st.integers(0, 300), st.floats(0.0, 1.0)), min_size=1, max_size=4)


def state_of(watch: ErrorWatch, name: str) -> F64:
    array: F64 = watch._bets._by_row[name][0]
    return array


@given(
    st.integers(0, 2**32), lengths, st.sampled_from([10.0, 100.0, 1e4]), st.sampled_from([(0, 0), (50, 4), (900, 0)])
)
def test_error_bets_are_their_plain_twin(
    seed: int, stretches: list[tuple[int, float]], arl: float, reference: tuple[int, int]
) -> None:
    errors = flips(np.random.default_rng(seed), *stretches)
    watch, plain = watch_of(arl=arl, learn_from=20), PlainErrorBets(arl, 20, reference)
    if reference[0]:
        watch.give_reference(0, 0, ErrorReference(reference[0], float(reference[1])))
    expected = [i for i, x in enumerate(errors.tolist()) if plain.update(x)]
    assert rises(said_by(watch, errors)) == expected
    if len(errors):
        assert state_of(watch, "stakes").tolist() == plain.stakes
        assert state_of(watch, "onsets").tolist() == [list(onset) for onset in plain.onsets]
        assert state_of(watch, "counts")[[VALUES, ERRORS]].tolist() == [plain.n, plain.errors]


@given(st.integers(0, 2**32), lengths, st.sampled_from([10.0, 100.0, 1e4]))
def test_rank_bets_are_their_plain_twin(seed: int, stretches: list[tuple[int, float]], arl: float) -> None:
    rng = np.random.default_rng(seed)
    first, later = sizes(rng, (EDGES_FROM, 1.0)), sizes(rng, *stretches)
    watch = watch_of(arl=arl, learn_from=20, values="numeric")
    said_by(watch, first)
    plain = PlainRankBets(arl, cell_edges(first), 20)
    theta = thetas(np.arange(EDGES_FROM, EDGES_FROM + len(later)))
    found = [EDGES_FROM + i for i, x in enumerate(later.tolist()) if plain.update(x, float(theta[i]))]
    assert rises(said_by(watch, later, start=EDGES_FROM)) == found
    assert state_of(watch, "stakes").tolist() == plain.stakes
    assert state_of(watch, "onsets").tolist() == [list(onset) for onset in plain.onsets]
    assert state_of(watch, "counts")[0].tolist() == plain.counts


@given(st.integers(0, 2**32), st.floats(0.0, 0.999))
def test_a_rank_is_the_smoothed_rank_among_all_earlier_values(seed: int, theta: float) -> None:
    """Of a few distinct values each has a cell of its own, so nothing is lost by counting in cells."""
    values = np.random.default_rng(seed).integers(0, 8, 40).astype(np.float64)
    plain = PlainRankBets(1e100, np.sort(np.append(np.arange(8.0), np.full(CELLS - 9, 9.0))), 1)
    for i, x in enumerate(values.tolist()):
        plain.update(x, theta)
        if i:
            low = stats.rankdata(values[: i + 1], "min")[i] - 1
            high = stats.rankdata(values[: i + 1], "max")[i]
            assert plain.u == (low + theta * (high - low)) / (i + 1)


def test_bets_on_ranks_are_fair_and_never_on_smaller_errors() -> None:
    table = rank_bets()
    assert (table.mean(axis=0) == 1.0).all()
    assert (np.diff(table, axis=0) >= -1e-11).all()  # the grains of rounding
    assert rank_weights().sum() == pytest.approx(1.0)


def test_what_breaks_ties_is_evenly_spread_and_always_the_same() -> None:
    theta = thetas(np.arange(100_000))
    assert stats.kstest(theta, "uniform").pvalue > 1e-3
    assert np.array_equal(theta, thetas(np.arange(100_000)))


def test_cells_of_a_reference_are_about_equally_full_and_nothing_is_lost_over_other_edges() -> None:
    rng = np.random.default_rng(5)
    reference = ErrorReference.of(rng.exponential(size=6_400), "numeric")
    assert reference.counts is not None and reference.counts.min() >= 99
    other = cell_edges(rng.exponential(2.0, 1_000))
    moved = reference.cells_between(other)
    assert moved.sum() == 6_400
    exact = cell_counts(rng.exponential(size=6_400), other)
    assert np.abs(np.cumsum(moved) - np.cumsum(exact)).max() < 400
