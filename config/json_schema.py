"""The JSON Schema of the configuration file, for editors: completion, meanings on hover, most mistakes while typing.

It is published as config/schema.json. Rules between settings are not in it; `driftline check` knows those.
"""

import copy
import json
from typing import Any, Final

from driftline.config.tree import Settings
from driftline.config.yaml_text import parse_yaml

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_HEADING: Final = {"title": "driftline configuration", "$schema": _DIALECT}
# Ours, for configuration.md and for the messages; an editor has no use for them.
_OWN_KEYS: Final = ("x-type", "place", "example")


def schema_text() -> str:
    """The content of config/schema.json."""
    schema = {**_HEADING, **_for_editors(configuration_schema()), **_HEADING}  # the heading first, and its title ours
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def configuration_schema() -> dict[str, Any]:
    """The schema as pydantic writes it, with our own keys `x-type`, `place` and `example`."""
    return Settings.model_json_schema()


def _for_editors(node: Any) -> Any:
    if isinstance(node, list):
        return [_for_editors(item) for item in node]
    if not isinstance(node, dict):
        return copy.copy(node)
    shown = {name: _for_editors(below) for name, below in node.items() if name not in _OWN_KEYS}
    if isinstance(node.get("properties"), dict):
        kept = {name: setting for name, setting in node["properties"].items() if setting["place"] != "environment"}
        shown["properties"] = {name: _for_editors(setting) for name, setting in kept.items()}
    if shown.get("type") == "object":  # nothing written under a name means that the section has its defaults
        shown["type"] = ["object", "null"]
    if "place" in node:  # a setting: its title would repeat its name
        shown.pop("title", None)
    if node.get("example"):
        shown["examples"] = [parse_yaml(node["example"].encode(), "example").data]
    return shown
