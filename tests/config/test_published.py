"""What is published about the configuration is what the tree says: the schema for editors, the page for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from driftline.config.json_schema import schema_text
from driftline.config.outline import all_settings
from driftline.config.page import BEGIN, END, with_tables
from driftline.config.tree import Settings
from driftline.config.yaml_text import parse_yaml
from tests.config.expected import BAD, EXAMPLES
from tests.config.schema_check import follows

ROOT = Path(__file__).parents[2]
SCHEMA: dict[str, Any] = json.loads(schema_text())
RENEW = "run tools/publish-config"

# Rules between settings, of texts with a form of their own, and of the file as a whole: `driftline check` knows those.
BEYOND_A_SCHEMA = (
    "broker-certificate", "broker-key", "broker-login-missing", "broker-login-not", "broker-login-without",
    "broker-port", "broker-server", "column-ignored", "defaults-and", "duration-out-of-range", "fairness-metric-of",
    "fairness-segments", "false-alarms-zero",
    "feature-categories-of", "feature-categories-repeated", "feature-min-above-max", "feature-range-of",
    "future-tolerance", "horizon-out-of-range", "lateness-keeps", "number-not-finite", "positive-class",
    "redis-abandoned",
    "redis-certificates", "redis-username", "rocksdb-without", "segments-repeated-set", "time-zone-misspelt",
    "time-zone-unknown", "topic-name", "topics-share", "windows-not-asc", "windows-not-mult", "windows-repeated",
    "worker-snapshots", "worker-stalled", "yaml",
)  # fmt: skip


def test_the_published_schema_is_current() -> None:
    assert (ROOT / "config" / "schema.json").read_text(encoding="utf-8") == schema_text(), RENEW


def test_the_page_has_the_current_settings() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert page == with_tables(page), RENEW


def test_every_setting_is_on_the_page_with_its_meaning() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    missing = [
        path
        for path, setting in all_settings(Settings)
        if f"| `{path[-1]}` |" not in page or setting.meaning not in page
    ]
    assert missing == []
    assert [path for path, setting in all_settings(Settings) if len(setting.meaning) < 10] == []


def test_a_page_without_marks_is_refused() -> None:
    for page in ("", BEGIN, END):
        with pytest.raises(ValueError, match="write <!-- settings"):
            with_tables(page)


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yaml")), ids=lambda file: file.stem)
def test_an_editor_accepts_every_example(file: Path) -> None:
    assert follows(parse_yaml(file.read_bytes(), file.name).data, SCHEMA, SCHEMA)


def test_an_editor_accepts_sections_with_nothing_under_them() -> None:
    written = parse_yaml(b"models: {a: {labels: , features: , columns: }}\nbroker:\ndefaults:\n", "nothing").data
    assert follows(written, SCHEMA, SCHEMA)


@pytest.mark.parametrize(
    "file",
    [file for file in sorted(BAD.glob("*.yaml")) if not file.stem.startswith(BEYOND_A_SCHEMA)],
    ids=lambda file: file.stem,
)
def test_an_editor_marks_what_a_schema_can_know(file: Path) -> None:
    assert not follows(parse_yaml(file.read_bytes(), file.name).data, SCHEMA, SCHEMA)


def test_an_editor_offers_no_place_for_the_password() -> None:
    assert "password_file" in SCHEMA["$defs"]["SaslSettings"]["properties"]
    assert "password" not in SCHEMA["$defs"]["SaslSettings"]["properties"]
    assert "password_file" in SCHEMA["$defs"]["RedisSettings"]["properties"]
    assert "password" not in SCHEMA["$defs"]["RedisSettings"]["properties"]


def test_the_schema_has_none_of_our_own_words() -> None:
    text = schema_text()
    assert [word for word in ('"x-type"', '"place"', '"example"') if word in text] == []
