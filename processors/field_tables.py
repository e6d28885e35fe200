"""The reference as arrays for the kernels: one column per field, one reference row per segment that has its own profile.

Reference row 0 is the whole model; a segment of the reference has the next rows; a segment the reference does not know has
none: its windows are compared with the whole model's profile for display, and nothing alarms for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from driftline.processors.arrays import F64, U8, U32
from driftline.processors.codes import (
    BINS,
    CELL_INVALID,
    CELL_MISSING,
    CELLS,
    INVALID_CODE,
    MISSING_CODE,
    N_CELLS,
    N_CODES,
    NEW_CATEGORY_CODE,
    cell_of_bin,
)
from driftline.processors.reference.profile import FieldProfile, Reference
from driftline.processors.segments import WHOLE_MODEL, Segment
from driftline.processors.transform import padded_edges
from driftline.schemas.layout import Role, SignalKind

FULL: Final = 1 << 16
"""Levels are computed in 1/65536 of the unit interval; 256 of these make one level."""

SIGNAL_KIND: Final[dict[Role, SignalKind]] = {
    "feature": "data",
    "prediction": "prediction",
    "score": "prediction",
    "measurement": "measurement",
}


class FieldTables:
    """Arrays made once from a reference; read-only afterwards.

    edges: float64[M_numeric, 256]; cell_of_code: uint8[M, 258]; cells: float64[R, M, 68] reference counts per cell;
    whole_cdf: uint32[M, 257] and segment_cdf: uint32[R, M, 65]: reference share below each code (cell), in 1/65536;
    center: float64[M_numeric] reference means; low, high: float64[M_numeric] the contract's range.
    """

    def __init__(self, reference: Reference | None, sets: Sequence[tuple[str, ...]] = ()) -> None:
        fields = reference.fields if reference is not None else []
        self.reference_hash = reference.hash if reference is not None else None
        self.fields = list(fields)
        self.names = [f.name for f in fields]
        self.kinds = [SIGNAL_KIND[f.role] for f in fields]
        numeric = [f for f in fields if f.kind == "numeric"]
        self.n_fields, self.n_numeric = len(fields), len(numeric)
        self.is_numeric: U8 = np.array([f.kind == "numeric" for f in fields], np.uint8)
        self.edges: F64 = padded_edges([f.edges for f in numeric])
        self.center: F64 = np.array([f.mean or 0.0 for f in numeric], np.float64)
        self.low: F64 = np.array([_or(f.contract.minimum, -np.inf) for f in numeric], np.float64)
        self.high: F64 = np.array([_or(f.contract.maximum, np.inf) for f in numeric], np.float64)
        self.cell_of_code: U8 = np.array([_cells_of_codes(f) for f in fields], np.uint8).reshape(-1, N_CODES)
        self.rows, self.cells = _reference_cells(reference, self.cell_of_code, tuple(sets))
        self.whole_cdf: U32 = np.array([_cdf(_code_counts(f), BINS) for f in fields], np.uint32).reshape(-1, BINS + 1)
        self.segment_cdf: U32 = np.array(
            [[_cdf(cells[:CELLS], CELLS) for cells in row] for row in self.cells], np.uint32
        ).reshape(len(self.cells), -1, CELLS + 1)
        self.positions: F64 = np.array([_positions(f) for f in fields], np.float64).reshape(-1, CELLS)
        # an odd multiplier per field, so that the randomised transforms of two fields are independent
        self.multipliers = np.array([_odd_multiplier(m) for m in range(len(fields))], np.uint64)

    def reference_row(self, segment: Segment) -> int:
        """The row of the segment's own profile, -1 if it has none."""
        return self.rows.get(segment, -1)

    def reference_n(self, row: int) -> F64:
        """float64[M]: valid reference values of each field in a reference row."""
        counts: F64 = self.cells[max(row, 0), :, :CELLS].sum(axis=1)
        return counts


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _cells_of_codes(field: FieldProfile) -> U8:
    codes = np.full(N_CODES, CELLS - 1, np.uint8)
    if field.kind == "numeric":
        cells = cell_of_bin(np.asarray(field.bin_counts))
        codes[: len(cells)] = cells
        codes[len(cells) : BINS] = cells[-1]
    else:
        codes[:CELLS] = np.arange(CELLS)
        codes[NEW_CATEGORY_CODE] = CELLS - 1
    codes[INVALID_CODE] = CELL_INVALID
    codes[MISSING_CODE] = CELL_MISSING
    return codes


def _code_counts(field: FieldProfile) -> F64:
    counts = np.zeros(BINS)
    if field.kind == "numeric":
        counts[: len(field.bin_counts)] = field.bin_counts
    else:
        counts[: len(field.category_counts)] = field.category_counts
        counts[CELLS - 1] += field.pooled_count
    return counts


def _reference_cells(
    reference: Reference | None, cell_of_code: U8, sets: tuple[tuple[str, ...], ...]
) -> tuple[dict[Segment, int], F64]:
    fields = reference.fields if reference is not None else []
    whole = np.zeros((len(fields), N_CELLS))
    for m, field in enumerate(fields):
        np.add.at(whole[m], cell_of_code[m, :BINS], _code_counts(field))
        whole[m, CELL_INVALID], whole[m, CELL_MISSING] = field.invalid, field.missing
    rows = {Segment(WHOLE_MODEL, ""): 0}
    cells = [whole]
    for profile in reference.segments if reference is not None else []:
        if tuple(profile.segment_set) not in sets:
            continue
        counts = np.zeros((len(fields), N_CELLS))
        for m, values in enumerate(profile.cells):
            counts[m, : len(values)] = values
        rows[Segment(sets.index(tuple(profile.segment_set)), profile.label)] = len(cells)
        cells.append(counts)
    return rows, np.array(cells).reshape(len(cells), len(fields), N_CELLS)


def _cdf(counts: F64, width: int) -> U32:
    """uint32[width + 1]: cumulative share in 1/65536, from 0 to 65536; all 0 .. 65536 linear when there are no counts."""
    total = counts.sum()
    if total == 0:
        return (np.arange(width + 1) * FULL // width).astype(np.uint32)
    cumulative = np.concatenate([[0.0], np.cumsum(counts)])
    shares: U32 = np.rint(cumulative * FULL / total).astype(np.uint32)
    return shares


def _positions(field: FieldProfile) -> F64:
    """float64[64]: where each cell lies on the value axis (mean of its reference rows), for the Wasserstein distance."""
    positions = np.full(CELLS, np.nan)
    positions[: len(field.cell_means)] = field.cell_means[:CELLS]
    # cells without reference rows inherit the cell below, so that they add no distance of their own
    for i in range(1, CELLS):
        if np.isnan(positions[i]):
            positions[i] = positions[i - 1]
    known: F64 = np.nan_to_num(positions)
    return known


def _odd_multiplier(m: int) -> int:
    """SplitMix64 of the field's number (Steele, Lea, Flood 2014), made odd."""
    z = (m + 1) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
    z = (z ^ z >> 27) * 0x94D049BB133111EB & 0xFFFFFFFFFFFFFFFF
    return (z ^ z >> 31) | 1
