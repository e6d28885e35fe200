from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.config.model_spec import FieldOverride, ModelSpec
from driftline.processors.reference import gather
from driftline.processors.reference.build import ReferenceBuilder, build_reference
from driftline.processors.reference.profile import encode_reference
from driftline.schemas.errors import BadReference
from driftline.schemas.events import Prediction
from tests.reference.rows import ABSENT, START_MS, events_of, field, prediction, profile_of, reference_of

CATEGORICAL = FieldOverride(kind="categorical")

# ---- kinds


@pytest.mark.parametrize(
    ("values", "kind", "value_type"),
    [
        ([1, 2, 3], "numeric", "integer"),
        ([1, 2.5, 3], "numeric", "number"),
        ([0, 1, 1, 0], "numeric", "integer"),
        (["a", "b"], "categorical", "string"),
        ([True, False, None], "boolean", "boolean"),
        ([1, 2, "x"], "numeric", "integer"),
        ([1, "x", "y"], "categorical", "string"),
    ],
)
def test_the_kind_of_a_feature_is_that_of_most_values(values: list[Any], kind: str, value_type: str) -> None:
    profile = profile_of(values)
    assert (profile.kind, profile.value_type) == (kind, value_type)
    assert profile.contract.value_type == value_type


@pytest.mark.parametrize(
    ("task", "values", "kind"),
    [
        ("binary", [0, 1], "categorical"),
        ("multiclass", [3, 7], "categorical"),
        ("regression", [3, 7], "numeric"),
        (None, [3, 7], "numeric"),
        (None, ["yes", "no"], "categorical"),
        (None, [True, False], "boolean"),
        ("binary", [0.0, 1.0], "categorical"),
    ],
)
def test_the_prediction_of_a_classifier_is_a_category(task: Any, values: list[Any], kind: str) -> None:
    reference = reference_of([prediction(prediction=value) for value in values], task=task)
    assert field(reference, "prediction").kind == kind


def test_scores_and_measurements_are_numeric_and_fields_are_in_order() -> None:
    events = [
        prediction(score=0.5, features={"colour": "red", "age": 3}, measurements={"latency_ms": 12.5, "tokens": 3}),
        prediction(score=0.7, features={"colour": "red", "age": 4, "late": 1.0}),
    ]
    reference = reference_of(events, task="binary")
    assert [(f.role, f.name) for f in reference.fields] == [
        ("feature", "age"),
        ("feature", "late"),
        ("score", "score"),
        ("measurement", "latency_ms"),
        ("measurement", "tokens"),
        ("feature", "colour"),
        ("prediction", "prediction"),
    ]
    assert (field(reference, "late").n, field(reference, "late").missing) == (1, 1)
    assert (field(reference, "tokens").n, field(reference, "tokens").missing) == (1, 1)


def test_a_feature_called_prediction_stands_beside_the_prediction() -> None:
    reference = reference_of([prediction(features={"prediction": 0.5, "score": 2.0}, score=0.1)], task="binary")
    assert field(reference, "prediction", role="feature").kind == "numeric"
    assert field(reference, "prediction", role="prediction").kind == "categorical"
    assert field(reference, "score", role="feature").mean == 2.0


# ---- numeric fields


def test_a_numeric_field_counts_missing_and_wrong_values_apart() -> None:
    profile = profile_of([1, 2.5, None, ABSENT, "x", True, [1], 4])
    assert (profile.n, profile.missing, profile.invalid) == (3, 2, 3)
    assert (profile.min, profile.max, profile.mean) == (1.0, 4.0, 2.5)
    assert profile.edges == [1.8, 3.2]
    assert profile.bin_counts == [1, 1, 1]
    assert profile.cell_means == [1.0, 2.5, 4.0]


def test_the_spread_is_the_sample_standard_deviation() -> None:
    values = np.random.default_rng(3).normal(1e6, 2.0, 500)
    profile = profile_of(values.tolist())
    assert profile.mean == pytest.approx(values.mean(), rel=1e-11)
    assert profile.sd == pytest.approx(values.std(ddof=1), rel=1e-9)
    assert profile_of([5.0]).sd == 0.0


def test_whole_numbers_beyond_the_range_of_floats_are_invalid() -> None:
    profile = profile_of([1, 10**400, 2])
    assert (profile.n, profile.invalid) == (2, 1)


# ---- categories


def test_categories_are_by_falling_count_then_by_name() -> None:
    profile = profile_of(["b", "a", "c", "c", None, 7])
    assert profile.categories == ["c", "a", "b"]
    assert profile.category_counts == [2, 1, 1]
    assert (profile.n, profile.missing, profile.invalid) == (4, 1, 1)


def test_booleans_are_always_false_then_true() -> None:
    profile = profile_of([True, True, None])
    assert profile.categories == ["false", "true"]
    assert profile.category_counts == [0, 2]


