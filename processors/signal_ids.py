"""Deterministic names: saying a signal twice is harmless, because it has the same id.

An id is a hash of what the signal is about (shape of the detector or window, model, version, partition, segment, feature,
end or log offset, revision) and never of when or where it was computed, nor of settings that do not shape the result.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

_SEPARATOR: Final = b"\x1f"


def digest(*parts: str | int | None) -> str:
    """32 hexadecimal digits (128 bits) over the parts, in order; None differs from the empty string."""
    h = blake2b(digest_size=16)
    for part in parts:
        text = b"\x00" if part is None else str(part).encode("utf-8", "surrogatepass")
        h.update(text.replace(_SEPARATOR, _SEPARATOR * 2))
        h.update(_SEPARATOR + b"\x1e")
    return h.hexdigest()
