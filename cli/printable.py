"""Text from events, made safe for a terminal: a name must not move the cursor, change colours or hide what follows."""

from __future__ import annotations

from typing import Final

_REPLACEMENT: Final = "\ufffd"


def printable(text: str) -> str:
    """`text` with everything that prints nothing, or moves other text about, replaced.

    >>> printable("red\\x1b[31m\\u202etxt")
    'red�[31m�txt'
    """
    return "".join(c if c.isprintable() else _REPLACEMENT for c in text)
