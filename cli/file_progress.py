"""The progress bar of a file that is read: on standard error, only where somebody watches, gone when it is done."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn


def file_progress(shown: bool) -> Progress:
    """A bar that is shown if `shown`, and if standard error is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), disable=not (shown and sys.stderr.isatty()), transient=True)