def test_numbers_declared_categorical_are_written_as_decimals() -> None:
    profile = profile_of([3, 1, 3.0, 10, "3", True], CATEGORICAL)
    assert (profile.kind, profile.value_type) == ("categorical", "integer")
    assert profile.categories == ["3", "1", "10"]
    assert profile.category_counts == [2, 1, 1]
    assert profile.invalid == 2


def test_zero_and_one_are_booleans_to_a_boolean_field() -> None:
    for values in ([True, False, True, 1, 0, 2], [1, 0, 1, 1, 0, 2]):
        override = FieldOverride(kind="boolean")
        profile = profile_of(values, override)
        assert profile.category_counts == [2, 3]
        assert profile.invalid == 1
    assert profile_of([True, True, False, 1, 2]).category_counts == [1, 3]


def test_more_than_63_categories_share_a_pool_by_name() -> None:
    values = [f"c{i:02}" for i in range(80) for _ in range(80 - i)]
    profile = profile_of(values)
    assert len(profile.categories) == 63
    assert profile.categories[0] == "c00"
    assert profile.pooled == [f"c{i}" for i in range(63, 80)]
    assert profile.pooled_count == sum(80 - i for i in range(63, 80))


def test_names_in_the_pool_are_capped() -> None:
    profile = profile_of([f"c{i}" for i in range(3_000)], CATEGORICAL)
    assert (len(profile.categories), len(profile.pooled)) == (63, 1_000)
    assert profile.pooled_count == 3_000 - 63
    assert not profile.contract.categories_closed


# ---- contract


def test_the_contract_is_what_the_reference_shows() -> None:
    contract = profile_of([3.25, 7.5, None]).contract
    assert (contract.minimum, contract.maximum, contract.nullable) == (3.25, 7.5, True)
    assert not profile_of([3.25, 7.5]).contract.nullable


def test_a_list_of_categories_is_closed_when_hardly_any_was_seen_only_once() -> None:
    assert profile_of(["a"] * 600 + ["b"] * 400).contract.categories_closed
    assert not profile_of(["a"] * 600 + ["b"] * 400 + [f"rare {i}" for i in range(5)]).contract.categories_closed


def test_the_configuration_overrules_the_range() -> None:
    contract = profile_of([1, 2, 3], FieldOverride(min=0, max=120)).contract
    assert (contract.minimum, contract.maximum) == (0, 120)


def test_the_configuration_lists_the_categories_that_are_allowed() -> None:
    profile = profile_of(["a", "a", "typo"], FieldOverride(categories=("a", "b")))
    assert profile.categories == ["a", "b"]
    assert profile.category_counts == [2, 0]
    assert profile.pooled_count == 1, "a value that is not allowed is counted with the pool and not known by name"
    assert profile.contract.categories_closed


# ---- what is left out


def test_ids_and_empty_columns_are_left_out_with_a_reason() -> None:
    events = events_of(user=[f"u{i}" for i in range(300)], empty=[None] * 300, muted=[1] * 300, age=list(range(300)))
    reference = reference_of(events, fields={"muted": FieldOverride(monitor=False)})
    assert {f.name: f.reason for f in reference.left_out} == {
        "user": "300 of its 300 texts are different, as of an id; write kind: categorical to monitor it",
        "empty": "it has no value in any row",
        "muted": "the configuration says monitor: false",
    }
    assert [f.name for f in reference.fields] == ["age", "prediction"]


def test_an_id_that_is_declared_categorical_is_monitored() -> None:
    assert profile_of([f"u{i}" for i in range(300)], CATEGORICAL).n == 300


def test_a_field_without_a_value_of_its_declared_kind_is_left_out() -> None:
    reference = reference_of(events_of(x=["a", "b"]), fields={"x": FieldOverride(kind="numeric")})
    assert [(f.name, f.reason) for f in reference.left_out] == [("x", "it should be numeric and holds no number")]


def test_there_must_be_events() -> None:
    with pytest.raises(BadReference, match=r"test: holds no event of model 'm'; give the file of that model"):
        reference_of([])


def test_something_must_be_left_to_monitor() -> None:
    events = [prediction(i, prediction=f"answer {i}") for i in range(300)]
    with pytest.raises(BadReference, match=r"no field is left to monitor \(prediction: 300 of its 300 texts"):
        reference_of(events)


# ---- caps


def test_names_of_one_field_are_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "MAX_NAMES", 3)
    profile = profile_of(["a", "b", "c", "d", "e", "a"], CATEGORICAL)
    assert dict(zip(profile.categories, profile.category_counts, strict=True)) == {"a": 2, "b": 1, "c": 1}
    assert (profile.n, profile.pooled, profile.pooled_count) == (6, [], 2)
    assert not profile.contract.categories_closed


def test_segments_beyond_the_most_labels_have_no_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "SEGMENT_LABELS_MAX", 3)
    events = [prediction(i, context={"region": f"r{i % 5}"}) for i in range(1_000)]
    reference = reference_of(events, segments=(("region",),))
    assert [(s.label, s.n) for s in reference.segments] == [(f"region=r{k}", 200) for k in range(3)]


