"""What an estimate was worth, once the labels were there: its error, and how far estimates have been off so far.

Pure functions over plain numbers. The error of a window is said once, when it is final; the running summary is kept by
metric and tells how much of an estimate to believe: its mean absolute error, its bias, and how its errors compare with the
standard errors it claimed (1 when these were right, more when something else than chance moves performance).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from msgspec import Struct


class Trust(Struct, frozen=True, kw_only=True):
    """Sums over final windows of one metric: errors (estimated minus realised), and errors over standard errors."""

    windows: int = 0
    absolute: float = 0.0
    signed: float = 0.0
    judged: int = 0
    squared_z: float = 0.0

    @property
    def mean_absolute_error(self) -> float:
        """NaN before the first window."""
        return self.absolute / self.windows if self.windows else math.nan

    @property
    def bias(self) -> float:
        """Mean of estimated minus realised: above 0 where estimates promise too much (of a metric that should be high)."""
        return self.signed / self.windows if self.windows else math.nan

    @property
    def error_ratio(self) -> float:
        """Root mean square of error over standard error, over the windows that had one; about 1 if chance is all."""
        return math.sqrt(self.squared_z / self.judged) if self.judged else math.nan


def estimate_errors(estimated: Mapping[str, float | None], realised: Mapping[str, float | None]) -> dict[str, float]:
    """Estimated minus realised of one final window, by metric; those that one side lacks are left out.

    >>> estimate_errors({"accuracy": 0.75, "accuracy_se": 0.02, "f1": None}, {"accuracy": 0.5, "f1": 0.4, "mae": 1.0})
    {'accuracy': 0.25}
    """
    errors = {}
    for name, value in estimated.items():
        true = realised.get(name)
        if value is not None and true is not None and math.isfinite(value - true):
            errors[name] = value - true
    return errors


def reconciled(
    trust: Mapping[str, Trust], estimated: Mapping[str, float | None], realised: Mapping[str, float | None]
) -> dict[str, Trust]:
    """The summary with one more final window in it; `trust` stays as it is."""
    after = dict(trust)
    for name, error in estimate_errors(estimated, realised).items():
        before = after.get(name, Trust())
        claimed = estimated.get(f"{name}_se")
        judged = claimed is not None and claimed > 0.0
        after[name] = Trust(
            windows=before.windows + 1,
            absolute=before.absolute + abs(error),
            signed=before.signed + error,
            judged=before.judged + judged,
            squared_z=before.squared_z + ((error / claimed) ** 2 if claimed is not None and judged else 0.0),
        )
    return after


def past_errors(trust: Mapping[str, Trust]) -> dict[str, float]:
    """What to show beside an estimate: `<metric>_past_error`, the mean absolute error over the final windows so far.

    >>> past_errors(reconciled({}, {"accuracy": 0.75}, {"accuracy": 0.5}))
    {'accuracy_past_error': 0.25}
    """
    return {f"{name}_past_error": each.mean_absolute_error for name, each in trust.items()}
