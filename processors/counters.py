"""What became of every event: the conservation law.

consumed = applied + duplicate + late + rejected + filtered, exactly and at any time; asserted in production, not only in
tests, because an event that goes missing in silence is the one fault a monitor must not have.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(slots=True)
class Counters:
    """Events of one model on one partition (or sums of these). `labels` are passed through and counted apart."""

    consumed: int = 0
    applied: int = 0
    duplicate: int = 0
    late: int = 0
    rejected: int = 0
    filtered: int = 0
    labels: int = 0

    def check(self) -> None:
        """Raises AssertionError when an event is unaccounted for: a fault of ours, never of the input."""
        accounted = self.applied + self.duplicate + self.late + self.rejected + self.filtered
        if self.consumed != accounted:
            raise AssertionError(f"{self.consumed} events consumed but {accounted} accounted for: {asdict(self)}")

    def add(self, other: Counters) -> None:
        """Add another model's or partition's counters."""
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)
