"""The schema contract of a field: what the reference shows of it, and what the configuration says instead.

The range is that of the reference rows. A continuous field passes it now and then (about 2 values in m, m the reference
size), so it is the share of such values that counts (`quality_share_max`), never a single one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from driftline.config.model_spec import FieldOverride
from driftline.processors.reference.profile import Contract
from driftline.schemas.layout import ValueType

UNSEEN_SHARE_MAX: Final = 0.001
"""Up to this estimated share of categories never seen, a list of categories is taken to be complete."""


def numeric_contract(
    value_type: ValueType, low: float | None, high: float | None, missing: int, override: FieldOverride
) -> Contract:
    """low, high: the range of the reference, None when it has no value."""
    return Contract(
        value_type=value_type,
        minimum=low if override.min is None else override.min,
        maximum=high if override.max is None else override.max,
        nullable=missing > 0,
    )


def category_contract(
    value_type: ValueType, counts: Sequence[int], complete: bool, missing: int, override: FieldOverride
) -> Contract:
    """counts: rows of every category that was seen; complete: whether all of them could be written down."""
    closed = override.categories is not None or (complete and unseen_share(counts) <= UNSEEN_SHARE_MAX)
    return Contract(value_type=value_type, categories_closed=closed, nullable=missing > 0)


def unseen_share(counts: Sequence[int]) -> float:
    """Share of future values in categories never seen so far: those seen once, over all (Good 1953, Biometrika 40).

    >>> unseen_share([90, 9, 1])
    0.01
    """
    return sum(c == 1 for c in counts) / max(sum(counts), 1)
