"""For random tests that play whole logs beside a slow twin, or repeat an invariant in another setting."""

from __future__ import annotations

from typing import Final

from hypothesis import settings

_SHARE: Final = 4
_LEAST: Final = 5


def fewer_examples() -> settings:
    """A quarter of the profile's examples, at least 5: enough to fail, and the six invariants keep them all."""
    return settings(max_examples=max(settings().max_examples // _SHARE, _LEAST))
