"""Statistics of closed windows: the kernel equals its plain twin, and NaN stands where a statistic does not apply."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from driftline.processors import window_statistics as ws
from driftline.processors.arrays import F64, I32, U8, U32, Counts
from driftline.processors.codes import CELL_INVALID, CELL_MISSING, CELLS, N_CELLS
from driftline.processors.statistics.test_cells import test_cell_maps

EVEN = np.full(CELLS, 1 / CELLS)
TESTED = [ws.STAT_CHI_SQUARE, ws.STAT_CHI_SQUARE_DOF, ws.STAT_TEST_N, ws.STAT_TEST_REFERENCE_N]


def statistics(counts: U32, reference: F64, rows: I32, positions: F64, is_numeric: U8) -> F64:
    maps = test_cell_maps(reference, is_numeric)
    out = np.full((*counts.shape[:2], ws.NSTAT), -1.0)
    ws.window_statistics(counts, reference, rows, maps, positions, is_numeric, out)
    ws.finish_statistics(out)
    plain = ws.window_statistics_plain(counts, reference, rows, maps, positions, is_numeric)
    ws.finish_statistics(plain)
    np.testing.assert_allclose(out, plain, rtol=1e-6, atol=3e-8)
    return out


def one_field(counts: Counts, reference: Counts, *, numeric: bool = True, missing: int = 0) -> F64:
    """The statistics of one window of one field; counts and reference are [<= 64] value cells."""
    window, cells = np.zeros((1, 1, N_CELLS), np.uint32), np.zeros((1, 1, N_CELLS))
    window[0, 0, : len(counts)], cells[0, 0, : len(reference)] = counts, reference
    window[0, 0, CELL_MISSING] = missing
    positions = np.arange(CELLS, dtype=np.float64)[None]
    out = statistics(window, cells, np.zeros(1, np.int32), positions, np.array([numeric], np.uint8))
    return np.asarray(out[0, 0])


@given(
    st.integers(1, 4),
    st.integers(1, 4),
    st.sampled_from([0, 60, 80, 90, 300, 1000, 30_000]),
    st.sampled_from([0, 100, 5_000, 100_000]),
    st.floats(0, 0.9),
    st.integers(0, 2**32),
)
def test_the_kernel_equals_its_plain_twin(groups: int, fields: int, n: int, m: int, missing: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(CELLS, rng.choice([0.05, 1.0, 100.0])), fields)
    reference = np.zeros((2, fields, N_CELLS))
    reference[:, :, :CELLS] = rng.multinomial(m, shares, (2, fields))
    reference[:, :, CELL_MISSING] = rng.poisson(m * missing, (2, fields))
    counts = np.zeros((groups, fields, N_CELLS), np.uint32)
    counts[:, :, :CELLS] = rng.multinomial(n, shares, (groups, fields))
    counts[:, :, CELL_MISSING] = rng.poisson(n * missing, (groups, fields))
    counts[:, :, CELL_INVALID] = rng.poisson(3, (groups, fields))
    rows = rng.integers(-1, 2, groups).astype(np.int32)
    positions = np.cumsum(rng.random((fields, CELLS)), axis=1)
    out = statistics(counts, reference, rows, positions, rng.integers(0, 2, fields).astype(np.uint8))
    assert np.isnan(out[rows < 0]).all()
    assert not np.isnan(out[rows >= 0][..., ws.STAT_N]).any()


def test_a_window_of_fewer_than_80_values_has_counts_and_nothing_else() -> None:
    reference = 100 * np.ones(CELLS)
    counts = np.zeros(CELLS)
    counts[:10] = 8
    stat = one_field(counts, reference)
    assert (stat[ws.STAT_N], stat[ws.STAT_REFERENCE_N]) == (80, 6400)
    assert not np.isnan(stat[ws.STAT_PSI])
    counts[0] -= 1
    stat = one_field(counts, reference, missing=10_000)  # missing values do not make up for valid ones
    assert (stat[ws.STAT_N], stat[ws.STAT_REFERENCE_N]) == (79, 6400)
    assert np.isnan(stat[ws.STAT_REFERENCE_N + 1 :]).all()


def test_an_empty_reference_row_has_no_statistics() -> None:
    stat = one_field(np.full(CELLS, 10), np.zeros(CELLS))
    assert (stat[ws.STAT_N], stat[ws.STAT_REFERENCE_N]) == (640, 0)
    assert np.isnan(stat[ws.STAT_REFERENCE_N + 1 :]).all()


def test_a_categorical_field_has_no_order_and_so_no_kolmogorov_smirnov_or_wasserstein() -> None:
    stat = one_field(np.full(4, 100), np.full(4, 1000.0), numeric=False)
    assert np.isnan(stat[[ws.STAT_KS, ws.STAT_KS_P, ws.STAT_KS_NULL_MEAN, ws.STAT_WASSERSTEIN]]).all()
    assert (stat[ws.STAT_PSI], stat[ws.STAT_CHI_SQUARE], stat[ws.STAT_CHI_SQUARE_P]) == (0.0, 0.0, 1.0)


def test_a_flag_too_rare_to_be_tested_still_shows_its_psi_beside_the_null_mean() -> None:
    stat = one_field(np.array([130, 120]), np.array([19_800.0, 200.0]), numeric=False)
    assert np.isnan(stat[[*TESTED, ws.STAT_CHI_SQUARE_P]]).all()
    assert stat[ws.STAT_PSI] > 1.0
    assert 0.0 < stat[ws.STAT_PSI_NULL_MEAN] < 0.01


def test_p_values_and_null_means_are_those_of_scipy_on_the_same_counts() -> None:
    rng = np.random.default_rng(11)
    reference, counts = rng.multinomial(20_000, EVEN), rng.multinomial(700, EVEN)
    stat = one_field(counts, reference.astype(np.float64))
    r, c = reference.reshape(16, 4).sum(axis=1), counts.reshape(16, 4).sum(axis=1)
    expected = stats.chi2_contingency(np.array([r, c]), correction=False)
    assert stat[ws.STAT_CHI_SQUARE] == pytest.approx(expected.statistic, rel=0.2)  # cells of the test are nearly these
    expected_p = stats.chi2.sf(stat[ws.STAT_CHI_SQUARE], stat[ws.STAT_CHI_SQUARE_DOF])
    assert stat[ws.STAT_CHI_SQUARE_P] == pytest.approx(expected_p)
    root = math.sqrt(700 * 20_000 / 20_700)
    assert stat[ws.STAT_KS_P] == pytest.approx(stats.kstwobign.sf(root * stat[ws.STAT_KS]))
    assert stat[ws.STAT_KS_NULL_MEAN] == pytest.approx(stats.kstwobign.mean() / root, rel=1e-6)
    assert stat[ws.STAT_PSI_NULL_MEAN] == pytest.approx(15 * (1 / 700 + 1 / 20_000), rel=0.03)


def test_more_missing_values_show_in_the_test_where_the_reference_has_enough_of_them() -> None:
    reference, counts = np.zeros((1, 1, N_CELLS)), np.zeros((1, 1, N_CELLS), np.uint32)
    reference[0, 0, [0, 1, CELL_MISSING]] = 9_000, 9_000, 2_000
    counts[0, 0, [0, 1, CELL_MISSING]] = 450, 450, 300
    stat = statistics(counts, reference, np.zeros(1, np.int32), np.zeros((1, CELLS)), np.zeros(1, np.uint8))[0, 0]
    assert (stat[ws.STAT_N], stat[ws.STAT_TEST_N], stat[ws.STAT_TEST_REFERENCE_N]) == (900, 1200, 20_000)
    assert stat[ws.STAT_CHI_SQUARE_DOF] == 2
    assert stat[ws.STAT_CHI_SQUARE_P] < 1e-9


def test_mostly_missing_fields_are_tested_by_all_the_values_their_cells_count() -> None:
    reference, counts = np.zeros((1, 1, N_CELLS)), np.zeros((1, 1, N_CELLS), np.uint32)
    reference[0, 0, [*range(10), CELL_MISSING]] = [200] * 10 + [18_000]
    counts[0, 0, [*range(10), CELL_MISSING]] = [40] * 10 + [3_600]
    stat = statistics(counts, reference, np.zeros(1, np.int32), np.arange(64.0)[None], np.ones(1, np.uint8))[0, 0]
    assert (stat[ws.STAT_TEST_N], stat[ws.STAT_CHI_SQUARE_DOF]) == (4_000, 10)


def test_a_window_with_fewer_values_than_its_reference_lacks_is_judged_in_its_own_size_class() -> None:
    even = np.full(CELLS, 1_000.0)
    degrees = [one_field(np.full(CELLS, n // CELLS), even)[ws.STAT_CHI_SQUARE_DOF] for n in (128, 192, 320, 512, 6_400)]
    assert degrees == [3, 7, 8, 15, 15]
