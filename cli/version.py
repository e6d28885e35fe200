"""`driftline version`: what to write into a bug report."""

from __future__ import annotations

import json
import platform
import sys
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from typing import Annotated, Final

import typer

STANDS_ON: Final = ("numpy", "numba", "scipy", "msgspec", "orjson", "pydantic", "pyarrow", "river")


def version(
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON for machines.")] = False,
) -> None:
    """Show the version of driftline and of what it stands on."""
    versions = versions_in_use()
    if as_json:
        typer.echo(json.dumps(versions))
        return
    width = max(len(name) for name in versions)
    for name, value in versions.items():
        typer.echo(f"{name:<{width}}  {value}")


def versions_in_use() -> dict[str, str]:
    """Name to version: driftline first, then Python and its platform, then the libraries its numbers depend on."""
    own = {"driftline": _version_of("driftline"), "python": sys.version.split()[0], "platform": platform.platform()}
    return own | {name: _version_of(name) for name in STANDS_ON}


def _version_of(distribution: str) -> str:
    try:
        return installed_version(distribution)
    except PackageNotFoundError:
        return "not installed"
