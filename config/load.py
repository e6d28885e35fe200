"""A configuration file to a `Config`: read, override by the environment, validate as a whole, resolve."""

import os
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from driftline.config.config import Config
from driftline.config.environment import override
from driftline.config.explain import explain, shown
from driftline.config.inherit import inherit, told_once
from driftline.config.problems import ConfigError, Finding, Path, Problem, path_text
from driftline.config.resolve import resolve
from driftline.config.secrets import take_out_secrets
from driftline.config.tree import Settings
from driftline.config.yaml_text import BYTES_MAX, Document, parse_yaml


def load_config(path: str | os.PathLike[str], environ: Mapping[str, str] | None = None) -> Config:
    """Read the configuration file at `path`; `environ` (default: that of the process) overrides it.

    Raises ConfigError with every problem that was found. Reference files are not looked for: see `missing_files`.
    """
    file = FilePath(path)
    try:
        with file.open("rb") as stream:
            content = stream.read(BYTES_MAX + 1)
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
        raise ConfigError([Problem("", what, "write the path of a YAML file that exists", str(file))]) from None
    return read_config(content, name=file.name, folder=str(file.parent), environ=environ)


def default_config(environ: Mapping[str, str] | None = None) -> Config:
    """The configuration without a file: models are discovered and each learns its reference. `environ` still counts."""
    return read_config(b"", name="", folder="", environ=environ)


def read_config(content: bytes, *, name: str, folder: str, environ: Mapping[str, str] | None = None) -> Config:
    """Read a configuration from bytes; problems call it `name`, and relative paths start at `folder`.

    Raises ConfigError with every problem that was found.
    """
    document = parse_yaml(content, name)
    written: Any = {} if document.data is None else document.data
    if not isinstance(written, dict):
        what = f"{shown(written)} instead of settings"
        problem = Problem("", what, "write `name: value` lines, such as version: 1", name)
        raise ConfigError([*document.problems, problem])
    secrets = take_out_secrets(written)
    overridden = override(written, os.environ if environ is None else environ)
    findings, settings = _validate(overridden.data)
    located = [_locate(finding, document, name, overridden.origins) for finding in (*secrets, *findings)]
    problems = [*document.problems, *overridden.problems, *located]
    if settings is None or problems:
        raise ConfigError(_in_order(problems, name))
    return resolve(settings, folder)


def _validate(data: dict[str, Any]) -> tuple[list[Finding], Settings | None]:
    try:
        return [], Settings.model_validate(inherit(data))
    except ValidationError as error:
        return told_once(explain(error, Settings), data), None


def _locate(finding: Finding, document: Document, name: str, origins: Mapping[Path, str]) -> Problem:
    """Name the variable that the setting comes from, or else the line of it or of the nearest section around it."""
    around = [finding.at[:length] for length in range(len(finding.at), -1, -1)]
    variable = next((origins[path] for path in around if path in origins), None)
    line = next((document.lines[path] for path in around if path in document.lines), None)
    origin = variable or (name if line is None else f"{name}:{line}")
    return Problem(path_text(finding.at), finding.what, finding.remedy, origin)


def _in_order(problems: list[Problem], name: str) -> list[Problem]:
    """Those of the file by line, then those of the environment by variable."""

    def place(problem: Problem) -> tuple[bool, int, str]:
        in_file = problem.origin.startswith(f"{name}:")
        line = int(problem.origin.removeprefix(f"{name}:").partition(":")[0]) if in_file else 0
        return not in_file, line, problem.origin

    return sorted(problems, key=place)
