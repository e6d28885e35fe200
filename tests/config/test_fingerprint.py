"""Hashes of a specification: what changes them, and what must not."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from driftline.config.budget import FalseAlarmBudget
from driftline.config.fingerprint import StatePart, config_hash, shape_fingerprint
from driftline.config.model_spec import ColumnMapping, FairnessSpec, FieldOverride, LabelSpec, ModelSpec

SPEC = ModelSpec(name="employment")

CHANGES: dict[str, Any] = {
    "name": "fraud",
    "task": "binary",
    "windows_ms": (60_000,),
    "segments": (("region",),),
    "segments_max": 7,
    "false_alarms": FalseAlarmBudget(2.0, "week"),
    "events_per_week": 5.0,
    "lateness_ms": 0,
    "idle_after_ms": None,
    "future_tolerance_ms": 0,
    "dedup": 0,
    "learn_from": 100,
    "detectors": ("adwin",),
    "fields": {"age": FieldOverride(min=0.5)},
    "columns": ColumnMapping(score="p", context={"region": "r"}),
    "labels": LabelSpec(horizon_ms=60_000),
    "fairness": FairnessSpec(metrics=("recall",)),
    "quality_share_max": 0.5,
}


def _changed(name: str) -> ModelSpec:
    return dataclasses.replace(SPEC, **{name: CHANGES[name]})


@pytest.mark.parametrize("name", CHANGES)
def test_every_setting_changes_the_config_hash(name: str) -> None:
    assert config_hash(_changed(name)) != config_hash(SPEC)


def test_the_place_of_a_reference_changes_no_hash() -> None:
    moved = dataclasses.replace(SPEC, reference="b/r.json", references_by_version={"2": "c.json"})
    assert config_hash(moved) == config_hash(SPEC)
    assert shape_fingerprint(moved) == shape_fingerprint(SPEC)


def test_every_field_of_a_spec_is_hashed_or_left_out_on_purpose() -> None:
    left_out = {field.name for field in dataclasses.fields(ModelSpec)} - CHANGES.keys()
    assert left_out == {"reference", "references_by_version"}


@pytest.mark.parametrize("name", ["columns", "labels", "fairness", "quality_share_max"])
def test_what_shapes_no_state_leaves_the_shape_alone(name: str) -> None:
    assert shape_fingerprint(_changed(name)) == shape_fingerprint(SPEC)


@pytest.mark.parametrize(
    ("part", "shaped_by"),
    [
        ("windows", {"name", "task", "windows_ms", "segments", "segments_max", "lateness_ms", "idle_after_ms"}
         | {"future_tolerance_ms", "learn_from", "fields"}),
        ("detectors", {"name", "task", "segments", "segments_max", "learn_from", "fields", "detectors", "false_alarms"}
         | {"events_per_week"}),
        ("duplicates", {"name", "dedup"}),
    ],
)  # fmt: skip
def test_a_part_of_the_state_starts_afresh_only_for_what_shaped_it(part: StatePart, shaped_by: set[str]) -> None:
    differing = {name for name in CHANGES if shape_fingerprint(_changed(name), part) != shape_fingerprint(SPEC, part)}
    assert differing == shaped_by
    assert all(shape_fingerprint(_changed(name)) != shape_fingerprint(SPEC) for name in shaped_by)


def test_whole_floats_and_the_order_of_names_change_nothing() -> None:
    one = dataclasses.replace(SPEC, fields={"a": FieldOverride(min=1), "b": FieldOverride()}, events_per_week=7.0)
    two = dataclasses.replace(SPEC, fields={"b": FieldOverride(), "a": FieldOverride(min=1.0)}, events_per_week=7)
    assert config_hash(one) == config_hash(two)


def test_hashes_stay_the_same_from_release_to_release() -> None:
    # Signal ids contain the shape: if this changes, everybody is notified again and all state starts afresh.
    assert shape_fingerprint(SPEC) == "bb7189b55a177f742845b500ec456f32"
