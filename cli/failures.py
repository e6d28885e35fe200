"""Errors that are explained to the user: one sentence on stderr and exit code 2, never a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from driftline.schemas.errors import DriftlineError

EXIT_BAD_INPUT: Final = 2


@contextmanager
def explained() -> Iterator[None]:
    """Turn what is the input's fault into a sentence; anything else is our fault and keeps its traceback."""
    try:
        yield
    except DriftlineError as error:
        refuse(str(error))
    except OSError as error:
        refuse(f"{error.filename}: {error.strerror}" if error.filename else str(error))


def refuse(message: str, code: int = EXIT_BAD_INPUT) -> NoReturn:
    """The sentence, and out."""
    # not as markup: a message may quote input, and input may hold brackets
    Console(stderr=True, soft_wrap=True).print(Text.assemble(("error: ", "red"), message))
    raise typer.Exit(code)
