"""Reads the reference profiles a configuration names."""

from __future__ import annotations

from pathlib import Path

from driftline.config.config import Config
from driftline.config.model_spec import ModelSpec
from driftline.processors.reference.fit import fitted
from driftline.processors.reference.profile import Reference, decode_reference
from driftline.schemas.errors import BadReference, InputError


def load_reference(path: Path) -> Reference:
    """One profile. Raises InputError when the file cannot be read, BadReference when it is no profile."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: {error.strerror}; build it with `driftline reference build DATA --config C --out {path.name}`"
        ) from error
    return decode_reference(data, name=str(path))


def load_references(config: Config) -> dict[str, dict[str, Reference]]:
    """By model, then by version ("" = the model's default); a model without one learns it."""
    return {name: _of_model(spec) for name, spec in config.models.items()}


def _of_model(spec: ModelSpec) -> dict[str, Reference]:
    paths = dict(spec.references_by_version)
    if spec.reference is not None:
        paths[""] = spec.reference
    references = {version: fitted(load_reference(Path(path)), spec, path) for version, path in paths.items()}
    shapes = {tuple((f.role, f.name, f.kind) for f in reference.fields) for reference in references.values()}
    if len(shapes) > 1:
        raise BadReference(
            f"model {spec.name!r}: the references of its versions have different fields; build them from the same columns"
        )
    return references
