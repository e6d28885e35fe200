"""Numbers as they are written: 12 significant digits, so that the last bits of a sum never show."""

from __future__ import annotations

from driftline.processors.arrays import F64


def written(value: float) -> float | None:
    """One number with 12 significant digits; None for NaN and infinities, which JSON cannot say.

    >>> written(0.1 + 0.2), written(float("nan"))
    (0.3, None)
    """
    if value - value != 0.0:  # NaN or an infinity
        return None
    return float(f"{value:.12g}")


def written_all(values: F64) -> list[float | None]:
    """`written` for every element of an array, flattened."""
    return [None if x - x != 0.0 else float(f"{x:.12g}") for x in values.ravel().tolist()]
