"""The tables of docs/configuration.md: every setting with its type, its default and its meaning."""

from collections.abc import Iterable
from typing import Any, Final

from pydantic import BaseModel

from driftline.config.json_schema import configuration_schema
from driftline.config.outline import ANY_NAME, Setting, settings_of
from driftline.config.problems import Path, one_of
from driftline.config.tree import Settings

BEGIN: Final = "<!-- settings: written by tools/publish-config from the configuration tree -->"
END: Final = "<!-- end of settings -->"

_TYPES: Final = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}


def with_tables(page: str) -> str:
    """`page` with the tables between its two marks renewed. Raises ValueError when a mark is missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no marks; write {BEGIN} and {END} around its tables")
    return f"{before}{BEGIN}\n\n{tables()}\n{END}{after}"


def tables() -> str:
    """One table for each section, in the order of the tree."""
    definitions = configuration_schema()["$defs"]
    root = configuration_schema()["properties"]
    return "\n".join(_tables(Settings, (), root, definitions))


def _tables(section: type[BaseModel], path: Path, properties: dict[str, Any], definitions: Any) -> Iterable[str]:
    yield f"### {_heading(path)}\n"
    if path == ("defaults",):
        yield f"All settings of `models.{ANY_NAME}` below, but `reference` and `versions`.\n"
        return
    yield "| setting | type | default | meaning |\n|---|---|---|---|"
    settings = settings_of(section)
    for name, setting in settings.items():
        yield f"| `{name}` | {_type(setting, properties[name])} | {_default(setting)} | {_meaning(setting)} |"
    yield ""
    for name, setting in settings.items():
        if setting.section is not None:
            below = (*path, name, ANY_NAME) if setting.shape == "named sections" else (*path, name)
            yield from _tables(setting.section, below, definitions[setting.section.__name__]["properties"], definitions)


def _heading(path: Path) -> str:
    return f"`{'.'.join(str(part) for part in path)}`" if path else "At the top"


def _type(setting: Setting, schema: dict[str, Any]) -> str:
    match setting.shape:
        case "section":
            return "section"
        case "named sections":
            return "sections by name"
        case "named texts" if "x-type" not in schema:
            return "texts by name"
    for choice in schema.get("anyOf", []):
        if choice.get("type") != "null" and "x-type" not in schema:
            schema = choice
    words: str = schema.get("x-type") or _type_in_words(schema)
    return words + _limits(schema)


def _type_in_words(schema: dict[str, Any]) -> str:
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return one_of(f"`{choice}`" for choice in schema["enum"])
    return _TYPES[schema["type"]]


def _limits(schema: dict[str, Any]) -> str:
    words = [
        f"{word} {schema[limit]:,}"
        for limit, word in (("exclusiveMinimum", "above"), ("minimum", "from"), ("maximum", "to"))
        if limit in schema
    ]
    return ", " + " ".join(words) if words else ""


def _default(setting: Setting) -> str:
    match setting.default:
        case None | {}:
            return ""
        case bool():
            return "`true`" if setting.default else "`false`"
        case list():
            return f"`[{', '.join(setting.default)}]`"
        case _:
            return f"`{setting.default}`"


def _meaning(setting: Setting) -> str:
    says_more = setting.example and f"`{setting.example}`" != _default(setting)
    return setting.meaning + (f" Example: `{setting.example}`." if says_more else "")
