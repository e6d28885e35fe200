"""The page on recovery names every reason and every decision that a log of a worker may show."""

from __future__ import annotations

import pytest

from driftline.processors.recovery.ownership import Keeping
from driftline.processors.recovery.restore import RestoreReason
from tests.project.repository import ROOT


@pytest.mark.parametrize("word", [*RestoreReason, *Keeping])
def test_every_reason_and_decision_is_documented(word: str) -> None:
    assert f"| `{word}` |" in (ROOT / "docs" / "recovery.md").read_text(encoding="utf-8")
