"""Settings from environment variables: `DRIFTLINE_MODELS__EMPLOYMENT__LATENESS=90s`.

The name of a variable is the path of the setting in capitals, two underscores between levels. A name of the user's own
(a model, a feature, a column key) is matched with every run of other characters than A-Z and 0-9 written as one
underscore: `fraud-eu.v2` is `FRAUD_EU_V2`. A variable changes what the file lists; it adds no model or feature.
"""

import copy
import difflib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel

from driftline.config.outline import Setting, settings_of
from driftline.config.problems import ConfigError, Path, Problem, one_of, path_text
from driftline.config.tree import Settings
from driftline.config.yaml_text import parse_yaml

PREFIX: Final = "DRIFTLINE_"
_LEVEL: Final = "__"


@dataclass(slots=True)
class Overridden:
    """The data of the file with the environment over it; `origins` names the variable of each setting that came so."""

    data: Any
    origins: dict[Path, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def override(data: Any, environ: Mapping[str, str]) -> Overridden:
    """Apply the variables of `environ` to the data of a file; `data` itself is not changed.

    A variable with an empty value counts as absent: compose files write them so. One that has no double underscore is
    ignored unless it names a setting: orchestrators set DRIFTLINE_PORT for a service that is called driftline.
    """
    result = Overridden(copy.deepcopy({} if data is None else data))
    addresses = _addresses_by_variable(result.data)
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or environ[variable] == "":
            continue
        targets = addresses.get(variable, [])
        if len(targets) == 1:
            _set(result, *targets[0], variable, environ[variable])
        elif targets:
            both = " and ".join(path_text(path) for path, _ in targets)
            remedy = "remove it and write the value in the file"
            result.problems.append(Problem("", f"can mean {both}", remedy, variable))
        else:
            result.problems += _unknown(variable, addresses)
    return result


def variable_part(name: str) -> str:
    """
    >>> variable_part("fraud-eu.v2")
    'FRAUD_EU_V2'
    """
    return re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_")


def _addresses_by_variable(data: Any) -> dict[str, list[tuple[Path, Setting]]]:
    addresses: dict[str, list[tuple[Path, Setting]]] = defaultdict(list)
    for path, setting in _addresses(Settings, data, ()):
        addresses[PREFIX + _LEVEL.join(variable_part(str(part)) for part in path)].append((path, setting))
    return addresses


def _addresses(section: type[BaseModel], written: Any, path: Path) -> Iterator[tuple[Path, Setting]]:
    for name, setting in settings_of(section).items():
        value = written.get(name) if isinstance(written, dict) else None
        named: dict[str, Any] = value if isinstance(value, dict) else {}
        match setting.shape:
            case "section":
                assert setting.section is not None
                yield from _addresses(setting.section, value, (*path, name))
            case "named sections":
                assert setting.section is not None
                for own_name, below in named.items():
                    yield from _addresses(setting.section, below, (*path, name, own_name))
            case "named texts":
                yield from (((*path, name, own_name), setting) for own_name in named)
            case _ if setting.place != "file":
                yield (*path, name), setting


def _set(result: Overridden, path: Path, setting: Setting, variable: str, text: str) -> None:
    if setting.shape in ("text", "named texts"):
        value: Any = text  # as it stands: a user name 007 and a password 1e5 are texts
    else:
        try:
            document = parse_yaml(text.encode("utf-8", "surrogateescape"), variable)
        except ConfigError as error:
            result.problems += error.problems
            return
        if document.problems:
            result.problems += document.problems
            return
        value = document.data
    section = result.data
    for part in path[:-1]:
        if not isinstance(section, dict):
            return  # the file has a value where a section belongs, and is told so
        if section.get(part) is None:
            section[part] = {}
        section = section[part]
    if isinstance(section, dict):
        section[path[-1]] = value
        result.origins[path] = variable


def _unknown(variable: str, addresses: Iterable[str]) -> list[Problem]:
    """Say at which level the name leaves the tree; a name without levels is ours only if an underscore is missing."""
    what = "names no setting"
    if _LEVEL not in variable:
        meant = [name for name in addresses if _LEVEL in name and name.replace(_LEVEL, "_") == variable]
        return [Problem("", what, f"write two underscores between levels: {name}", variable) for name in meant]
    names = [name.removeprefix(PREFIX).split(_LEVEL) for name in addresses]
    levels = variable.removeprefix(PREFIX).split(_LEVEL)
    depth = 0
    while depth < len(levels) and any(name[: depth + 1] == levels[: depth + 1] for name in names):
        depth += 1
    known = sorted({name[depth] for name in names if name[:depth] == levels[:depth] and len(name) > depth})
    right = PREFIX + _LEVEL.join(levels[:depth])
    if not known:
        return [Problem("", what, f"write {right}: it is a single value", variable)]
    close = difflib.get_close_matches(levels[depth], known, n=1) if depth < len(levels) else []
    where = f"after {right}{_LEVEL if depth else ''}"
    remedy = f"write {close[0] if close else one_of(known)} {where}; a variable changes only what the file lists"
    return [Problem("", what, remedy, variable)]
