"""The production kernels on the counts of the oracle pairs: scipy's numbers to 1e-9, PSI in the textbook form."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from driftline.processors.arrays import F64
from driftline.processors.statistics.chi_square import chi_square, chi_square_p
from driftline.processors.statistics.jensen_shannon import jensen_shannon_distance
from driftline.processors.statistics.kolmogorov_smirnov import ks_p, ks_statistic
from driftline.processors.statistics.psi import PSI_SMOOTHING, psi
from driftline.processors.statistics.wasserstein import wasserstein

DATA = Path(__file__).parents[1] / "data" / "oracles"
ORACLES: dict[str, Any] = json.loads((DATA / "divergence_oracles.json").read_text())
NUMERIC: dict[str, Any] = ORACLES["numerical"]
TABLES: dict[str, Any] = ORACLES["categorical"]
TEXTBOOK = "textbook_10_ref_quantiles_eps1e4"


def samples(pair: str) -> tuple[F64, F64]:
    with np.load(DATA / "divergence_inputs.npz") as inputs:
        return inputs[f"{pair}_ref"], inputs[f"{pair}_cur"]


def one_cell_per_value(reference: F64, current: F64) -> tuple[F64, F64, F64]:
    """Positions and the two rows of counts when every distinct value of the pooled sample has a cell of its own."""
    positions, cells = np.unique(np.concatenate([reference, current]), return_inverse=True)
    counts = [
        np.bincount(part, minlength=len(positions)).astype(np.float64) for part in np.split(cells, [len(reference)])
    ]
    return positions, counts[0], counts[1]


def textbook_counts(pair: str) -> tuple[F64, F64]:
    """Counts in the oracle's own bins; bins are half-open at the top, as numpy.histogram has them."""
    reference, current = samples(pair)
    edges = NUMERIC[pair][TEXTBOOK]["inner_edges"]
    counts = [
        np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1).astype(np.float64)
        for values in (reference, current)
    ]
    return counts[0], counts[1]


def table_counts(table: str) -> tuple[F64, F64]:
    reference, current = TABLES[table]["ref"], TABLES[table]["cur"]
    names = sorted(reference.keys() | current.keys())
    return np.array([reference.get(k, 0.0) for k in names]), np.array([current.get(k, 0.0) for k in names])


def test_the_oracles_hold_eleven_numeric_pairs_and_seven_tables() -> None:
    assert (len(NUMERIC), len(TABLES)) == (11, 7)


@pytest.mark.parametrize("pair", NUMERIC)
def test_kolmogorov_smirnov_equals_scipy(pair: str) -> None:
    reference, current = samples(pair)
    _, r, c = one_cell_per_value(reference, current)
    d = ks_statistic(r, c)
    assert d == pytest.approx(NUMERIC[pair]["scipy"]["ks_D"], abs=1e-9)
    assert d == pytest.approx(stats.ks_2samp(reference, current, method="asymp").statistic, abs=1e-9)
    m, n = len(reference), len(current)
    expected_p = stats.kstwobign.sf(math.sqrt(n * m / (n + m)) * d)
    assert float(ks_p(d, n, m)) == pytest.approx(expected_p, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("pair", NUMERIC)
def test_wasserstein_equals_scipy_in_the_units_of_the_field(pair: str) -> None:
    reference, current = samples(pair)
    positions, r, c = one_cell_per_value(reference, current)
    distance = wasserstein(r, c, positions)
    assert distance == pytest.approx(NUMERIC[pair]["scipy"]["wasserstein"], abs=1e-9)
    assert distance == pytest.approx(stats.wasserstein_distance(reference, current), abs=1e-9)


@pytest.mark.parametrize("pair", NUMERIC)
def test_the_counts_of_the_oracle_bins_are_the_oracle_shares(pair: str) -> None:
    r, c = textbook_counts(pair)
    assert r / r.sum() == pytest.approx(NUMERIC[pair][TEXTBOOK]["p"], abs=1e-12)
    assert c / c.sum() == pytest.approx(NUMERIC[pair][TEXTBOOK]["q"], abs=1e-12)


@pytest.mark.parametrize("pair", NUMERIC)
def test_psi_equals_the_textbook_form_with_a_floor_of_one_in_ten_thousand(pair: str) -> None:
    r, c = textbook_counts(pair)
    assert psi(r, c, PSI_SMOOTHING) == pytest.approx(NUMERIC[pair][TEXTBOOK]["psi"], abs=1e-9)


@pytest.mark.parametrize("pair", NUMERIC)
def test_jensen_shannon_of_numeric_pairs_equals_scipy_in_base_2_and_in_nats(pair: str) -> None:
    r, c = textbook_counts(pair)
    distance = jensen_shannon_distance(r, c)
    assert distance == pytest.approx(NUMERIC[pair][TEXTBOOK]["js_dist_base2"], abs=1e-9)
    assert distance == pytest.approx(float(jensenshannon(r, c, base=2)), abs=1e-9)
    assert distance * math.sqrt(math.log(2)) == pytest.approx(NUMERIC[pair][TEXTBOOK]["js_dist_nat"], abs=1e-9)


@pytest.mark.parametrize("table", TABLES)
def test_jensen_shannon_of_tables_equals_scipy_in_base_2_and_in_nats(table: str) -> None:
    distance = jensen_shannon_distance(*table_counts(table))
    assert distance == pytest.approx(TABLES[table]["scipy_js_dist_base2"], abs=1e-9)
    assert distance * math.sqrt(math.log(2)) == pytest.approx(TABLES[table]["scipy_js_dist_nat"], abs=1e-9)


@pytest.mark.parametrize("table", TABLES)
def test_chi_square_equals_scipy_with_degrees_of_freedom_and_p(table: str) -> None:
    r, c = table_counts(table)
    oracle = TABLES[table]["scipy_chi2_contingency"]
    x2, dof = chi_square(r, c)
    assert x2 == pytest.approx(oracle["stat"], abs=1e-9)
    assert dof == oracle["dof"]
    assert float(chi_square_p(x2, dof)) == pytest.approx(oracle["p"], rel=1e-9)
    live = stats.chi2_contingency(np.array([r, c]), correction=False)
    assert x2 == pytest.approx(live.statistic, abs=1e-9)
    assert dof == live.dof
    assert float(chi_square_p(x2, dof)) == pytest.approx(live.pvalue, rel=1e-9)
