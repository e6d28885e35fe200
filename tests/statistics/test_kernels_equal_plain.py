"""Each kernel equals the plain twin beside it, on any counts and any dtype; what both say about empty rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from driftline.processors.arrays import F64, U32
from driftline.processors.statistics.chi_square import chi_square, chi_square_p, chi_square_plain
from driftline.processors.statistics.jensen_shannon import (
    jensen_shannon_distance,
    jensen_shannon_distance_plain,
    jensen_shannon_null_distance,
)
from driftline.processors.statistics.kolmogorov_smirnov import ks_null_mean, ks_p, ks_statistic, ks_statistic_plain
from driftline.processors.statistics.psi import (
    PSI_SMOOTHING,
    psi,
    psi_band,
    psi_null_mean,
    psi_null_mean_plain,
    psi_plain,
)
from driftline.processors.statistics.wasserstein import wasserstein, wasserstein_plain

COUNTS = st.integers(1, 70).flatmap(
    lambda k: st.tuples(
        hnp.arrays(np.uint32, k, elements=st.integers(0, 50) | st.integers(0, 10**6), fill=st.just(0)),
        hnp.arrays(np.uint32, k, elements=st.integers(0, 50) | st.integers(0, 10**6), fill=st.just(0)),
    )
)


@given(COUNTS)
def test_psi_equals_its_plain_twin(counts: tuple[U32, U32]) -> None:
    reference, current = counts
    expected = psi_plain(reference, current, PSI_SMOOTHING)
    assert psi(reference, current, PSI_SMOOTHING) == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True)


@given(COUNTS)
def test_jensen_shannon_equals_its_plain_twin(counts: tuple[U32, U32]) -> None:
    reference, current = counts
    # the twin loses half of the digits near 0, where the root is steep: 1e-8 is what its own rounding allows
    expected = jensen_shannon_distance_plain(reference, current)
    assert jensen_shannon_distance(reference, current) == pytest.approx(expected, rel=1e-9, abs=3e-8, nan_ok=True)


@given(COUNTS)
def test_kolmogorov_smirnov_equals_its_plain_twin(counts: tuple[U32, U32]) -> None:
    reference, current = counts
    expected = ks_statistic_plain(reference, current)
    assert ks_statistic(reference, current) == pytest.approx(expected, abs=1e-12, nan_ok=True)


@given(COUNTS, st.floats(-1e6, 1e6), st.floats(1e-3, 1e3))
def test_wasserstein_equals_its_plain_twin(counts: tuple[U32, U32], start: float, step: float) -> None:
    reference, current = counts
    positions: F64 = np.asarray(start + step * np.arange(len(current)) ** 1.5, np.float64)
    expected = wasserstein_plain(reference, current, positions)
    actual = wasserstein(reference, current, positions)
    assert actual == pytest.approx(expected, rel=1e-9, abs=1e-9 * step, nan_ok=True)


@given(COUNTS)
def test_chi_square_equals_its_plain_twin(counts: tuple[U32, U32]) -> None:
    reference, current = counts
    x2, dof = chi_square(reference, current)
    expected_x2, expected_dof = chi_square_plain(reference, current)
    assert x2 == pytest.approx(expected_x2, rel=1e-9, abs=1e-9, nan_ok=True)
    assert dof == expected_dof


@given(COUNTS, st.integers(1, 10**6))
def test_the_null_mean_of_psi_equals_its_plain_twin(counts: tuple[U32, U32], n: int) -> None:
    reference = counts[0]
    expected = psi_null_mean_plain(reference, float(n), PSI_SMOOTHING)
    assert psi_null_mean(reference, float(n), PSI_SMOOTHING) == pytest.approx(expected, rel=1e-6, abs=1e-9, nan_ok=True)


@given(COUNTS)
def test_counts_may_come_as_any_number_type(counts: tuple[U32, U32]) -> None:
    reference, current = counts
    as_floats: tuple[F64, F64] = (reference.astype(np.float64), current.astype(np.float64))
    assert np.array_equal(psi(*as_floats, 1e-4), psi(reference, current, 1e-4), equal_nan=True)
    assert np.array_equal(ks_statistic(*as_floats), ks_statistic(reference, current), equal_nan=True)
    assert np.array_equal(chi_square(*as_floats)[0], chi_square(reference, current)[0], equal_nan=True)


@given(COUNTS, st.integers(2, 9))
def test_equal_shares_are_no_distance_at_all_however_many_values_stand_behind_them(
    counts: tuple[U32, U32], factor: int
) -> None:
    reference = counts[0].astype(np.float64) + 1.0
    more = reference * factor
    assert psi(reference, more, PSI_SMOOTHING) == 0.0
    assert jensen_shannon_distance(reference, more) == 0.0
    assert ks_statistic(reference, more) == 0.0
    assert wasserstein(reference, more, np.arange(len(more), dtype=np.float64)) == 0.0
    assert chi_square(reference, more)[0] == 0.0


def test_an_empty_row_has_no_statistic() -> None:
    some, none = np.array([3.0, 4.0]), np.zeros(2)
    for reference, current in ((some, none), (none, some), (none, none)):
        for pair in (
            (psi, psi_plain),
            (lambda r, c, _: jensen_shannon_distance(r, c), lambda r, c, _: jensen_shannon_distance_plain(r, c)),
            (lambda r, c, _: ks_statistic(r, c), lambda r, c, _: ks_statistic_plain(r, c)),
            (lambda r, c, _: wasserstein(r, c, some), lambda r, c, _: wasserstein_plain(r, c, some)),
            (lambda r, c, _: chi_square(r, c)[0], lambda r, c, _: chi_square_plain(r, c)[0]),
        ):
            assert [math.isnan(f(reference, current, PSI_SMOOTHING)) for f in pair] == [True, True]
        assert chi_square(reference, current)[1] == chi_square_plain(reference, current)[1] == 0
    for null_mean in (psi_null_mean, psi_null_mean_plain):
        assert math.isnan(null_mean(none, 10.0, PSI_SMOOTHING))
        assert math.isnan(null_mean(some, 0.0, PSI_SMOOTHING))


def test_one_cell_is_no_test() -> None:
    x2, dof = chi_square(np.array([10.0]), np.array([7.0]))
    assert (x2, dof) == (0.0, 0)
    assert np.isnan(chi_square_p([x2, math.nan], [dof, 3])).all()


def test_disjoint_histograms_are_at_distance_one() -> None:
    reference, current = np.array([5.0, 0.0, 3.0, 0.0]), np.array([0.0, 2.0, 0.0, 9.0])
    assert jensen_shannon_distance(reference, current) == 1.0
    assert ks_statistic(np.array([5.0, 0.0]), np.array([0.0, 2.0])) == 1.0


def test_cells_without_values_need_no_position() -> None:
    nowhere = np.array([math.nan, 1.0, math.nan, 4.0, math.nan])
    counts = np.array([0.0, 2.0, 0.0, 2.0, 0.0])
    assert wasserstein(counts, np.array([0.0, 0.0, 0.0, 4.0, 0.0]), nowhere) == 1.5


def test_bands_are_the_familiar_ones_and_nothing_is_said_of_nan() -> None:
    bands = [psi_band(x) for x in (0.0, 0.0999, 0.1, 0.1999, 0.2, 9.0)]
    assert bands == ["none", "none", "moderate", "moderate", "major", "major"]
    assert psi_band(math.nan) is None


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("k", "n", "m"), [(4, 80, 5_000), (10, 250, 20_000), (16, 1_000, 10_000), (64, 250, 20_000), (64, 80, 800)]
)
def test_the_null_means_are_what_simulated_samples_without_drift_show(k: int, n: int, m: int) -> None:
    rng = np.random.default_rng(20_240_501)
    share = rng.dirichlet(np.full(k, 20.0))
    # where the reference counts are sparse, the prediction from one reference is itself noisy: average over references
    references, windows = rng.multinomial(m, share, 800), rng.multinomial(n, share, 800)
    realised_psi = np.mean([psi(r, c, PSI_SMOOTHING) for r, c in zip(references, windows, strict=True)])
    predicted = np.mean([psi_null_mean(r, float(n), PSI_SMOOTHING) for r in references])
    assert predicted == pytest.approx(realised_psi, rel=0.08)
    squared = np.mean([jensen_shannon_distance(r, c) ** 2 for r, c in zip(references, windows, strict=True)])
    if n / k >= 20:
        assert float(jensen_shannon_null_distance(k, n, m)) == pytest.approx(math.sqrt(squared), rel=0.05)


def test_the_null_mean_of_kolmogorov_smirnov_is_that_of_continuous_values() -> None:
    rng = np.random.default_rng(7)
    n, m = 300, 900
    ones, gaps = np.ones(n + m), []
    for _ in range(400):
        from_window = np.zeros(n + m)
        from_window[rng.permutation(n + m)[:n]] = 1.0
        gaps.append(ks_statistic(ones - from_window, from_window))
    # the finite-sample D is a little below its limit (by about 1 / (6 sqrt n), Stephens 1970)
    assert float(np.mean(gaps)) == pytest.approx(float(ks_null_mean(n, m)), rel=0.06)
    assert float(np.mean(ks_p(gaps, n, m) < 0.1)) == pytest.approx(0.1, abs=0.06)
