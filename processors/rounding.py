"""Numbers as they are written: 12 significant digits, so that the last bits of a sum never show."""

from __future__ import annotations

from typing import Final

import numpy as np

from driftline.processors.arrays import F64

DIGITS: Final = 12

# Powers of ten up to 10**22 are exact in float64; with them a rounded number is one exactly rounded division.
_POWERS: Final = 10.0 ** np.arange(23)
_EXACT: Final = 22


def written(value: float) -> float | None:
    """One number with 12 significant digits; None for NaN and infinities, which JSON cannot say.

    >>> written(0.1 + 0.2), written(float("nan"))
    (0.3, None)
    """
    if value - value != 0.0:  # NaN or an infinity
        return None
    return float(f"{value:.12g}")


def written_all(values: F64) -> list[float | None]:
    """`written` for every element of an array, flattened.

    >>> written_all(np.array([1 / 3, -2e-300, 0.0, np.nan]))
    [0.333333333333, -2e-300, 0.0, None]
    """
    x = values.ravel()
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        magnitude = np.abs(x)
        exponent = np.floor(np.log10(magnitude))
        shift = DIGITS - 1 - exponent
        plain = (shift >= 0) & (shift <= _EXACT)
        power = _POWERS[np.where(plain, shift, 0).astype(np.int64)]
        rounded = np.rint(x * power) / power
    result: list[float | None] = rounded.tolist()
    for i in np.flatnonzero(~plain).tolist():
        result[i] = written(float(x[i]))
    return result
