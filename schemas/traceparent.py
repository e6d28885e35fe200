"""The `traceparent` header of a record: which request it was written for. Carried through, never made up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

TRACEPARENT: Final = "traceparent"

# https://www.w3.org/TR/trace-context/#traceparent-header: version, trace id, parent id, flags; ids are not all zero.
# A later version may carry more behind the flags; what it would mean is not known, so it is not carried on.
_FORM: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_LENGTH: Final = 55


def is_traceparent(text: object) -> bool:
    """Whether this is the value of a `traceparent` header.

    >>> is_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), is_traceparent("00-1-2-01")
    (True, False)
    """
    return isinstance(text, str) and len(text) == _LENGTH and _FORM.fullmatch(text) is not None


def traceparent_of(headers: Sequence[tuple[str, bytes | None]]) -> str | None:
    """The traceparent among the headers of a record; the last one that is one, as later headers win in Kafka."""
    for name, value in reversed(headers):
        if name == TRACEPARENT and value is not None and len(value) == _LENGTH and value.isascii():
            text = value.decode("ascii")
            if is_traceparent(text):
                return text
    return None
