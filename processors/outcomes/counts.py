"""What became of every prediction and every label that the join was given.

    predictions = accepted + duplicate + too_late + implausible
    labels      = joined + corrected + repeated + retracted + parked + replaced + idle + turned_away

Both hold exactly and at any time.
"""

from __future__ import annotations

from typing import Final

import msgspec

from driftline.processors.arrays import I64

ACCEPTED, DUPLICATE, TOO_LATE, IMPLAUSIBLE = 0, 1, 2, 3
JOINED, CORRECTED, REPEATED, RETRACTED, PARKED, REPLACED, IDLE = 4, 5, 6, 7, 8, 9, 10
CLAIMED, UNUSABLE, EVICTED, TURNED_AWAY = 11, 12, 13, 14
COUNTS: Final = 15
"""Length of the array that the kernel counts in; the positions are those of the fields below."""


class OutcomeCounters(msgspec.Struct, kw_only=True):
    """Predictions and labels of one model on one partition, or sums of these.

    - duplicate: an id that was there already and whose time is not over; too_late: past the horizon when it came;
      implausible: timestamps that the prediction side rejects as well
    - joined: a label for a prediction that had none; corrected: another one for a prediction that had one; repeated: the
      same one again; retracted: null for a prediction that had one
    - parked: a label that came before its prediction; replaced: another one for an id whose label is parked; idle: null
      where there was nothing to retract, or where the label was still parked
    - claimed: parked labels whose prediction came; unusable: labels that were joined and whose value, or that of the
      prediction, is of no class or type that is known: they count as labels and in no metric
    - evicted: facts that a bounded store dropped before their time was over; turned_away: labels without a prediction,
      maybe one of those, that it had no room for: they push nothing out
    - expired_predictions, expired_labels: those whose time was over before the other one came
    """

    accepted: int = 0
    duplicate: int = 0
    too_late: int = 0
    implausible: int = 0
    joined: int = 0
    corrected: int = 0
    repeated: int = 0
    retracted: int = 0
    parked: int = 0
    replaced: int = 0
    idle: int = 0
    claimed: int = 0
    unusable: int = 0
    evicted: int = 0
    turned_away: int = 0
    expired_predictions: int = 0
    expired_labels: int = 0

    def add(self, other: OutcomeCounters) -> None:
        """Add another model's or partition's counters."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def counters_of(counts: I64, expired_predictions: int, expired_labels: int) -> OutcomeCounters:
    """The kernel's counts (int64[15]) by name."""
    named = dict(zip(OutcomeCounters.__struct_fields__, counts.tolist(), strict=False))
    return OutcomeCounters(**named, expired_predictions=expired_predictions, expired_labels=expired_labels)
