"""What pydantic found, in the words of the configuration: what is wrong and what to write instead."""

import difflib
import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from driftline.config.model_settings import ModelSettings, SharedModelSettings
from driftline.config.outline import ANY_NAME, all_settings, section_at, setting_at, settings_of
from driftline.config.problems import Finding, Path, Refusal, one_of, path_text, quoted

_PLACES_SHOWN_MAX: Final = 3
_LIMITS: Final = ("gt", "ge", "le")

# By pydantic's error type. {value} is what was written, {example} an example of the setting, the others are limits.
_WORDING: Final[Mapping[str, tuple[str, str]]] = {
    "string_type": ("{value} is not a text", "write a text{example}; quote one that looks like a number"),
    "bool_type": ("{value} is not true or false", "write true or false"),
    "int_type": ("{value} is not a whole number", "write a whole number without quotes{example}"),
    "float_type": ("{value} is not a number", "write a number without quotes{example}"),
    "finite_number": ("{value} is not a finite number", "write a number{example}"),
    "greater_than": ("{value} is too small", "write a number above {gt}"),
    "greater_than_equal": ("{value} is too small", "write a number of at least {ge}"),
    "less_than_equal": ("{value} is too large", "write a number of at most {le}"),
    "string_too_short": ("{subject} is empty", "write at least {min_length} character, or remove it"),
    "string_too_long": ("{subject} is too long", "write at most {max_length} characters"),
    "dict_type": ("{value} is not a mapping", "write `name: value` lines under it"),
    "model_type": ("{value} is not a section", "write settings under it, one `name: value` a line"),
}
_LOGINS: Final = (("broker", "sasl"), ("join_stores", "redis"))


def explain(error: ValidationError, root: type[BaseModel]) -> list[Finding]:
    """One finding for each thing that is wrong; their paths are paths of the file."""
    return [finding for details in error.errors(include_url=False) for finding in _findings(details, root)]


def _findings(details: ErrorDetails, root: type[BaseModel]) -> list[Finding]:
    path = details["loc"]
    subject = "the text"
    if path[-1:] == ("[key]",):  # pydantic's mark for the name itself
        path, subject = path[:-1], "the name"
    context = details.get("ctx", {})
    if isinstance(refusal := context.get("error"), Refusal):
        return [Finding(found.what, found.remedy, (*path, *found.at)) for found in refusal.findings]
    if details["type"] == "extra_forbidden":
        return [_unknown_setting(path, root)]
    # A login is not shown, wherever in it the mistake is.
    value = "this value" if path[:2] in _LOGINS else shown(details["input"])
    if details["type"] == "literal_error":
        return [_not_a_choice(path, value, details["input"], context["expected"])]
    setting = setting_at(root, path)
    example = f", such as {setting.example}" if setting and setting.example else ""
    if details["type"] not in _WORDING:
        return [Finding(details["msg"], "see docs/configuration.md for this setting", path)]
    what, remedy = _WORDING[details["type"]]
    limits = {name: int(limit) if limit == int(limit) else limit for name, limit in context.items() if name in _LIMITS}
    words = {"value": value, "subject": subject, "example": example, **context, **limits}
    return [Finding(what.format(**words), remedy.format(**words), path)]


def _not_a_choice(path: Path, value: str, written: Any, expected: str) -> Finding:
    """`expected` is pydantic's list of the choices: 'binary', 'multiclass' or 'ranking'."""
    choices = re.findall(r"'([^']*)'", expected) or [expected]
    close = difflib.get_close_matches(str(written).lower(), choices, n=1)
    return Finding(f"{value} is not a choice here", f"write {close[0] if close else one_of(choices)}", path)


def _unknown_setting(path: Path, root: type[BaseModel]) -> Finding:
    what = "unknown setting"
    name, parent = str(path[-1]), path[:-1]
    section = section_at(root, parent)
    assert section is not None  # pydantic found the extra name in a section of ours
    if section is SharedModelSettings and name in settings_of(ModelSettings):
        return Finding("belongs to a single model", f"write it under models.{ANY_NAME}", path)
    known = [setting.name for setting in settings_of(section).values() if setting.place != "environment"]
    close = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.7)
    if close:
        return Finding(what, f"write {close[0]}", path)
    homes = _homes(name, parent, root)
    if homes:
        return Finding(what, f"write it under {one_of(homes)}", path)
    return Finding(what, f"write one of {', '.join(known)}, or remove it", path)


def _homes(name: str, parent: Path, root: type[BaseModel]) -> list[str]:
    """Sections that have a setting of this name: those below the place where it stands, else all, if they are few."""
    homes = [path[:-1] for path, setting in all_settings(root) if setting.name == name]
    below = [(*parent, *home[len(parent) :]) for home in homes if len(home) > len(parent) and _same(parent, home)]
    chosen = below or homes
    return [path_text(home).replace(f'["{ANY_NAME}"]', f".{ANY_NAME}") for home in chosen[:_PLACES_SHOWN_MAX] if home]


def _same(parent: Path, home: Path) -> bool:
    return all(theirs in (ours, ANY_NAME) for ours, theirs in zip(parent, home, strict=False))


def shown(value: Any) -> str:
    """How a message names a value: as it was written, cut to one short line."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            return quoted(value)
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return str(value)
