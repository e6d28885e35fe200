"""Bins of a signed error, for its quantiles: two an octave, from .001 to 4.2 million, and one around 0.

Bin edges are powers of the square root of 2, found from the exponent of the float: no logarithm, no unit to set. A
quantile is interpolated geometrically inside its bin, so it is never off by more than a factor of 1.42, and for smooth
distributions by about 2 %. Errors below 2**-10 in size count as 0, those of 2**22 and more as in the last bin: a target
of another magnitude should be published in other units.

Source: the idea of bins of equal relative width: Masson, Rim, Lee, DDSketch, PVLDB 12(12), 2019.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from driftline.processors.arrays import F64
from driftline.processors.kernels import njit_uncounted

_LOWEST_EXPONENT: Final = -9  # of frexp: 2**-10 is .5 * 2**-9
_OCTAVES: Final = 32
_HALF: Final = math.sqrt(0.5)
SIDE: Final = 2 * _OCTAVES
CENTER: Final = SIDE
RESIDUAL_BINS: Final = 2 * SIDE + 1
"""Ascending: the largest negative errors first, bin 64 around 0."""

_SIZE_EDGES: Final = 2.0 ** (_LOWEST_EXPONENT - 1 + 0.5 * np.arange(SIDE + 1))


@njit_uncounted(fastmath=False)
def residual_bin(error: float) -> int:
    """The bin of an error, which is finite.

    >>> [residual_bin(e) for e in (0.0, 1e-4, 1.0, 1.4, 1.5, -1.0, 1e300)]
    [64, 64, 85, 85, 86, 43, 128]
    """
    mantissa, exponent = math.frexp(abs(error))
    step = 2 * (exponent - _LOWEST_EXPONENT)
    if mantissa >= _HALF:
        step += 1
    if mantissa == 0.0 or step < 0:
        return CENTER
    step = min(step, SIDE - 1) + 1
    return CENTER + step if error > 0.0 else CENTER - step


def residual_quantile(bins: F64, q: float) -> F64:
    """float64[k]: the error that a share q of the weight did not exceed; NaN where there is none.

    bins: float64[k, 129], weights by bin.
    """
    below = np.cumsum(bins, axis=-1)
    total = below[..., -1]
    rank = q * total
    at = np.minimum((below < rank[..., None]).sum(axis=-1), RESIDUAL_BINS - 1)
    inside = np.take_along_axis(bins, at[..., None], -1)[..., 0]
    before = np.take_along_axis(below, at[..., None], -1)[..., 0] - inside
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.clip((rank - before) / inside, 0.0, 1.0)
    step = np.clip(np.abs(at - CENTER) - 1, 0, SIDE - 1)
    up, down = _SIZE_EDGES[step] * 2.0 ** (0.5 * share), _SIZE_EDGES[step] * 2.0 ** (0.5 * (1.0 - share))
    value = np.where(at > CENTER, up, np.where(at < CENTER, -down, 0.0))
    return np.where(total > 0.0, value, np.nan)
