from __future__ import annotations

import pytest

from driftline.config.model_spec import FieldOverride, ModelSpec
from driftline.processors.reference.fit import fitted
from driftline.processors.reference.layout import layout_of
from driftline.processors.reference.profile import Reference
from driftline.schemas.errors import BadReference
from tests.estimation.references import labelled_reference
from tests.reference.rows import field, prediction, reference_of


@pytest.fixture(scope="module")
def reference() -> Reference:
    events = [
        prediction(i, features={"x": i / 10, "colour": "red" if i % 3 else "blue"}, context={"region": "eu"})
        for i in range(300)
    ]
    return reference_of(events, task="binary", segments=(("region",),))


def _spec(**overrides: FieldOverride) -> ModelSpec:
    return ModelSpec(name="m", task="binary", segments=(("region",),), fields=overrides)


def test_without_overrides_nothing_changes(reference: Reference) -> None:
    assert fitted(reference, _spec()) == reference


def test_a_feature_can_be_left_out_without_building_again(reference: Reference) -> None:
    fit = fitted(reference, _spec(x=FieldOverride(monitor=False)))
    assert [f.name for f in fit.fields] == ["colour", "prediction"]
    assert [len(s.cells) for s in fit.segments] == [2]
    assert fit.segments[0].cells == reference.segments[0].cells[1:]
    assert layout_of(fit, _spec()).ignored == {"x"}
    assert fit.hash == reference.hash, "it is still that file"


def test_a_range_and_allowed_categories_take_effect_without_building_again(reference: Reference) -> None:
    fit = fitted(reference, _spec(x=FieldOverride(min=0), colour=FieldOverride(categories=("red", "blue", "green"))))
    assert (field(fit, "x").contract.minimum, field(fit, "x").contract.maximum) == (0, 29.9)
    assert field(fit, "colour").pooled == ["green"]
    assert field(fit, "colour").contract.categories_closed


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (FieldOverride(kind="numeric"), "features.colour.kind: it is categorical in the reference, not numeric"),
        (FieldOverride(categories=("blue",)), "features.colour.categories: 'red' is in the reference; allow it"),
    ],
)
def test_what_needs_another_reference_is_refused(reference: Reference, override: FieldOverride, message: str) -> None:
    with pytest.raises(BadReference, match=r"^r\.json: does not fit the configuration") as caught:
        fitted(reference, _spec(colour=override), name="r.json")
    assert message in str(caught.value)


def test_the_reference_of_another_model_is_refused(reference: Reference) -> None:
    with pytest.raises(BadReference, match="profile of model 'm', not of 'other'; build one for it"):
        fitted(reference, ModelSpec(name="other"))


def test_the_layout_has_the_fields_in_order_and_the_segments_of_the_configuration(reference: Reference) -> None:
    layout = layout_of(reference, _spec())
    assert [(f.name, f.kind) for f in layout.fields] == [(f.name, f.kind) for f in reference.fields]
    assert layout.segment_sets == (("region",),)
    assert layout.category_fields[0].categories == ("red", "blue")


def test_labels_that_were_read_as_of_another_task_need_another_reference() -> None:
    built = labelled_reference([0, 1] * 150, [0, 1] * 150, task="binary")
    assert fitted(built, ModelSpec(name="m")) == built, "it is still found to be binary"
    with pytest.raises(BadReference, match="task: its labels were read as of a binary model, not regression; build"):
        fitted(built, ModelSpec(name="m", task="regression"))
