"""Binned against exact: statistics over 64 cells of 256 reference quantile bins stay within their documented bounds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from driftline.processors.arrays import F64
from driftline.processors.codes import BINS, CELLS, cell_of_bin
from driftline.processors.statistics.kolmogorov_smirnov import ks_binning_bound, ks_p, ks_statistic
from driftline.processors.statistics.wasserstein import wasserstein, wasserstein_at_least, wasserstein_binning_bound

ORACLES = Path(__file__).parents[1] / "data" / "oracles"
PAIRS = list(json.loads((ORACLES / "divergence_oracles.json").read_text())["numerical"])


class Binned(NamedTuple):
    """Two samples in the cells of the first: counts, positions, least and greatest value of each cell; [64] each."""

    reference: F64
    current: F64
    positions: F64
    lower: F64
    upper: F64


def binned(reference: F64, current: F64) -> Binned:
    edges = np.unique(np.quantile(reference, np.arange(1, BINS) / BINS))
    edges = edges[edges < reference.max()]
    bin_of = [np.searchsorted(edges, x, side="left") for x in (reference, current)]
    cells = cell_of_bin(np.bincount(bin_of[0], minlength=len(edges) + 1))
    counts = [np.bincount(cells[b], minlength=CELLS).astype(np.float64) for b in bin_of]
    sums = np.bincount(cells[bin_of[0]], weights=reference, minlength=CELLS)
    low, high = min(reference.min(), current.min()), max(reference.max(), current.max())
    bounds = np.concatenate([[low], edges, [high]])
    used = np.arange(CELLS)[:, None] == cells[None, :]
    first, last = used.argmax(axis=1), len(cells) - 1 - used[:, ::-1].argmax(axis=1)
    # rounding of the mean must not put a position outside its cell
    positions = np.clip(
        np.divide(sums, counts[0], out=bounds[first].copy(), where=counts[0] > 0), bounds[first], bounds[last + 1]
    )
    return Binned(counts[0], counts[1], positions, bounds[first], bounds[last + 1])


def check_bounds(reference: F64, current: F64) -> None:
    b = binned(reference, current)
    exact_d = stats.ks_2samp(reference, current, method="asymp").statistic
    binned_d = ks_statistic(b.reference, b.current)
    atom = b.lower == b.upper
    bound = ks_binning_bound(b.reference, b.current, atom)
    assert binned_d <= exact_d + 1e-12
    assert exact_d <= binned_d + bound + 1e-12
    smaller = np.minimum(b.reference / b.reference.sum(), b.current / b.current.sum())
    assert bound <= np.where(atom, 0.0, smaller).max() + 1e-12
    assert bound <= ks_binning_bound(b.reference, b.current) <= smaller.max() + 1e-12
    n, m = len(current), len(reference)
    assert ks_p(binned_d, n, m) >= ks_p(exact_d + 1e-12, n, m)
    exact_w = stats.wasserstein_distance(reference, current)
    binned_w = wasserstein(b.reference, b.current, b.positions)
    bound_w = wasserstein_binning_bound(b.reference, b.current, b.positions, b.lower, b.upper)
    scale = max(abs(b.lower.min()), abs(b.upper.max()))
    assert abs(exact_w - binned_w) <= bound_w + 1e-12 * scale
    corrected_w = float(wasserstein_at_least(binned_w, current.mean(), reference.mean()))
    assert abs(exact_w - corrected_w) <= abs(exact_w - binned_w) + 1e-12 * scale


def draw(family: str, size: int, shift: float, scale: float, rng: np.random.Generator) -> F64:
    shapes: dict[str, Callable[[int], F64]] = {
        "normal": rng.standard_normal,
        "uniform": rng.random,
        "exponential": rng.standard_exponential,
        "cauchy": rng.standard_cauchy,
        "two peaks": lambda n: rng.standard_normal(n) + 9.0 * (rng.random(n) < 0.3),
    }
    return np.asarray(shift + scale * shapes[family](size))


FAMILIES = st.sampled_from(["normal", "uniform", "exponential", "cauchy", "two peaks"])


@given(
    FAMILIES,
    FAMILIES,
    st.integers(2, 3000),
    st.integers(1, 3000),
    st.floats(-3, 3),
    st.floats(0.2, 5),
    st.integers(0, 2**32),
)
def test_binned_statistics_of_continuous_data_stay_within_the_bounds(
    family: str, current_family: str, m: int, n: int, shift: float, scale: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    check_bounds(draw(family, m, 0.0, 1.0, rng), draw(current_family, n, shift, scale, rng))


VALUES = st.floats(-1e6, 1e6, allow_subnormal=False)


@given(st.lists(VALUES, min_size=2, max_size=400), st.lists(VALUES, min_size=1, max_size=100))
def test_binned_statistics_of_any_values_stay_within_the_bounds(reference: list[float], current: list[float]) -> None:
    check_bounds(np.array(reference), np.array(current))


@given(FAMILIES, st.integers(300, 3000), st.integers(0, 2**32), st.integers(0, 2))
def test_ties_do_not_break_the_bounds(family: str, m: int, seed: int, decimals: int) -> None:
    rng = np.random.default_rng(seed)
    check_bounds(draw(family, m, 0.0, 1.0, rng).round(decimals), draw(family, m // 3, 0.1, 1.0, rng).round(decimals))


@pytest.mark.parametrize("pair", PAIRS)
def test_binned_statistics_of_the_oracle_pairs_stay_within_the_bounds(pair: str) -> None:
    with np.load(ORACLES / "divergence_inputs.npz") as inputs:
        check_bounds(inputs[f"{pair}_ref"], inputs[f"{pair}_cur"])


def test_without_drift_the_bound_of_d_is_about_one_cell() -> None:
    rng = np.random.default_rng(3)
    b = binned(rng.standard_normal(20_000), rng.standard_normal(5_000))
    assert ks_binning_bound(b.reference, b.current) <= 1.1 / CELLS


def test_a_shift_out_of_the_range_of_the_reference_is_measured_by_the_means() -> None:
    with np.load(ORACLES / "divergence_inputs.npz") as inputs:
        reference, current = inputs["disjoint_ref"], inputs["disjoint_cur"]
    b = binned(reference, current)
    exact, from_cells = stats.wasserstein_distance(reference, current), wasserstein(b.reference, b.current, b.positions)
    assert from_cells < exact / 2
    assert float(wasserstein_at_least(from_cells, current.mean(), reference.mean())) == pytest.approx(exact, rel=1e-9)
    assert np.isnan(wasserstein_at_least(np.nan, 1.0, 2.0))


def test_an_atom_in_a_cell_of_its_own_does_not_loosen_the_bound_of_d() -> None:
    with np.load(ORACLES / "divergence_inputs.npz") as inputs:
        b = binned(inputs["spike_ref"], inputs["spike_cur"])
    assert ks_binning_bound(b.reference, b.current) > 0.3
    assert ks_binning_bound(b.reference, b.current, b.lower == b.upper) < 0.02


def test_a_far_outlier_shows_in_the_bound_of_wasserstein_and_not_in_the_binned_distance() -> None:
    rng = np.random.default_rng(4)
    reference, current = rng.standard_normal(20_000), rng.standard_normal(1_000)
    current[0] = 1e6
    b = binned(reference, current)
    assert wasserstein(b.reference, b.current, b.positions) < 1.0
    assert stats.wasserstein_distance(reference, current) > 900.0
    check_bounds(reference, current)
