"""The records of both logs that have been read and may not be joined yet.

A prediction may be joined once labels have been read up to its merged time, a label once predictions have been read past
it: then nothing that is read later can come before it. `OutcomeClock` says how far each log has been read.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

import numpy as np

from driftline.processors.outcomes.operations import Operations, joined, merged, no_operations
from driftline.schemas.inputs import Input


class WaitingRoom:
    """Operations of both logs, each in log order; `release` gives those whose turn it is, merged.

    It has no limit of its own: whoever reads the logs has to wait with the one that is ahead (`waiting` says how many).
    """

    def __init__(self, groups: int) -> None:
        self._groups = groups
        self._held: dict[Input, deque[Operations]] = {source: deque() for source in Input}

    def add(self, source: Input, operations: Operations) -> None:
        """Operations that follow those before in their log."""
        if len(operations.key):
            self._held[source].append(operations)

    def waiting(self, source: Input) -> int:
        """How many operations of this log are held."""
        return sum(len(part.key) for part in self._held[source])

    def release(self, predictions_ms: int, labels_ms: int) -> Operations:
        """What may be joined when predictions and labels have been read up to these merged times."""
        return merged(
            self._take(Input.PREDICTIONS, labels_ms, "right"),  # R <= labels_ms
            self._take(Input.LABELS, predictions_ms, "left"),  # R < predictions_ms
        )

    def held(self, source: Input) -> Operations:
        """All that is held of one log."""
        parts = list(self._held[source])
        return joined(parts) if parts else no_operations(self._groups)

    def _take(self, source: Input, up_to_ms: int, side: Literal["left", "right"]) -> Operations:
        held = self._held[source]
        taken: list[Operations] = []
        while held:
            part = held[0]
            n = int(np.searchsorted(part.at_ms, up_to_ms, side=side))
            if n < len(part.key):
                if n:
                    taken.append(part.part(0, n))
                    held[0] = part.part(n, len(part.key))
                break
            taken.append(held.popleft())
        return joined(taken) if taken else no_operations(self._groups)
