"""Does a value follow a JSON Schema? Only the keywords that ours uses; any other is an error, so none is ignored."""

from __future__ import annotations

import re
from typing import Any

_WITHOUT_A_RULE = {"$schema", "$defs", "title", "description", "default", "examples"}
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def follows(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    """Whether `value` is valid for `schema`, a part of `root`."""
    return all(_keyword(keyword, rule, value, schema, root) for keyword, rule in schema.items())


def _keyword(keyword: str, rule: Any, value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    if keyword in _WITHOUT_A_RULE:
        return True
    match keyword:
        case "$ref":
            return follows(value, root["$defs"][rule.removeprefix("#/$defs/")], root)
        case "anyOf":
            return any(follows(value, choice, root) for choice in rule)
        case "type":
            return any(_is(value, name) for name in ([rule] if isinstance(rule, str) else rule))
        case "enum":
            return value in rule
        case "const":
            return bool(value == rule)
    if isinstance(value, str):
        rules = {"pattern": re.search, "minLength": lambda r, v: len(v) >= r, "maxLength": lambda r, v: len(v) <= r}
    elif isinstance(value, list):
        rules = {
            "items": lambda r, v: all(follows(item, r, root) for item in v),
            "minItems": lambda r, v: len(v) >= r,
            "maxItems": lambda r, v: len(v) <= r,
            "uniqueItems": lambda r, v: all(item not in v[:position] for position, item in enumerate(v)),
        }
    elif isinstance(value, dict):
        known = schema.get("properties", {})
        rules = {
            "properties": lambda r, v: all(follows(v[name], r[name], root) for name in v if name in r),
            "propertyNames": lambda r, v: all(follows(name, r, root) for name in v),
            "additionalProperties": lambda r, v: all(
                r is not False and follows(below, r, root) for name, below in v.items() if name not in known
            ),
        }
    else:
        rules = {
            "minimum": lambda r, v: v is None or v >= r,
            "maximum": lambda r, v: v is None or v <= r,
            "exclusiveMinimum": lambda r, v: v is None or v > r,
        }
    if keyword not in rules and keyword not in _ALL:
        raise NotImplementedError(f"teach this file the keyword {keyword}")
    return keyword not in rules or bool(rules[keyword](rule, value))


_ALL = {
    "pattern", "minLength", "maxLength", "items", "minItems", "maxItems", "uniqueItems", "properties", "propertyNames",
    "additionalProperties", "minimum", "maximum", "exclusiveMinimum",
}  # fmt: skip


def _is(value: Any, name: str) -> bool:
    return isinstance(value, _TYPES[name]) and (name == "boolean" or not isinstance(value, bool))
