"""Sums that are exact: of whole multiples of a quantum, so that any order of adding and taking away gives the same bits.

A label may be corrected days later; its old contribution is taken away from sums that have grown since. With ordinary
floats a residue would stay, and it would depend on the order of the labels. So weights are whole multiples of 2**-13, all
other contributions of 2**-20: float64 adds them exactly while a sum stays below 2**33 (8.6e9 predictions of weight 1).
Squares of weights are multiples of 2**-26 and exact below 2**27; of weights 1, or other whole ones, below 2**53.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from driftline.processors.arrays import F64
from driftline.processors.kernels import njit_uncounted

QUANTUM: Final = 2.0**-20
"""What a loss is rounded to: an error of at most 5e-7 in one contribution, and far less in a mean."""

WEIGHT_QUANTUM: Final = 2.0**-13
WEIGHT_MAX: Final = 1024.0
"""Weights between 1/8192 and 1024; they fit float32."""


@njit_uncounted(fastmath=False)
def kept_weight(weight: float) -> float:
    """The weight that is counted: the nearest multiple of 1/8192, at least that and at most 1024; 0 for none above 0.

    >>> kept_weight(1.0), kept_weight(0.1), kept_weight(1e-9) * 8192, kept_weight(1e9), kept_weight(-1.0)
    (1.0, 0.0999755859375, 1.0, 1024.0, 0.0)
    """
    if not weight > 0.0:
        return 0.0
    return max(float(np.rint(min(weight, WEIGHT_MAX) / WEIGHT_QUANTUM)) * WEIGHT_QUANTUM, WEIGHT_QUANTUM)


def kept_weights(weight: F64) -> F64:
    """`kept_weight` of each element."""
    kept = np.maximum(np.rint(np.clip(weight, 0.0, WEIGHT_MAX) / WEIGHT_QUANTUM) * WEIGHT_QUANTUM, WEIGHT_QUANTUM)
    return np.where(weight > 0.0, kept, 0.0)


@njit_uncounted(fastmath=False)
def quantised(x: float) -> float:
    """The nearest whole multiple of 2**-20; |x| below 2**33."""
    return float(np.rint(x / QUANTUM)) * QUANTUM
