"""Records that begin above the next offset: lost on the way to us, or not there at all?

Batches are dropped around rebalances, and then have to be read again. But offsets may be missing for good too: transaction
markers take some, retention takes old ones. The difference shows when the log is asked for the offset itself.
"""

from __future__ import annotations

from enum import StrEnum

from driftline.schemas.inputs import Input


class Gap(StrEnum):
    """What to do with a batch that begins too far up."""

    ASK_AGAIN = "ask_again"
    """drop it, and read from the next offset on"""
    IGNORE = "ignore"
    """drop it: it was fetched before the log was asked again"""
    ACCEPT = "accept"
    """nothing is in between: apply it"""


class GapWatch:
    """Decides about the gaps of one partition.

    Batches come by rising offset until the log is read anew from an offset. So the batch that begins where the gap was first
    seen to end can come a second time only as the answer to the question: then nothing lies in the gap. One that begins
    further up was on its way before.

    >>> watch = GapWatch()
    >>> [str(watch.decide(Input.LABELS, 5, first)) for first in (8, 12, 8)]
    ['ask_again', 'ignore', 'accept']
    """

    def __init__(self) -> None:
        self._asked: dict[Input, tuple[int, int]] = {}

    def decide(self, source: Input, wanted: int, first: int) -> Gap:
        """`first`: offset at which the batch begins; `wanted`: the next one, which is lower."""
        asked, ends = self._asked.get(source, (-1, -1))
        if asked == wanted and first >= ends:
            return Gap.ACCEPT if first == ends else Gap.IGNORE
        self._asked[source] = (wanted, first)
        return Gap.ASK_AGAIN
