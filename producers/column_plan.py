"""Which column becomes which part of an event: the mapping of the configuration laid on the columns of a file."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from driftline.config.model_spec import ColumnMapping, LabelColumns
from driftline.schemas.errors import InputError

COLUMNS_SHOWN_MAX = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionPlan:
    """Columns by what they hold; None where the file has nothing of the kind."""

    prediction_id: str | None
    timestamp: str | None
    prediction: str
    score: str | None
    model_version: str | None
    context: Mapping[str, str]
    measurements: Mapping[str, str]
    probabilities: Mapping[str, str]
    features: tuple[str, ...]
    label: str | None = None

    @property
    def texts(self) -> frozenset[str]:
        """Columns of names, whose values stay as they are written."""
        named = {self.prediction_id, self.model_version, *self.context.values()} - {None}
        # a feature may be used as context too; its type as a feature then decides
        return frozenset(name for name in named if name is not None) - set(self.features)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read, each once."""
        single = (self.prediction_id, self.timestamp, self.prediction, self.score, self.model_version, self.label)
        several = (*self.context.values(), *self.measurements.values(), *self.probabilities.values(), *self.features)
        return tuple(dict.fromkeys(name for name in (*single, *several) if name is not None))


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelPlan:
    """Columns of a file of labels by what they hold."""

    prediction_id: str
    timestamp: str | None
    label: str
    source: str | None
    weight: str | None

    @property
    def texts(self) -> frozenset[str]:
        return frozenset(name for name in (self.prediction_id, self.source) if name is not None)

    @property
    def columns(self) -> tuple[str, ...]:
        names = (self.prediction_id, self.timestamp, self.label, self.source, self.weight)
        return tuple(dict.fromkeys(name for name in names if name is not None))


def plan_predictions(
    mapping: ColumnMapping, names: Sequence[str], path: Path, *, identified: bool = True, label: str | None = None
) -> PredictionPlan:
    """Lay the mapping on the columns of a file.

    identified=False: rows need no id and no time, as in a training set. label: the column of the true label if the file
    has it; it is no feature, and read only from rows like those of a training set. Raises InputError naming every column
    that is missing.
    """
    label = label if label in names else None
    single = {key: _column(getattr(mapping, key), key, names) for key in _SINGLE}
    required = _SINGLE[:3] if identified else ("prediction",)
    features = mapping.features
    if features is None:
        features = _others(mapping, {**single, "label": label}, names)
    plan = PredictionPlan(
        prediction_id=single["prediction_id"],
        timestamp=single["timestamp"],
        prediction=single["prediction"] or "",
        score=single["score"],
        model_version=single["model_version"],
        context=mapping.context,
        measurements=mapping.measurements,
        probabilities=mapping.probabilities,
        features=features,
        label=None if identified else label,
    )
    problems = [*_missing_single(mapping, required, names, "columns"), *_missing_several(plan, names)]
    _refuse(path, names, problems)
    return plan


def plan_labels(mapping: LabelColumns, names: Sequence[str], path: Path, *, timed: bool = True) -> LabelPlan:
    """The same for a file of labels; timed=False: rows need no time."""
    required = _LABEL if timed else ("prediction_id", "label")
    _refuse(path, names, list(_missing_single(mapping, required, names, "labels.columns")))
    return LabelPlan(
        prediction_id=mapping.prediction_id or "prediction_id",
        timestamp=_column(mapping.timestamp, "timestamp", names),
        label=mapping.label or "label",
        source=_column(mapping.source, "source", names),
        weight=_column(mapping.weight, "weight", names),
    )


_SINGLE = ("prediction_id", "timestamp", "prediction", "score", "model_version")
_LABEL = ("prediction_id", "timestamp", "label")


def _column(mapped: str | None, key: str, names: Sequence[str]) -> str | None:
    return mapped if mapped is not None else key if key in names else None


def _others(mapping: ColumnMapping, single: Mapping[str, str | None], names: Sequence[str]) -> tuple[str, ...]:
    used = {*single.values(), *mapping.context.values(), *mapping.measurements.values()}
    used |= {*mapping.probabilities.values(), *mapping.ignore}
    return tuple(name for name in names if name not in used)


def _missing_single(
    mapping: ColumnMapping | LabelColumns, required: Sequence[str], names: Sequence[str], section: str
) -> Iterator[str]:
    for key in required:
        if getattr(mapping, key) is None and key not in names:
            yield f"no column {key!r}: set {section}.{key} to the column that holds it"
    for key in (*_SINGLE, "label", "source", "weight"):
        mapped = getattr(mapping, key, None)
        if mapped is not None and mapped not in names:
            yield f"column {mapped!r} is not in the file: set {section}.{key}{_did_you_mean(mapped, names)}"


def _missing_several(plan: PredictionPlan, names: Sequence[str]) -> Iterator[str]:
    for section in ("context", "measurements", "probabilities"):
        for key, column in getattr(plan, section).items():
            if column not in names:
                hint = _did_you_mean(column, names)
                yield f"column {column!r} is not in the file: set columns.{section}.{key}{hint}"
    for column in plan.features:
        if column not in names:
            yield f"column {column!r} is not in the file: change columns.features{_did_you_mean(column, names)}"


def _did_you_mean(name: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    return f" (to {close[0]!r}?)" if close else ""


def _refuse(path: Path, names: Sequence[str], problems: Sequence[str]) -> None:
    if not problems:
        return
    shown = ", ".join(names[:COLUMNS_SHOWN_MAX]) + (", ..." if len(names) > COLUMNS_SHOWN_MAX else "")
    lines = [f"{path}: {problems[0]}"] if len(problems) == 1 else [f"{path}:", *(f"  {p}" for p in problems)]
    raise InputError("\n".join([*lines, f"  columns of the file: {shown or 'none'}"]))
