"""`defaults:` written into every model that does not say otherwise, before anything is validated.

So one validation sees each model as it will run, and a rule between two settings holds for a model that has written
only one of them. Sections are merged; a text, a number or a list of the model replaces that of the defaults.
A problem that a model has inherited is told once, where it was written.
"""

from collections.abc import Iterable
from typing import Any

from driftline.config.problems import Finding, Path


def inherit(data: dict[str, Any]) -> dict[str, Any]:
    """Return the data of a file with the defaults in every model."""
    defaults, models = data.get("defaults"), data.get("models")
    if not isinstance(defaults, dict) or not isinstance(models, dict):
        return data
    return {**data, "models": {name: _merged(defaults, model) for name, model in models.items()}}


def told_once(findings: Iterable[Finding], data: dict[str, Any]) -> list[Finding]:
    """Leave out what models have inherited; `data` is as it was before `inherit`."""
    found = list(findings)
    at_defaults = {(finding.at[1:], finding.what) for finding in found if finding.at[:1] == ("defaults",)}
    return [
        finding
        for finding in found
        if finding.at[:1] != ("models",)
        or (finding.at[2:], finding.what) not in at_defaults
        or _is_written(data, finding.at)
    ]


def _merged(default: Any, own: Any) -> Any:
    """Nothing written under the name of a section means that the section is as it is in the defaults."""
    if isinstance(default, dict) and own is None:
        return default
    if not isinstance(default, dict) or not isinstance(own, dict):
        return own
    below = {name: _merged(default[name], value) if name in default else value for name, value in own.items()}
    return {**default, **below}


def _is_written(data: Any, path: Path) -> bool:
    for part in path:
        if isinstance(data, list):  # a list is written as a whole, with all its positions
            return True
        if not isinstance(data, dict) or part not in data:
            return False
        data = data[part]
    return True
