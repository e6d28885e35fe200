"""A window closes: its sketches become one `FieldWindow` for each segment and field that had events.

All segments of a window are computed in one kernel call; Python only writes the numbers down.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import starmap
from typing import Final, NamedTuple

import numpy as np

from driftline.processors.arrays import F64, I32, I64, U8, U32
from driftline.processors.codes import (
    CELL_INVALID,
    CELL_MISSING,
    CELL_NEW_CATEGORY,
    CELL_OUT_OF_RANGE,
    CELLS,
    PARTITION_CELLS,
)
from driftline.processors.field_tables import FieldTables
from driftline.processors.moments import mean_and_sd
from driftline.processors.rounding import written_all
from driftline.processors.statistics.psi import PSI_SMOOTHING, psi_band
from driftline.processors.statistics.wasserstein import wasserstein_at_least
from driftline.processors.window_statistics import (
    NSTAT,
    STAT_CHI_SQUARE,
    STAT_CHI_SQUARE_DOF,
    STAT_CHI_SQUARE_P,
    STAT_JENSEN_SHANNON,
    STAT_KS,
    STAT_KS_NULL_MEAN,
    STAT_KS_P,
    STAT_N,
    STAT_PSI,
    STAT_PSI_NULL_MEAN,
    STAT_REFERENCE_N,
    STAT_WASSERSTEIN,
    finish_statistics,
    window_statistics,
)
from driftline.schemas.signals import FieldWindow

_STATISTICS: Final = {
    "psi": STAT_PSI,
    "psi_null_mean": STAT_PSI_NULL_MEAN,
    "jensen_shannon": STAT_JENSEN_SHANNON,
    "ks": STAT_KS,
    "ks_null_mean": STAT_KS_NULL_MEAN,
    "ks_p": STAT_KS_P,
    "wasserstein": STAT_WASSERSTEIN,
    "chi_square": STAT_CHI_SQUARE,
    "chi_square_p": STAT_CHI_SQUARE_P,
}


class Sketches(NamedTuple):
    """The contents of one window for k segments: see WindowState."""

    counts: U32  # [k, M, 68]
    moments: F64  # [k, M_numeric, 6]
    detections: U32  # [k, M, 2]


class Online(NamedTuple):
    """What the online detectors show at the close, each float64[k, M]; NaN = not running for this segment."""

    e_value: F64
    e_threshold: F64
    adwin_mean: F64
    page_hinkley: F64
    page_hinkley_threshold: F64
    adwin_width: F64


def statistics_of(tables: FieldTables, cell_maps: U8, sketches: Sketches, reference_row: I32) -> F64:
    """float64[k, M, NSTAT]: every statistic of k segments' windows."""
    counts, numeric = sketches.counts, tables.n_numeric
    out = np.empty((*counts.shape[:2], NSTAT))
    window_statistics(counts, tables.cells, reference_row, cell_maps, tables.positions, tables.is_numeric, out)
    finish_statistics(out)
    # cells end where the reference does; the means, known exactly for the whole model, see what lies beyond
    whole = np.flatnonzero(reference_row == 0)
    mean, _ = mean_and_sd(sketches.moments[whole], out[whole, :numeric, STAT_N], tables.center)
    out[whole, :numeric, STAT_WASSERSTEIN] = wasserstein_at_least(
        out[whole, :numeric, STAT_WASSERSTEIN], mean, tables.center
    )
    return out


def field_windows(tables: FieldTables, sketches: Sketches, statistics: F64, online: Online) -> list[list[FieldWindow]]:
    """One list of FieldWindow per segment; statistics: float64[k, M, NSTAT].

    Written column by column: a day of a busy model has tens of thousands of these.
    """
    counts = sketches.counts
    k, fields = counts.shape[:2]
    valid: I64 = counts[:, :, :CELLS].sum(axis=2, dtype=np.int64)
    columns: dict[str, Sequence[object]] = {
        "name": tables.names * k,
        "kind": tables.kinds * k,
        "n": valid.ravel().tolist(),
        "missing": counts[:, :, CELL_MISSING].ravel().tolist(),
        "invalid": counts[:, :, CELL_INVALID].ravel().tolist(),
        "out_of_range": counts[:, :, CELL_OUT_OF_RANGE].ravel().tolist(),
        "new_category": counts[:, :, CELL_NEW_CATEGORY].ravel().tolist(),
        "counts": _trimmed_rows(counts[:, :, :PARTITION_CELLS].reshape(k * fields, PARTITION_CELLS)),
        "chi_square_dof": _whole(statistics[:, :, STAT_CHI_SQUARE_DOF]),
        "adwin_width": _whole(online.adwin_width),
        "adwin_detections": sketches.detections[:, :, 0].ravel().tolist(),
        "page_hinkley_detections": sketches.detections[:, :, 1].ravel().tolist(),
        "reference_n": np.nan_to_num(statistics[:, :, STAT_REFERENCE_N]).astype(np.int64).ravel().tolist(),
    }
    columns |= {name: written_all(statistics[:, :, i]) for name, i in _STATISTICS.items()}
    columns |= _describing_columns(tables, sketches.moments, valid)
    columns |= {name: written_all(values) for name, values in online._asdict().items() if name != "adwin_width"}
    shown = columns["psi"]
    columns["psi_band"] = [None if value is None else psi_band(value) for value in shown]  # type: ignore[arg-type]
    columns["psi_smoothing"] = [None if value is None else PSI_SMOOTHING for value in shown]
    flat = list(starmap(FieldWindow, zip(*(columns[name] for name in FieldWindow.__struct_fields__), strict=True)))
    return [flat[g * fields : (g + 1) * fields] for g in range(k)]


def _whole(values: F64) -> list[int | None]:
    return [None if value != value else int(value) for value in values.ravel().tolist()]


def _trimmed_rows(cells: U32) -> list[list[int]]:
    """The counts of each row up to the last one that is not zero; cells: uint32[rows, 66]."""
    lengths = cells.shape[1] - np.argmax(cells[:, ::-1] != 0, axis=1)
    lengths[~cells.any(axis=1)] = 0
    return [row[:length] for row, length in zip(cells.tolist(), lengths.tolist(), strict=True)]


def _describing_columns(tables: FieldTables, moments: F64, valid: I64) -> dict[str, list[float | None]]:
    """Mean, standard deviation and extremes of the numeric fields, None for the others."""
    numeric = tables.n_numeric
    mean, sd = mean_and_sd(moments, valid[:, :numeric].astype(np.float64), tables.center)
    values = {"mean": mean, "sd": sd, "min": moments[..., 4], "max": moments[..., 5]}
    columns = {}
    for name, column in values.items():
        padded = np.full(valid.shape, np.nan)
        padded[:, :numeric] = column
        columns[name] = written_all(padded)
    return columns
