"""The vocabulary of codes: which number stands for which bin, category and cell. Every kernel works on these.

A *code* (uint16) says what one value is: its quantile bin of the reference (numeric), its category, or why it has
neither. A *cell* (uint8) is where a histogram counts it. A numeric field has up to 256 bins and counts them in 64 cells,
each a union of adjacent bins: fine enough for the transform to u, small enough to keep for every segment and window.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from driftline.processors.arrays import I64, U8

# codes
BINS: Final = 256
INVALID_CODE: Final = 256
MISSING_CODE: Final = 257
N_CODES: Final = 258

# codes of a categorical field: category i of the reference has code i, 0..62
MAX_CATEGORIES: Final = 63
POOLED_CODE: Final = 63
"""Known to the reference, but too rare for a code of its own."""
NEW_CATEGORY_CODE: Final = 64
"""Never seen in the reference; counted in the pooled cell and, as an overlay, in CELL_NEW_CATEGORY."""

# cells
CELLS: Final = 64
CELL_INVALID: Final = 64
CELL_MISSING: Final = 65
PARTITION_CELLS: Final = 66
"""Cells 0..65: every event is in exactly one of them, so they add up to n."""
CELL_OUT_OF_RANGE: Final = 66
"""An overlay: these values are in a value cell as well."""
CELL_NEW_CATEGORY: Final = 67
"""An overlay: these values are in the pooled cell 63 as well."""
N_CELLS: Final = 68


def cell_of_bin(bin_counts: ArrayLike) -> U8:
    """uint8[len(bin_counts)]: the histogram cell of each bin; ascending, so that cells are unions of adjacent bins.

    Up to 64 bins keep a cell each. More are placed by the reference share below the bin's middle, so that cells hold
    about equal shares; in whole numbers, so that every machine finds the same cells.

    >>> cell_of_bin([5, 5, 5]).tolist()
    [0, 1, 2]
    >>> cell_of_bin([10] * 256)[[0, 3, 4, 127, 128, 255]].tolist()
    [0, 0, 1, 31, 32, 63]
    """
    counts: I64 = np.asarray(bin_counts, np.int64)
    if counts.ndim != 1 or len(counts) > BINS:
        raise ValueError(f"bin_counts has shape {counts.shape}: give one row of at most {BINS} counts")
    if len(counts) <= CELLS:
        return np.arange(len(counts), dtype=np.uint8)
    total = max(int(counts.sum()), 1)
    twice_middle: I64 = 2 * np.cumsum(counts) - counts
    cells: I64 = np.minimum(CELLS - 1, CELLS * twice_middle // (2 * total))
    return cells.astype(np.uint8)
