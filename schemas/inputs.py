"""The two logs that a worker reads; partition p of both belongs together."""

from __future__ import annotations

from enum import StrEnum


class Input(StrEnum):
    """Names of the inputs, as they stand in manifests, metrics and messages."""

    PREDICTIONS = "predictions"
    LABELS = "labels"
