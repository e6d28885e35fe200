"""Whose column mapping a CSV or Parquet file follows: its rows do not say their model."""

from __future__ import annotations

from driftline.config.config import Config
from driftline.config.model_spec import ModelSpec
from driftline.schemas.errors import InputError


def spec_of_file(config: Config, model: str | None) -> ModelSpec:
    """The model that `--model` names, or the only one that is configured. Raises InputError for one that is not there."""
    if model is None:
        if len(config.models) == 1:
            return next(iter(config.models.values()))
        # JSON lines name their model themselves; for other files the reader asks for a model by name
        return config.defaults
    spec = config.spec_for(model)
    if spec is None:
        raise InputError(
            f"--model {model!r}: is not in the configuration; models are {', '.join(sorted(config.models))}"
        )
    return spec
