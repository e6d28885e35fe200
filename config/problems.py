"""A problem of a configuration: where it is, what is wrong, and what to write instead. All of them are told at once.

Validators raise `Refusal` with one or several findings; `explain.py` turns these, and what pydantic finds by itself,
into `Problem`s; `load.py` raises them together as one `ConfigError`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from driftline.schemas.errors import DriftlineError

Path = tuple[str | int, ...]

_SHOWN_MAX: Final = 80
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Finding:
    """What a validator found; `at` is the path below the setting that the validator was given."""

    what: str
    remedy: str
    at: Path = ()


class Refusal(ValueError):
    """Raised by a validator; a ValueError, because pydantic collects those and goes on with the other settings."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__("; ".join(f"{finding.what}; {finding.remedy}" for finding in findings))
        self.findings = findings


def refuse_any(findings: Iterable[Finding]) -> None:
    """Raise Refusal with the findings, if there are any."""
    found = tuple(findings)
    if found:
        raise Refusal(*found)


def as_list(value: object, remedy: str) -> list[Any]:
    """`value` if it is a list; raises Refusal with the remedy otherwise."""
    if not isinstance(value, list | tuple):
        raise Refusal(Finding("not a list", remedy))
    return list(value)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to change before the configuration can be used."""

    path: str
    """such as models.employment.windows[1]; "" = the file as a whole"""
    what: str
    remedy: str
    """begins with the verb: write, remove, quote"""
    origin: str = ""
    """where it was written: `driftline.yaml:7`, or the name of an environment variable"""

    def __str__(self) -> str:
        place = ": ".join(part for part in (self.origin, self.path) if part)
        return f"{place}: {self.what}; {self.remedy}" if place else f"{self.what}; {self.remedy}"


class ConfigError(DriftlineError):
    """The configuration cannot be used; `problems` holds every reason that was found, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        heading = "1 problem" if count == 1 else f"{count} problems"
        super().__init__(
            "\n".join([f"the configuration has {heading}:", *(f"  {problem}" for problem in self.problems)])
        )


def path_text(path: Path) -> str:
    """Write a path the way people do: dots between names, brackets around positions and unusual names.

    >>> path_text(("models", "employment", "windows", 1))
    'models.employment.windows[1]'
    >>> path_text(("models", "fraud v2.1", "lateness"))
    'models["fraud v2.1"].lateness'
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_NAME.fullmatch(part) and len(part) <= _SHOWN_MAX:
            text += f".{part}" if text else part
        else:
            text += f"[{quoted(part)}]"
    return text


def quoted(text: str) -> str:
    """`text` in double quotes on one line: control characters are escaped, and a long text is cut."""
    cut = text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 3] + "..."
    escaped = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in cut)
    return '"' + escaped.replace('"', '\\"') + '"'


def one_of(names: Iterable[str]) -> str:
    """
    >>> one_of(["a", "b", "c"])
    'a, b or c'
    """
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last
