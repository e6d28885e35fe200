"""What one value of an event becomes, in plain Python, from the reference file alone: for the oracles of these tests."""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from typing import Any

from driftline.processors.reference.profile import FieldProfile
from driftline.schemas.events import Prediction

INVALID_CELL, MISSING_CELL = 64, 65


@dataclass
class Value:
    """`code` and `cell` as the core numbers them; `x` only for a valid number."""

    code: int
    cell: int
    x: float | None = None
    new_category: bool = False
    out_of_range: bool = False


INVALID, MISSING = Value(256, INVALID_CELL), Value(257, MISSING_CELL)


class PlainField:
    """One field of the reference."""

    def __init__(self, profile: FieldProfile) -> None:
        self.profile = profile
        self.name, self.role = profile.name, profile.role
        self.numeric = profile.kind == "numeric"
        self.bin_counts = list(profile.bin_counts)
        if not self.numeric:
            self.bin_counts = [
                *profile.category_counts,
                *[0] * (63 - len(profile.category_counts)),
                profile.pooled_count,
            ]

    def value(self, event: Prediction) -> Value:
        raw: Any = {
            "feature": event.features.get(self.name),
            "measurement": event.measurements.get(self.name),
            "prediction": event.prediction,
            "score": event.score,
        }[self.role]
        if raw is None:
            return MISSING
        return self._number(raw) if self.numeric else self._category(raw)

    def _number(self, raw: Any) -> Value:
        if type(raw) not in (int, float):
            return INVALID
        x = float(raw)
        contract = self.profile.contract
        below = contract.minimum is not None and x < contract.minimum
        above = contract.maximum is not None and x > contract.maximum
        code = bisect.bisect_left(self.profile.edges, x)
        return Value(code, self.cell_of_bin(code), x, out_of_range=below or above)

    def _category(self, raw: Any) -> Value:
        if self.profile.kind == "boolean":
            if raw not in (0, 1) or isinstance(raw, str):
                return INVALID
            raw = "true" if raw else "false"
        elif type(raw) is not str:
            return INVALID
        if raw in self.profile.categories:
            code = self.profile.categories.index(raw)
            return Value(code, code)
        if raw in self.profile.pooled:
            return Value(63, 63)
        return Value(64, 63, new_category=True)

    def cell_of_bin(self, code: int) -> int:
        counts = self.bin_counts
        if len(counts) <= 64:
            return min(code, len(counts) - 1)
        twice_middle = 2 * sum(counts[:code]) + counts[code]
        return min(63, 64 * twice_middle // (2 * sum(counts)))

    def level(self, value: Value, id_hash: int, multiplier: int, segment_cells: list[int] | None) -> int:
        """0..255, or 256 = no value. segment_cells: reference counts of the segment's cells, None = the whole model."""
        if value.cell >= 64:
            return 256
        counts = self.bin_counts if segment_cells is None else segment_cells
        place = value.code if segment_cells is None else value.cell
        total = sum(counts)
        low, high = (round(sum(counts[:k]) * 65536 / total) for k in (place, place + 1))
        random = ((id_hash * multiplier) % 2**64) >> 48
        return min(255, (low + ((high - low) * random >> 16)) >> 8)
