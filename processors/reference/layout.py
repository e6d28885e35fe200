"""What the decoder has to know of a reference: which columns, in which order, and what their categories are."""

from __future__ import annotations

from driftline.config.model_spec import ModelSpec
from driftline.processors.reference.profile import FieldProfile, Reference
from driftline.schemas.layout import EventLayout, FieldLayout


def layout_of(reference: Reference, spec: ModelSpec) -> EventLayout:
    """The columns of the reference and the segment sets of the configuration."""
    return EventLayout(
        fields=tuple(_field_layout(field) for field in reference.fields),
        segment_sets=spec.segments,
        ignored=frozenset(field.name for field in reference.left_out),
    )


def _field_layout(field: FieldProfile) -> FieldLayout:
    return FieldLayout(
        name=field.name,
        role=field.role,
        kind=field.kind,
        value_type=field.value_type,
        categories=tuple(field.categories),
        known_pooled=frozenset(field.pooled),
    )
