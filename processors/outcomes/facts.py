"""A fact: what is kept of one prediction id between its prediction and the end of its labels' time.

It is made by whichever of the two comes first, and holds both once both are there. It is *valid* as long as its pane is
not final (see `fold`); a fact that is not valid is as good as none, whether a store still has it or not. So stores may
forget such facts whenever they like.

In a store a fact is one packed record of `fact_dtype`; the kernel works on one array for each of its fields.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from driftline.processors.arrays import F64, I32, I64, U8

PREDICTED: Final = 1
"""The prediction has come."""
LABELLED: Final = 2
"""A label is there; without PREDICTED it waits."""
MATCHED: Final = 4
"""Prediction and label have been together before: the pair has been given to the error detectors."""

_FIELDS: Final = (
    ("flags", "|u1"),
    ("seq", "<i8"),
    ("prediction_offset", "<i8"),
    ("event_ms", "<i8"),
    ("prediction", "<f8"),
    ("score", "<f8"),
    ("label_offset", "<i8"),
    ("label_at_ms", "<i8"),
    ("label_ms", "<i8"),
    ("label", "<f8"),
    ("weight", "<f4"),
)


class Facts(NamedTuple):
    """Fields of n facts. Of a fact without PREDICTED (LABELLED) the prediction's (label's) fields mean nothing."""

    flags: U8  # [n]
    seq: I64  # [n] its number among all facts ever made
    prediction_offset: I64  # [n]
    event_ms: I64  # [n] time of the prediction
    prediction: F64  # [n] value, or number of the class; NaN = unknown
    score: F64  # [n] NaN = none
    label_offset: I64  # [n]
    label_at_ms: I64  # [n] merged time at which the label was joined, or was read if it waits
    label_ms: I64  # [n] when the label became known
    label: F64  # [n] as the prediction
    weight: F64  # [n] of the label; kept with 7 digits
    groups: I32  # [n, G] the groups it counts in besides the whole model


def fact_dtype(groups: int) -> np.dtype[np.void]:
    """The packed record of one fact, little-endian without gaps: 77 bytes and 4 for each group (the version is one)."""
    return np.dtype([*_FIELDS, ("groups", "<i4", (groups,))])


def read_facts(records: U8, groups: int) -> Facts:
    """Records (uint8[n, width]) as fresh arrays."""
    packed = np.ascontiguousarray(records).view(fact_dtype(groups)).reshape(len(records))
    fields = {name: packed[name].copy() for name, _ in _FIELDS}
    fields["weight"] = fields["weight"].astype(np.float64)
    return Facts(**fields, groups=packed["groups"].copy())


def write_facts(facts: Facts) -> U8:
    """uint8[n, width]: the records of facts."""
    n, groups = facts.groups.shape
    packed = np.zeros(n, fact_dtype(groups))
    for name, _ in _FIELDS:
        packed[name] = getattr(facts, name)
    packed["groups"] = facts.groups
    return packed.view(np.uint8).reshape(n, -1)
