"""Whatever is written: a configuration, or problems in our words; never another error."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from driftline.config.explain import _WORDING, explain
from driftline.config.load import read_config
from driftline.config.outline import section_at, setting_at
from driftline.config.problems import ConfigError, Finding
from driftline.config.tree import Settings
from driftline.config.yaml_text import parse_yaml
from tests.config.expected import EXAMPLES

EVERYTHING = parse_yaml((EXAMPLES / "everything.yaml").read_bytes(), "everything.yaml").data

ODD_VALUES: list[Any] = [
    None,
    True,
    -1,
    0,
    10**17,
    1.5,
    float("inf"),
    "",
    "x",
    "a" * 5_000,
    "\u202e\n",
    [],
    ["x"],
    [[]],
]
ODD_VALUES += [[None], [1, 1], {}, {"x": 1}, {"": None}, [{"a": []}]]


def _paths(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path] * bool(path) + [below for name, child in children for below in _paths(child, (*path, name))]


def _findings(data: Any) -> list[Finding]:
    try:
        Settings.model_validate(data)
    except ValidationError as error:
        return explain(error, Settings)
    return []


def _problems(content: bytes) -> list[str]:
    try:
        read_config(content, name="f.yaml", folder="", environ={})
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.mark.parametrize("path", _paths(EVERYTHING), ids=lambda path: ".".join(map(str, path)))
def test_an_odd_value_anywhere_is_explained_in_our_words(path: tuple[Any, ...]) -> None:
    for odd in ODD_VALUES:
        data = copy.deepcopy(EVERYTHING)
        section = data
        for part in path[:-1]:
            section = section[part]
        section[path[-1]] = odd
        for finding in _findings(data):
            assert "see docs/configuration.md" not in finding.remedy
            assert "Input should" not in finding.what
            assert len(finding.what) + len(finding.remedy) < 500


@given(st.binary(max_size=200))
def test_any_bytes_give_a_configuration_or_problems(content: bytes) -> None:
    _problems(content)


TOKENS = ["a", "models", "version", ":", ": ", "\n", "  ", "- ", "[", "]", "{", "}", ",", "&x ", "*x", "!!", "!t "]
TOKENS += ['"', "'", "#", "|", ">", "?", "? ", "---\n", "...\n", "%YAML 1.1\n", "<<", "1", "1e9", "~", "true", "\t"]
TOKENS += ["\\", "é", "\x85"]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(TOKENS), max_size=25).map("".join))
def test_any_yaml_gives_a_configuration_or_problems(text: str) -> None:
    _problems(text.encode())


def test_nesting_beyond_any_limit_is_refused_at_once() -> None:
    assert "more than 16 levels deep" in _problems(b"a: " + b"[" * 100_000)[0]
    assert "more than 16 levels deep" in _problems(b"".join(b" " * i + b"a:\n" for i in range(1_000)))[0]


def test_an_error_that_pydantic_may_add_one_day_is_still_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(_WORDING, "int_type")  # type: ignore[arg-type]
    (problem,) = _problems(b"models: {a: {dedup: x}}")
    assert problem.endswith("Input should be a valid integer; see docs/configuration.md for this setting")


def test_places_that_are_no_sections_have_no_settings() -> None:
    assert section_at(Settings, ("models",)) is None
    assert section_at(Settings, ("models", "a", "dedup")) is None
    assert setting_at(Settings, ("models", "a", "versions", "2")) is None
    assert setting_at(Settings, ("zzz",)) is None
