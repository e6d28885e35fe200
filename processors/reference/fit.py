"""A reference and a configuration that has changed since: does it still fit, and what does the configuration add?

Leaving a feature out, its range and its allowed categories take effect without building the reference again. Another kind
does not, because the reference was binned as the kind it was; nor does another task, because its labels were read as of
the task it was. The hash stays that of the file.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from driftline.config.model_spec import FieldOverride, ModelSpec
from driftline.processors.outcomes.task_sums import task_of
from driftline.processors.reference.kinds import override_of
from driftline.processors.reference.profile import FieldProfile, LeftOutField, Reference
from driftline.schemas.errors import BadReference


def fitted(reference: Reference, spec: ModelSpec, name: str = "reference") -> Reference:
    """The reference as this configuration wants it; `name` (a path) begins the message of an error.

    Raises BadReference when it is of another model, or has a feature of another kind, or labels of another task, than the
    configuration declares.
    """
    problems = list(_problems(reference, spec))
    if problems:
        raise BadReference("\n".join([f"{name}: does not fit the configuration", *(f"  {p}" for p in problems)]))
    overrides = [override_of(spec, field.role, field.name) for field in reference.fields]
    kept = [m for m, override in enumerate(overrides) if override.monitor]
    left_out = [
        LeftOutField(name=field.name, role=field.role, reason="the configuration says monitor: false")
        for field, override in zip(reference.fields, overrides, strict=True)
        if not override.monitor
    ]
    return replace(
        reference,
        fields=[_with(reference.fields[m], overrides[m]) for m in kept],
        left_out=[*reference.left_out, *left_out],
        segments=[replace(segment, cells=[segment.cells[m] for m in kept]) for segment in reference.segments],
    )


def _problems(reference: Reference, spec: ModelSpec) -> Iterator[str]:
    if reference.model != spec.name:
        yield f"it is the profile of model {reference.model!r}, not of {spec.name!r}; build one for it"
    task = task_of(spec, reference)
    if reference.performance is not None and reference.performance.task != task:
        yield f"task: its labels were read as of a {reference.performance.task} model, not {task}; build it again"
    for field in reference.fields:
        override = override_of(spec, field.role, field.name)
        kind = override.kind
        # true and false are told apart however the configuration calls them
        if kind is not None and kind != field.kind and (kind, field.kind) != ("categorical", "boolean"):
            yield f"features.{field.name}.kind: it is {field.kind} in the reference, not {kind}; build it again"
        refused = [c for c in field.categories if override.categories is not None and c not in override.categories]
        if refused and field.kind == "categorical":
            yield f"features.{field.name}.categories: {refused[0]!r} is in the reference; allow it, or build again"


def _with(field: FieldProfile, override: FieldOverride) -> FieldProfile:
    contract = field.contract
    if override.min is not None:
        contract = replace(contract, minimum=override.min)
    if override.max is not None:
        contract = replace(contract, maximum=override.max)
    if override.categories is None or field.kind == "numeric":
        return replace(field, contract=contract)
    # names of the list that the reference never saw are known all the same; the others are new to the decoder
    known = set(field.categories)
    pooled = sorted(category for category in override.categories if category not in known)
    return replace(field, contract=replace(contract, categories_closed=True), pooled=pooled)
