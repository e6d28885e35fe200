"""Every statistic of a closed window, for all groups and fields at once: one kernel call per window close.

What is computed on which cells:
  KS, Wasserstein          the 64 value cells of a numeric field: sparse cells do not trouble them
  PSI, Jensen-Shannon, X2  the test cells that the window's size supports (statistics/test_cells.py), missing values
                           among them where the reference has enough. The same cells for all three, so that the p-value
                           of X2 answers whether the PSI differs from no drift; and few, so that the PSI is not mostly
                           chance: over 64 cells its mean without drift is .28 at 250 values, a "major" shift.

Where the reference supports no two test cells (a rare flag in a small window) there is no test, and PSI and
Jensen-Shannon fall back on the raw value cells: read them beside their null mean, which holds for sparse cells too.

Not applicable is NaN: everything without a reference row; all but the counts below 80 valid values; KS and Wasserstein
of a categorical field; X2 without two test cells.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit

from driftline.processors.arrays import F64, I32, U8, Counts
from driftline.processors.codes import CELL_MISSING, CELLS
from driftline.processors.kernels import njit_uncounted
from driftline.processors.statistics.chi_square import chi_square, chi_square_p, chi_square_plain
from driftline.processors.statistics.jensen_shannon import jensen_shannon_distance, jensen_shannon_distance_plain
from driftline.processors.statistics.kolmogorov_smirnov import ks_null_mean, ks_p, ks_statistic, ks_statistic_plain
from driftline.processors.statistics.psi import PSI_SMOOTHING, psi, psi_null_mean, psi_null_mean_plain, psi_plain
from driftline.processors.statistics.test_cells import EXCLUDED, MAX_TEST_CELLS, SIZE_CLASSES, SMALLEST_WINDOW
from driftline.processors.statistics.wasserstein import wasserstein, wasserstein_plain

# Columns of `out`. The kernel writes all but the last three, which `finish_statistics` derives from the others.
STAT_N: Final = 0
"""Valid values of the window."""
STAT_REFERENCE_N: Final = 1
"""Valid values of the reference row."""
STAT_PSI: Final = 2
STAT_PSI_NULL_MEAN: Final = 3
STAT_JENSEN_SHANNON: Final = 4
STAT_KS: Final = 5
STAT_WASSERSTEIN: Final = 6
STAT_CHI_SQUARE: Final = 7
STAT_CHI_SQUARE_DOF: Final = 8
STAT_TEST_N: Final = 9
"""Values of the window in the test cells: the valid ones, and the missing ones if they have a test cell."""
STAT_TEST_REFERENCE_N: Final = 10
STAT_KS_NULL_MEAN: Final = 11
STAT_KS_P: Final = 12
STAT_CHI_SQUARE_P: Final = 13
NSTAT: Final = 14


@njit_uncounted(fastmath=False)
def _size_class(valid: float, missing: float, cell_maps: U8) -> int:
    """The largest size class that is not above the number of values its test cells would count; -1 if there is none."""
    for c in range(len(SIZE_CLASSES) - 1, -1, -1):
        counted = valid + missing if cell_maps[c, CELL_MISSING] != EXCLUDED else valid
        if counted >= SIZE_CLASSES[c]:
            return c
    return -1


@njit_uncounted(fastmath=False)
def _fold(counts: Counts, reference: Counts, test_cells: U8, of_window: F64, of_reference: F64) -> int:
    """Add histogram cells up to test cells; their number k."""
    of_window[:] = 0.0
    of_reference[:] = 0.0
    k = 0
    for i in range(CELL_MISSING + 1):
        t = test_cells[i]
        if t != EXCLUDED:
            of_window[t] += float(counts[i])
            of_reference[t] += float(reference[i])
            k = max(k, int(t) + 1)
    return k


@njit_uncounted(fastmath=False)
def field_statistics(
    counts: Counts,
    reference: Counts,
    cell_maps: U8,
    positions: F64,
    numeric: bool,
    of_window: F64,
    of_reference: F64,
    out: F64,
) -> None:
    """One field of one window.

    counts, reference: [68]; cell_maps: uint8[C, 68]; of_window, of_reference: scratch float64[17]; out: [NSTAT].
    """
    out[:] = math.nan
    n = 0.0
    m = 0.0
    for i in range(CELLS):
        n += float(counts[i])
        m += float(reference[i])
    out[STAT_N] = n
    out[STAT_REFERENCE_N] = m
    if n < SMALLEST_WINDOW or m <= 0.0:
        return
    if numeric:
        out[STAT_KS] = ks_statistic(reference[:CELLS], counts[:CELLS])
        out[STAT_WASSERSTEIN] = wasserstein(reference[:CELLS], counts[:CELLS], positions)
    size_class = _size_class(n, float(counts[CELL_MISSING]), cell_maps)
    k = _fold(counts, reference, cell_maps[size_class], of_window, of_reference)
    if k < 2:
        out[STAT_PSI] = psi(reference[:CELLS], counts[:CELLS], PSI_SMOOTHING)
        out[STAT_PSI_NULL_MEAN] = psi_null_mean(reference[:CELLS], n, PSI_SMOOTHING)
        out[STAT_JENSEN_SHANNON] = jensen_shannon_distance(reference[:CELLS], counts[:CELLS])
        return
    test_n = 0.0
    test_m = 0.0
    for i in range(k):
        test_n += of_window[i]
        test_m += of_reference[i]
    out[STAT_PSI] = psi(of_reference[:k], of_window[:k], PSI_SMOOTHING)
    out[STAT_PSI_NULL_MEAN] = psi_null_mean(of_reference[:k], test_n, PSI_SMOOTHING)
    out[STAT_JENSEN_SHANNON] = jensen_shannon_distance(of_reference[:k], of_window[:k])
    x2, dof = chi_square(of_reference[:k], of_window[:k])
    out[STAT_CHI_SQUARE] = x2
    out[STAT_CHI_SQUARE_DOF] = dof
    out[STAT_TEST_N] = test_n
    out[STAT_TEST_REFERENCE_N] = test_m


@njit(cache=True, nogil=True, fastmath=False)
def window_statistics(
    counts: Counts,
    reference_cells: Counts,
    reference_row: I32,
    cell_maps: U8,
    cell_positions: F64,
    is_numeric: U8,
    out: F64,
) -> None:
    """Fill `out` for each group and field of a closed window.

    counts: uint32[G, M, 68]; reference_cells: float64[R, M, 68]; reference_row: int32[G], -1 = no reference;
    cell_maps: uint8[R, len(SIZE_CLASSES), M, 68] of `test_cell_maps`; cell_positions: float64[M, 64], ascending, in the
    field's units; is_numeric: uint8[M]; out: float64[G, M, NSTAT]. About 1 microsecond per group and field.
    """
    of_window = np.zeros(MAX_TEST_CELLS)
    of_reference = np.zeros(MAX_TEST_CELLS)
    for g in range(counts.shape[0]):
        row = reference_row[g]
        if row < 0:
            out[g] = math.nan
            continue
        for field in range(counts.shape[1]):
            field_statistics(
                counts[g, field],
                reference_cells[row, field],
                cell_maps[row, :, field],
                cell_positions[field],
                is_numeric[field] != 0,
                of_window,
                of_reference,
                out[g, field],
            )


def finish_statistics(out: F64) -> None:
    """Add the p-values and the null mean of KS in place, on whole arrays. out: float64[..., NSTAT]."""
    n, m = out[..., STAT_N], out[..., STAT_REFERENCE_N]
    known = ~np.isnan(out[..., STAT_KS])
    null_mean = np.full(n.shape, np.nan)
    null_mean[known] = ks_null_mean(n[known], m[known])
    out[..., STAT_KS_NULL_MEAN] = null_mean
    p = np.full(n.shape, np.nan)
    p[known] = ks_p(out[..., STAT_KS][known], n[known], m[known])
    out[..., STAT_KS_P] = p
    out[..., STAT_CHI_SQUARE_P] = chi_square_p(out[..., STAT_CHI_SQUARE], out[..., STAT_CHI_SQUARE_DOF])


def window_statistics_plain(
    counts: Counts, reference_cells: Counts, reference_row: I32, cell_maps: U8, cell_positions: F64, is_numeric: U8
) -> F64:
    """float64[G, M, NSTAT] by the plain twins of every kernel: what `window_statistics` is tested against."""
    groups, fields = counts.shape[:2]
    out = np.full((groups, fields, NSTAT), np.nan)
    for g in range(groups):
        row = int(reference_row[g])
        for field in range(fields if row >= 0 else 0):
            maps = cell_maps[row, :, field]
            stat = out[g, field]
            window, reference = counts[g, field].astype(np.float64), reference_cells[row, field]
            values, reference_values = window[:CELLS], reference[:CELLS]
            stat[STAT_N], stat[STAT_REFERENCE_N] = values.sum(), reference_values.sum()
            if values.sum() < SMALLEST_WINDOW or reference_values.sum() <= 0:
                continue
            if is_numeric[field]:
                stat[STAT_KS] = ks_statistic_plain(reference_values, values)
                stat[STAT_WASSERSTEIN] = wasserstein_plain(reference_values, values, cell_positions[field])
            counted = [values.sum() + (window[CELL_MISSING] if c[CELL_MISSING] != EXCLUDED else 0) for c in maps]
            cells = maps[max(i for i, size in enumerate(SIZE_CLASSES) if size <= counted[i])]
            used = cells != EXCLUDED
            k = int(cells[used].max()) + 1
            p, q = [np.bincount(cells[used], weights=x[used]) for x in (reference, window)]
            if k < 2:
                p, q = [reference_values, values]
            else:
                stat[STAT_CHI_SQUARE], stat[STAT_CHI_SQUARE_DOF] = chi_square_plain(p, q)
                stat[STAT_TEST_N], stat[STAT_TEST_REFERENCE_N] = q.sum(), p.sum()
            stat[STAT_PSI] = psi_plain(p, q, PSI_SMOOTHING)
            stat[STAT_PSI_NULL_MEAN] = psi_null_mean_plain(p, float(q.sum()), PSI_SMOOTHING)
            stat[STAT_JENSEN_SHANNON] = jensen_shannon_distance_plain(p, q)
    return out
