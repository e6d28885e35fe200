"""One column of values to one field profile, and to the histogram cell of every row (for the profiles of segments)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from driftline.config.model_spec import FieldOverride
from driftline.processors.arrays import F64, U8
from driftline.processors.codes import (
    CELL_INVALID,
    CELL_MISSING,
    MAX_CATEGORIES,
    POOLED_CODE,
    cell_of_bin,
)
from driftline.processors.reference.bins import bin_counts, cell_means, inner_edges
from driftline.processors.reference.contract import category_contract, numeric_contract
from driftline.processors.reference.gather import ValueColumn
from driftline.processors.reference.kinds import Kind, texts_counted
from driftline.processors.reference.profile import FieldProfile
from driftline.schemas.layout import BOOLEAN_CATEGORIES, Role

POOLED_NAMES_MAX: Final = 1_000
"""Names kept of categories without a code of their own; rarer ones count as new when they come again."""


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
    mean, sd = _mean_and_sd(ascending)
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
        sd=_rounded(sd),
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


def _mean_and_sd(values: F64) -> tuple[float, float]:
    """Mean and sample standard deviation (n - 1; 0 for a single value), from exactly rounded sums."""
    mean = math.fsum(values.tolist()) / len(values)
    squares = math.fsum(((values - mean) ** 2).tolist())
    return mean, math.sqrt(squares / max(len(values) - 1, 1))


def _categorical(column: ValueColumn, kind: Kind, role: Role, name: str, override: FieldOverride) -> ProfiledField:
    seen = _seen_categories(column, kind)
    own, pooled = _own_and_pooled(seen, kind, override)
    counts = [seen.get(category, 0) for category in own]
    missing = int(np.isnan(column.numbers).sum())
    n = sum(seen.values())
    profile = FieldProfile(
        name=name,
        role=role,
        kind=kind.kind,
        value_type=kind.value_type,
        n=n,
        missing=missing,
        invalid=len(column.texts) - n - missing,
        contract=category_contract(
            kind.value_type, list(seen.values()), len(seen) <= len(own) + len(pooled), missing, override
        ),
        categories=own,
        category_counts=counts,
        pooled=pooled,
        pooled_count=n - sum(counts),
    )
    return ProfiledField(profile, _category_cells(column, kind, own))


def _seen_categories(column: ValueColumn, kind: Kind) -> dict[str, int]:
    """Rows of each category of the field's type."""
    counts = texts_counted(column)
    return {
        label: count
        for key, count in zip(column.dictionary, counts, strict=True)
        if count and (label := _label(key, kind)) is not None
    }


def _own_and_pooled(seen: dict[str, int], kind: Kind, override: FieldOverride) -> tuple[list[str], list[str]]:
    """Categories with a code of their own, commonest first, and those known without one.

    A list in the configuration is what is allowed: names on it are known though never seen, others are not known.
    """
    if kind.kind == "boolean":
        return list(BOOLEAN_CATEGORIES), []
    allowed = seen.keys() if override.categories is None else override.categories
    ranked = sorted(set(allowed), key=lambda label: (-seen.get(label, 0), label))
    return ranked[:MAX_CATEGORIES], ranked[MAX_CATEGORIES : MAX_CATEGORIES + POOLED_NAMES_MAX]


def _category_cells(column: ValueColumn, kind: Kind, own: list[str]) -> U8:
    code = {label: i for i, label in enumerate(own)}
    # one more entry at the end, which NO_TEXT (-1) finds: not a category of this field
    cell_of_text = np.full(len(column.dictionary) + 1, CELL_INVALID, np.uint8)
    for i, key in enumerate(column.dictionary):
        label = _label(key, kind)
        if label is not None:
            cell_of_text[i] = code.get(label, POOLED_CODE)
    cells: U8 = cell_of_text[column.texts]
    cells[np.isnan(column.numbers)] = CELL_MISSING
    return cells


def _label(key: tuple[type, object], kind: Kind) -> str | None:
    """The category of a typed value in a field of this kind, None if it is of another type."""
    kind_of_value, value = key
    if kind.value_type == "boolean":
        return str(value).lower() if kind_of_value is bool else None
    return str(value) if kind_of_value is {"integer": int, "string": str}[kind.value_type] else None


def _rounded(value: float) -> float:
    return float(f"{value:.12g}")
