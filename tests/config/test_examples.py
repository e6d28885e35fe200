"""The examples run as their expected summaries say, and show every setting there is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from driftline.config.load import load_config
from driftline.config.outline import ANY_NAME, all_settings
from driftline.config.tree import Settings
from driftline.config.yaml_text import parse_yaml
from tests.config.expected import EXAMPLES, EXAMPLES_SHOWN, summary_of

FILES = sorted(EXAMPLES.glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_runs_as_its_summary_says(file: Path) -> None:
    assert summary_of(file) == (EXAMPLES_SHOWN / file.name).with_suffix(".txt").read_text(encoding="utf-8")


def test_every_expected_summary_has_its_example() -> None:
    assert {file.stem for file in EXAMPLES_SHOWN.glob("*.txt")} == {file.stem for file in FILES}


def test_the_example_of_everything_sets_every_setting_to_another_value_than_its_default() -> None:
    data = parse_yaml((EXAMPLES / "everything.yaml").read_bytes(), "everything.yaml").data
    settings = {path: setting for path, setting in all_settings(Settings) if path[0] != "defaults"}
    unchanged = {
        path for path, setting in settings.items() if all(value == setting.default for value in _values(data, path))
    }
    # the only version there is, what follows from listed models, true as it must be, and what no file may hold
    assert unchanged == {
        ("version",),
        ("models", ANY_NAME, "features", ANY_NAME, "monitor"),
        ("broker", "sasl", "password"),
        ("join_stores", "redis", "password"),
    }


def test_a_model_that_sets_one_thing_of_a_section_keeps_the_rest_of_the_defaults() -> None:
    config = load_config(EXAMPLES / "many_models.yaml", environ={})
    labels = config.models["fraud-eu.v2"].labels
    assert (labels.horizon_ms, labels.store) == (90 * 86_400_000, "rocksdb")
    assert config.models["churn"].segments == (("region",),)
    assert config.models["fraud-eu.v2"].segments == (("merchant_country",), ("merchant_country", "channel"))


def _values(data: Any, path: tuple[Any, ...]) -> list[Any]:
    """All values at a path; a name of the user's own stands for each that is listed."""
    if not path:
        return [data]
    if path[0] == ANY_NAME:
        return [value for below in data.values() for value in _values(below, path[1:])]
    return _values(data[path[0]], path[1:]) if path[0] in data else []
