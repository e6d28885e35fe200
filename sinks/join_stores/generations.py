"""Old records leave in whole generations, by the merged time of the logs and not by a clock.

Merged time is cut into stretches of equal length, and what is written at a position belongs to the generation of its
stretch. A record that is needed for `keep_ms` after it was written may be dropped with its generation once `count`
generations are newer or as new: with stretches of keep_ms / (count - 1), generation g ends at (g + 1) stretches, and g is
dropped at (g + count) stretches, which is keep_ms later. A record that changes is written again, to the newest generation,
and found there first.

Dropping a generation costs nothing for each record, and a worker that stands still for a month loses nothing: its logs have
stood still too. The price is room: up to count / (count - 1) times what is needed.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Generations:
    """keep_ms: how long a record is needed after it was written, in merged time; count: generations kept, at least 2."""

    keep_ms: int
    count: int

    def of(self, merged_ms: int) -> int:
        """The generation of what is written at this merged time.

        >>> Generations(keep_ms=100, count=3).of(149)
        2
        """
        return merged_ms // -(-self.keep_ms // (self.count - 1))

    def kept(self, newest: int) -> range:
        """Generations that may hold what is still needed, the newest first.

        >>> list(Generations(keep_ms=100, count=3).kept(7))
        [7, 6, 5]
        """
        return range(newest, newest - self.count, -1)
