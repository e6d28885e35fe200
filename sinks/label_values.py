"""Names from events as label values: printable, of bounded length, and never two names under one value by accident."""

from __future__ import annotations

import hashlib
import unicodedata
from functools import lru_cache
from typing import Final

LABEL_CHARACTERS_MAX: Final = 128

_REPLACEMENT: Final = "\ufffd"
_DIGEST_BYTES: Final = 6


@lru_cache(maxsize=16_384)
def label_value(name: str) -> str:
    """`name`, if it is printable as it stands; else what is printable of it, with a digest of the whole.

    Control characters, line ends, invisible and bidirectional marks would deceive whoever reads a dashboard. Quotes and
    backslashes are fine: the text format escapes them.

    >>> label_value("region=eu"), label_value("evil\\u202ename")
    ('region=eu', 'evil�name~8b9797401b2e')
    """
    normal = unicodedata.normalize("NFC", name)
    clean = "".join(c if c.isprintable() else _REPLACEMENT for c in normal)
    if clean == name and len(name) <= LABEL_CHARACTERS_MAX:
        return name
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).hexdigest()
    return f"{clean[: LABEL_CHARACTERS_MAX - len(digest) - 1]}~{digest}"
