"""The `driftline` command: a table of commands, of which only the one that is asked for is imported.

`driftline --help` has to answer at once, and most commands stand on numba, scipy and pyarrow. So the help is made from
this table alone. A file `cli/<name>.py` has either a function `<name>` (a command) or a Typer named `app` (a group).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

import typer

COMMANDS: Final[Mapping[str, str]] = {
    "demo": "Show a drift being found, live: a broker, a service, a worker.",
    "worker": "Watch predictions on Kafka and say what drifts.",
    "publish": "Publish predictions or labels from a file or a pipe.",
    "replay": "Replay predictions from files or topics: what would have fired?",
    "alerts": "Follow the alerts as they arrive.",
    "reference": "Build and show reference profiles.",
    "topics": "Create and show the topics that driftline stands on.",
    "check": "Check a configuration and say everything that is wrong with it.",
    "version": "Show the version of driftline and of what it stands on.",
}
"""Every command with its line of help, in the order in which a newcomer meets them."""

_COMPLETION_VARIABLE: Final = "_DRIFTLINE_COMPLETE"
"""Set by the shell while it completes a command line; the arguments are then not in sys.argv."""


def main() -> None:
    """Run the command line of this process."""
    build_app(_wanted(sys.argv[1:]), everything=_COMPLETION_VARIABLE in os.environ)(prog_name="driftline")


def build_app(wanted: str | None = None, *, everything: bool = False) -> typer.Typer:
    """The application with the `wanted` command imported, and the others as lines of help only.

    Args:
        wanted: the name of the command that will be run, None for the help of all.
        everything: import every command, as shell completion needs.
    """
    app = typer.Typer(no_args_is_help=True, pretty_exceptions_show_locals=False, rich_markup_mode="rich")
    app.callback()(_root)
    for name in existing_commands():
        if everything or name == wanted:
            _add_command(app, name)
        else:
            app.command(name, help=COMMANDS[name])(_never_called)
    return app


def existing_commands() -> list[str]:
    """The commands of the table that have a file."""
    folder = Path(__file__).parent
    return [name for name in COMMANDS if (folder / f"{name}.py").exists()]


def _wanted(arguments: Sequence[str]) -> str | None:
    """The command named in `arguments`: the first that is not an option, as no option of the root takes a value."""
    return next((argument for argument in arguments if not argument.startswith("-")), None)


def _add_command(app: typer.Typer, name: str) -> None:
    module = import_module(f"driftline.cli.{name}")
    group = getattr(module, "app", None)
    if group is not None:
        app.add_typer(group, name=name, help=COMMANDS[name])
    else:
        app.command(name)(getattr(module, name))


def _root() -> None:
    """Streaming drift monitor: predictions in, incidents out, within a false-alarm budget."""


def _never_called() -> None:
    raise AssertionError("the table of commands was built for another command line")
