"""What an estimate was worth, once the labels were there: its error, and how far estimates have been off so far.

Pure functions over plain numbers. The error of a window is said once, when it is final; the running summary is kept by
metric and tells how much of an estimate to believe: its mean absolute error, its bias, and how its errors compare with the
standard errors it claimed (1 when these were right, more when something else than chance moves performance).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from driftline.config.durations import format_duration
from driftline.processors.rounding import written
from driftline.schemas.signals import PerformanceWindow

LABELLED_MIN: Final = 30
"""Windows with fewer labels say more about chance than about the estimate."""


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
    """Estimated minus realised of one final window, by metric; those that one side lacks, and standard errors, are left out.

    >>> estimate_errors({"accuracy": 0.75, "accuracy_se": 0.02, "f1": None}, {"accuracy": 0.5, "f1": 0.4, "mae": 1.0})
    {'accuracy': 0.25}
    """
    errors = {}
    for name, value in estimated.items():
        true = realised.get(name)
        if value is None or true is None or name.endswith("_se"):
            continue
        if math.isfinite(value - true):
            errors[name] = value - true
    return errors


def reconciled(
    trust: Mapping[str, Trust],
    estimated: Mapping[str, float | None],
    realised: Mapping[str, float | None],
    labelled_share: float = 1.0,
) -> dict[str, Trust]:
    """The summary with one more final window in it; `trust` stays as it is.

    labelled_share: of the window's predictions, in (0, 1]. An estimate is of all of them: by chance alone the labels of a
    share s lie 1 / sqrt(s) times as far from it.
    """
    after = dict(trust)
    for name, error in estimate_errors(estimated, realised).items():
        before = after.get(name, Trust())
        claimed = (estimated.get(f"{name}_se") or 0.0) / math.sqrt(labelled_share)
        judged = claimed > 0.0
        after[name] = Trust(
            windows=before.windows + 1,
            absolute=before.absolute + abs(error),
            signed=before.signed + error,
            judged=before.judged + judged,
            squared_z=before.squared_z + ((error / claimed) ** 2 if judged else 0.0),
        )
    return after


class Reconciliation:
    """Keeps the summary over performance windows as they are told: final ones of whole models, by their length."""

    def __init__(self) -> None:
        self._trust: dict[tuple[str, int], dict[str, Trust]] = {}

    def add(self, window: PerformanceWindow) -> None:
        """Take one window into account, if it is one of those and has labels enough."""
        if not window.final or window.segment_set or window.version or window.labelled < LABELLED_MIN:
            return
        key = (window.model, window.length_ms)
        share = min(window.labelled / window.n, 1.0)
        self._trust[key] = reconciled(self._trust.get(key, {}), window.estimated, window.metrics, share)

    def summary(self) -> dict[str, dict[str, dict[str, dict[str, float | None]]]]:
        """model -> length ("7d") -> metric -> windows, mean absolute error, bias, error ratio (None: none was claimed)."""
        told: dict[str, dict[str, dict[str, dict[str, float | None]]]] = {}
        for (model, length_ms), trust in sorted(self._trust.items()):
            if trust:
                told.setdefault(model, {})[format_duration(length_ms)] = {name: _told(t) for name, t in trust.items()}
        return told


def _told(trust: Trust) -> dict[str, float | None]:
    return {
        "windows": trust.windows,
        "mean_absolute_error": written(trust.mean_absolute_error),
        "bias": written(trust.bias),
        "error_ratio": written(trust.error_ratio),
    }
