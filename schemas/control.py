"""Ticks: records that say that time has passed where no event comes. They lie in the inputs, so replay sees them too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

CONTROL_HEADER: Final = "driftline-control"
TICK: Final = b"tick"

TICK_VALUE: Final = b'{"driftline":"tick"}'
"""For people who read the topic; its time is the record's own, and a reader looks at the header alone."""


def is_tick(headers: Sequence[tuple[str, bytes | None]]) -> bool:
    """Whether these are the headers of a tick."""
    return any(name == CONTROL_HEADER and value == TICK for name, value in headers)