def test_long_segment_values_that_are_cut_to_one_label_are_one_segment() -> None:
    events = [prediction(i, context={"region": "x" * 128 + str(i % 2)}) for i in range(100)]
    reference = reference_of(events, segments=(("region",),))
    assert [(s.label, s.n) for s in reference.segments] == [("region=" + "x" * 128, 100)]


# ---- the whole


def test_the_rate_is_that_of_the_events() -> None:
    reference = reference_of([prediction(i) for i in range(24 * 14 + 1)])
    assert reference.events_per_week == 24 * 7
    assert (reference.first_ms, reference.last_ms) == (START_MS, START_MS + 14 * 86_400_000)
    assert reference_of([prediction(0), prediction(0)]).events_per_week is None


def test_rows_without_times_have_no_rate() -> None:
    reference = build_reference(ModelSpec(name="m"), [prediction(i) for i in range(5)], "test", timed=False)
    assert (reference.first_ms, reference.last_ms, reference.events_per_week) == (None, None, None)


def test_the_version_is_said_only_if_it_is_one() -> None:
    assert reference_of([prediction(model_version="2")] * 3).model_version == "2"
    assert reference_of([prediction(model_version="2"), prediction(model_version="3")]).model_version is None


def test_segments_with_a_hundred_rows_have_a_profile() -> None:
    events = [
        prediction(i, features={"x": i % 3, "device": "phone"}, context={"region": "eu" if i % 5 else "us"})
        for i in range(600)
    ]
    reference = reference_of([*events, prediction(600)], segments=(("region",), ("region", "device")))
    assert [(s.segment_set, s.label, s.n) for s in reference.segments] == [
        (("region",), "region=eu", 480),
        (("region",), "region=us", 120),
        (("region", "device"), "region=eu,device=phone", 480),
        (("region", "device"), "region=us,device=phone", 120),
    ]
    europe = reference.segments[0]
    assert europe.cells[0] == [160, 160, 160], "x"


def test_segments_are_capped_at_the_largest() -> None:
    events = [prediction(i, context={"region": f"r{i % 4}"}) for i in range(404)]
    events += [prediction(i, context={"region": "r2"}) for i in range(50)]
    reference = reference_of(events, segments=(("region",),), segments_max=2)
    assert [s.label for s in reference.segments] == ["region=r2", "region=r0"]


def test_segment_counts_add_up_to_the_model() -> None:
    rng = random.Random(5)
    events = [
        prediction(
            i,
            features={
                "x": rng.choice([None, "wrong", rng.gauss(0, 1), rng.gauss(0, 1)]),
                "c": rng.choice("abc"),
            },
            context={"region": rng.choice(["eu", "us"])},
        )
        for i in range(2_000)
    ]
    reference = reference_of(events, segments=(("region",),))
    for m, profile in enumerate(reference.fields):
        rows = np.zeros(66, np.int64)
        for segment in reference.segments:
            rows[: len(segment.cells[m])] += segment.cells[m]
        assert (rows[64], rows[65]) == (profile.invalid, profile.missing)
        assert rows[:64].sum() == profile.n
        if profile.kind != "numeric":
            assert rows[: len(profile.categories)].tolist() == profile.category_counts


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(-2, 2),
    st.sampled_from(["a", "b", ""]),
    st.just([1]),
    st.just(ABSENT),
)
EVENTS = st.lists(st.tuples(VALUES, VALUES, st.sampled_from(["eu", "us", None])), min_size=1, max_size=60).map(
    lambda rows: [
        prediction(
            i,
            features={k: v for k, v in (("x", x), ("y", y)) if v is not ABSENT},
            context={} if region is None else {"region": region},
        )
        for i, (x, y, region) in enumerate(rows)
    ]
)
SPEC = ModelSpec(name="m", segments=(("region",), ("x", "y")), fields={"y": CATEGORICAL})


def _built(blocks: list[list[Prediction]], max_rows: int = 1_000_000) -> bytes:
    builder = ReferenceBuilder(SPEC, max_rows)
    for block in blocks:
        builder.add(block)
    return encode_reference(builder.build("test"))


@given(EVENTS, st.integers(1, 61), st.sampled_from([7, 20, 1_000_000]))
def test_the_reference_does_not_depend_on_how_rows_are_cut_into_blocks(
    events: list[Prediction], size: int, max_rows: int
) -> None:
    blocks = [events[i : i + size] for i in range(0, len(events), size)]
    assert _built(blocks, max_rows) == _built([[event] for event in events], max_rows)


def test_a_long_file_is_thinned_out_evenly() -> None:
    builder = ReferenceBuilder(ModelSpec(name="m"), max_rows=100)
    events = events_of(x=list(range(1_000)))
    for start in range(0, 1_000, 37):
        builder.add(events[start : start + 37])
    reference = builder.build("test")
    assert (reference.n, reference.rows_read) == (63, 1_000)
    assert field(reference, "x").bin_counts == [1] * 63
    assert field(reference, "x").edges[:2] == [8.0, 24.0], "every 16th row"
    assert reference.events_per_week == 24 * 7, "of all rows"
