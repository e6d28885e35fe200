"""One column of values to one field profile, and to the histogram cell of every row (for the profiles of segments)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from driftline.config.model_spec import FieldOverride
from driftline.processors.arrays import U8
from driftline.processors.codes import (
    CELL_INVALID,
    CELL_MISSING,
    MAX_CATEGORIES,
    POOLED_CODE,
    cell_of_bin,
)
from driftline.processors.columns_codes import category_text
from driftline.processors.reference.bins import bin_counts, cell_means, deviation, exact_mean, inner_edges
from driftline.processors.reference.contract import category_contract, numeric_contract
from driftline.processors.reference.gather import ValueColumn
from driftline.processors.reference.kinds import Kind, names_counted
from driftline.processors.reference.profile import FieldProfile
from driftline.schemas.layout import BOOLEAN_CATEGORIES, FieldLayout, Role
from driftline.schemas.limits import OTHER_NAME

POOLED_NAMES_MAX: Final = 1_000
"""Names kept of categories without a code of their own; rarer ones count as new when they come again."""

_BITS: Final = (0, 1)


@dataclass(frozen=True, slots=True)
class ProfiledField:
    """A profile and the cell (0..65) of each reference row, uint8[n]."""

    profile: FieldProfile
    cells: U8


def profile_field(column: ValueColumn, kind: Kind, role: Role, name: str, override: FieldOverride) -> ProfiledField:
    """The profile of one column."""
    if kind.kind == "numeric":
        return _numeric(column, kind, role, name, override)
    return _categorical(column, kind, role, name, override)


def _numeric(column: ValueColumn, kind: Kind, role: Role, name: str, override: FieldOverride) -> ProfiledField:
    numbers = column.numbers
    valid = np.isfinite(numbers)
    ascending = np.sort(numbers[valid])
    edges = inner_edges(ascending)
    counts = bin_counts(ascending, edges)
    mean = exact_mean(ascending)
    low, high = float(ascending[0]) + 0.0, float(ascending[-1]) + 0.0
    missing = int(np.isnan(numbers).sum())
    profile = FieldProfile(
        name=name,
        role=role,
        kind="numeric",
        value_type=kind.value_type,
        n=len(ascending),
        missing=missing,
        invalid=len(numbers) - len(ascending) - missing,
        mean=_rounded(mean),
        sd=_rounded(deviation(ascending, mean)),
        min=low,
        max=high,
        contract=numeric_contract(kind.value_type, low, high, missing, override),
        edges=edges,
        bin_counts=counts,
        cell_means=[_rounded(m) for m in cell_means(ascending, counts)],
    )
    cells = np.full(len(numbers), CELL_INVALID, np.uint8)
    cells[np.isnan(numbers)] = CELL_MISSING
    cells[valid] = cell_of_bin(counts)[np.searchsorted(edges, numbers[valid], side="left")]
    return ProfiledField(profile, cells)


def _categorical(column: ValueColumn, kind: Kind, role: Role, name: str, override: FieldOverride) -> ProfiledField:
    labels = _labels(column, FieldLayout(name, role, kind.kind, kind.value_type))
    seen: dict[str, int] = {}
    for label, count in zip(labels, _label_rows(column), strict=True):
        if label is not None and count:
            seen[label] = seen.get(label, 0) + count
    own, pooled = _own_and_pooled(seen, kind, override)
    counts = [seen.get(category, 0) for category in own]
    missing = int(np.isnan(column.numbers).sum())
    n = sum(seen.values())
    complete = len(seen) <= len(own) + len(pooled)
    profile = FieldProfile(
        name=name,
        role=role,
        kind=kind.kind,
        value_type=kind.value_type,
        n=n,
        missing=missing,
        invalid=len(column.names) - n - missing,
        contract=category_contract(kind.value_type, list(seen.values()), complete, missing, override),
        categories=own,
        category_counts=counts,
        pooled=pooled,
        pooled_count=n - sum(counts),
    )
    return ProfiledField(profile, _category_cells(column, labels, own))


def _labels(column: ValueColumn, field: FieldLayout) -> list[str | None]:
    """The category of each entry of the dictionary, None where it is of another type than the field.

    Two more for values outside the dictionary: the numbers 0 and 1, which are booleans to a boolean field.
    """
    return [category_text(value, field) for value in (*(value for _, value in column.dictionary), *_BITS)]


def _label_rows(column: ValueColumn) -> list[int]:
    return [*names_counted(column), *(int((column.numbers == bit).sum()) for bit in _BITS)]


def _category_cells(column: ValueColumn, labels: list[str | None], own: list[str]) -> U8:
    code = {label: i for i, label in enumerate(own)}
    cell_of_label = [CELL_INVALID if label is None else code.get(label, POOLED_CODE) for label in labels]
    # one more entry at the end, which NO_NAME (-1) finds
    cells: U8 = np.array([*cell_of_label, CELL_INVALID], np.uint8)[column.names]
    for bit, cell in zip(_BITS, cell_of_label[-2:], strict=True):
        cells[column.numbers == bit] = cell
    cells[np.isnan(column.numbers)] = CELL_MISSING
    return cells


def _own_and_pooled(seen: dict[str, int], kind: Kind, override: FieldOverride) -> tuple[list[str], list[str]]:
    """Categories with a code of their own, commonest first, and those known without one.

    A list in the configuration is what is allowed: names on it are known though never seen, others are not known.
    """
    if kind.kind == "boolean":
        return list(BOOLEAN_CATEGORIES), []
    allowed = seen.keys() if override.categories is None else override.categories
    # the entry that names beyond the cap share is counted, and is no name
    ranked = sorted(set(allowed) - {OTHER_NAME}, key=lambda label: (-seen.get(label, 0), label))
    return ranked[:MAX_CATEGORIES], ranked[MAX_CATEGORIES : MAX_CATEGORIES + POOLED_NAMES_MAX]


def _rounded(value: float) -> float:
    return float(f"{value:.12g}")
