"""The arrays of a model's state: one row per segment (row 0 the whole model), one column per field.

Plain contiguous arrays, so that kernels walk them, a snapshot writes them in blocks of rows, and the bytes per segment and
field are known (`STATE_BYTES` below adds them up; `docs/sizing.md` shows the figure). Rows grow by doubling.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from driftline.processors.arrays import F64, I64, U8, U16, U32
from driftline.processors.codes import N_CELLS
from driftline.processors.detectors.adwin import ADWIN_HEAD, ADWIN_MAX_BUCKETS, ADWIN_ROWS
from driftline.processors.detectors.bets import BETS
from driftline.processors.detectors.cascade_plan import CASCADE_CELLS, CASCADE_LEVELS
from driftline.processors.detectors.page_hinkley import PAGE_HINKLEY_STATE
from driftline.processors.moments import MOMENTS

# what online detectors did during a window: alarms of ADWIN, of Page-Hinkley
DETECTIONS: Final = 2

COUNT_MAX: Final = np.iinfo(np.uint32).max
"""A cell of a long window of a very busy model stops here; it does not start at 0 again."""

BLOCK_BYTES: Final = 32_768
"""A segment that is active should not have many idle ones written with it, and a part costs some 20 bytes of its own."""

_FIRST_ROWS: Final = 4


class WindowState:
    """Counts of open windows: slots 0..P-1 are panes (a ring), slot P+k accumulates the k-th longer window.

    events: int64[G, S]; counts: uint32[G, S, M, N_CELLS]; moments: float64[G, S, M_numeric, 6];
    detections: uint32[G, S, M, 2].
    """

    def __init__(self, slots: int, fields: int, numeric: int) -> None:
        self.events: I64 = np.zeros((_FIRST_ROWS, slots), np.int64)
        self.counts: U32 = np.zeros((_FIRST_ROWS, slots, fields, N_CELLS), np.uint32)
        self.moments: F64 = np.zeros((_FIRST_ROWS, slots, numeric, MOMENTS))
        self.detections: U32 = np.zeros((_FIRST_ROWS, slots, fields, DETECTIONS), np.uint32)
        clear_moments(self.moments)

    def clear(self, rows: I64, slot: int) -> None:
        """Empty one slot of the given rows."""
        self.events[rows, slot] = 0
        self.counts[rows, slot] = 0
        self.detections[rows, slot] = 0
        self.moments[rows, slot] = empty_moments(self.moments.shape[2])


class DetectorState:
    """State of the online detectors; shapes are those of each detector's kernel behind [G, M]."""

    def __init__(self, fields: int) -> None:
        g, m = _FIRST_ROWS, fields
        self.seen: I64 = np.zeros(g, np.int64)  # events of the segment so far: places the count windows of the cascade
        self.bets: F64 = np.zeros((g, m, BETS))
        self.bets_latched: U8 = np.zeros((g, m, 1), np.uint8)
        self.bets_marks: I64 = np.zeros((g, m, 3), np.int64)
        self.cascade: U16 = np.zeros((g, m, CASCADE_LEVELS, CASCADE_CELLS), np.uint16)
        self.cascade_latched: U8 = np.zeros((g, m, 1), np.uint8)
        self.adwin_sums: F64 = np.zeros((g, m, ADWIN_ROWS, ADWIN_MAX_BUCKETS))
        self.adwin_counts: U8 = np.zeros((g, m, ADWIN_ROWS), np.uint8)
        self.adwin_head: F64 = np.zeros((g, m, ADWIN_HEAD))
        self.page_hinkley: F64 = np.zeros((g, m, PAGE_HINKLEY_STATE))
        self.page_hinkley_latched: U8 = np.zeros((g, m, 1), np.uint8)


def arrays_of(state: WindowState | DetectorState) -> Iterator[tuple[str, NDArray[np.generic]]]:
    """Every array of a state with its name, in a fixed order."""
    yield from sorted(vars(state).items())


def grow(state: WindowState | DetectorState, rows: int) -> None:
    """Make room for `rows` segments: doubling, new rows empty."""
    for name, array in arrays_of(state):
        if array.shape[0] >= rows:
            return
        grown = np.zeros((max(rows, 2 * array.shape[0]), *array.shape[1:]), array.dtype)
        grown[: array.shape[0]] = array
        if name == "moments":
            clear_moments(grown[array.shape[0] :])
        setattr(state, name, grown)


def nbytes(state: WindowState | DetectorState) -> int:
    """Bytes of all arrays."""
    return sum(array.nbytes for _, array in arrays_of(state))


def rows_per_block(state: WindowState | DetectorState) -> int:
    """Rows that are kept as one part of a snapshot: those that fit into BLOCK_BYTES, or a single one."""
    return max(1, BLOCK_BYTES // sum(array[:1].nbytes for _, array in arrays_of(state)))


def empty_moments(numeric: int) -> F64:
    """float64[M_numeric, 6]: sums 0, minimum +inf, maximum -inf."""
    row = np.zeros((numeric, MOMENTS))
    clear_moments(row)
    return row


def clear_moments(moments: NDArray[np.generic]) -> None:
    """Set any [..., 6] array to the empty value."""
    moments[...] = np.array([0.0, 0.0, 0.0, 0.0, np.inf, -np.inf])
