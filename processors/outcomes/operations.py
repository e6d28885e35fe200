"""Operations: what the records of both logs ask of the join, as columns, and their merge into one sequence.

The sequence is ordered by merged time: the running maximum of record time of the log that a record lies in. At equal times
predictions go first, and records of one log stay in its order. So the sequence depends on the two logs and on nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from driftline.processors.arrays import F64, I32, I64, U8, U64

PREDICTION: Final = 0
LABEL: Final = 1
RETRACTION: Final = 2


class Operations(NamedTuple):
    """n operations, by ascending merged time."""

    kind: U8  # [n] PREDICTION, LABEL or RETRACTION
    key: U64  # [n] keyed hash of the prediction id
    at_ms: I64  # [n] merged time
    event_ms: I64  # [n] time of the prediction, or when the label became known
    offset: I64  # [n] in its log
    value: F64  # [n] prediction or label: a value, or the number of a class; NaN = unknown
    score: F64  # [n] score of a prediction, NaN = none; weight of a label
    by: F64  # [n] what a prediction's label-free estimate goes by: its score, or the leaf of an error tree; 0 for a label
    groups: I32  # [n, G] groups of a prediction besides the whole model; zeros for a label

    def part(self, start: int, stop: int) -> Operations:
        """A view of [start, stop)."""
        return Operations._make(column[start:stop] for column in self)


def no_operations(groups: int) -> Operations:
    """None, for G groups."""
    whole, number = np.zeros(0, np.int64), np.zeros(0)
    return Operations(
        kind=np.zeros(0, np.uint8),
        key=np.zeros(0, np.uint64),
        at_ms=whole,
        event_ms=whole,
        offset=whole,
        value=number,
        score=number,
        by=number,
        groups=np.zeros((0, groups), np.int32),
    )


def joined(parts: Sequence[Operations]) -> Operations:
    """One behind the other; at least one."""
    return parts[0] if len(parts) == 1 else Operations._make(map(np.concatenate, zip(*parts, strict=True)))


def merged(predictions: Operations, labels: Operations) -> Operations:
    """Both logs as one sequence.

    >>> a, b = no_operations(0), no_operations(0)
    >>> len(merged(a, b).key)
    0
    """
    if not len(labels.key):
        return predictions
    if not len(predictions.key):
        return labels
    both = joined([predictions, labels])
    order = np.argsort(both.at_ms, kind="stable")  # stable: predictions stand first
    return Operations._make(column[order] for column in both)
