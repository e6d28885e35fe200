"""The records of a model whose reference is still being learnt: nobody can tell yet what its predictions mean.

The newest predictions are kept, and the labels that come after the oldest of them in the merge of both logs; they are
joined once there is a reference. Earlier ones are not judged, as their windows are not on the prediction side either.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Final, TypeVar

import numpy as np

from driftline.processors.batches import LabelBatch, PredictionBatch
from driftline.processors.outcomes.marks import Place
from driftline.processors.outcomes.side_state import Beginning

Batch = TypeVar("Batch", bound=PredictionBatch | LabelBatch)

_OF_THE_BATCH: Final = {"model", "versions", "segments", "unknown"}
"""Fields that have no entry for each record; generic rows are in no segments yet."""


class BeforeReference:
    """Gives back at most the last `limit` predictions, which are a function of the logs, however these were cut."""

    def __init__(self) -> None:
        self.limit = 0
        self._predictions: deque[PredictionBatch] = deque()
        self._labels: deque[LabelBatch] = deque()

    @property
    def empty(self) -> bool:
        """Whether it holds nothing."""
        return not self._predictions and not self._labels

    @property
    def beginning(self) -> Beginning:
        """From where the logs have to be read again by who has lost what is held; the same however they were cut."""
        surplus = max(0, sum(map(len, self._predictions)) - self.limit)
        predictions = _place(self._predictions, surplus)
        since_ms = None if predictions is None else predictions.latest_ms
        before = 0 if since_ms is None else sum(int((batch.partition_ms < since_ms).sum()) for batch in self._labels)
        return Beginning(predictions, _place(self._labels, before))

    def feed(self, batch: PredictionBatch | LabelBatch) -> None:
        """Take the next records of one log. Predictions come as generic rows."""
        if isinstance(batch, LabelBatch):
            self._labels.append(batch)
            return
        # of those in this batch some may come after the one at which the reference is learnt: they push nothing out
        held = sum(map(len, self._predictions))
        while self._predictions and held - len(self._predictions[0]) >= self.limit:
            held -= len(self._predictions.popleft())
        self._predictions.append(batch)

    def advance(self, predictions_ms: int) -> None:
        """Predictions have been read up to this merged time: forget labels that come before every kept prediction."""
        if self._predictions:
            predictions_ms = int(self._predictions[0].partition_ms[0])
        while self._labels:
            first = self._labels[0]
            gone = int(np.searchsorted(first.partition_ms, predictions_ms, side="left"))
            if gone < len(first):
                self._labels[0] = _from(first, gone)
                return
            self._labels.popleft()

    def take(self, learnt_offset: int) -> tuple[list[PredictionBatch], list[LabelBatch]]:
        """What is to be judged, now that a reference was learnt at the prediction of this offset; nothing is left.

        There is one prediction at least; labels from before the first of them may be among the labels.
        """
        up_to_there = sum(int((batch.offsets <= learnt_offset).sum()) for batch in self._predictions)
        surplus = up_to_there - self.limit
        while surplus > 0:
            first = self._predictions.popleft()
            if surplus < len(first):
                self._predictions.appendleft(_from(first, surplus))
            surplus -= len(first)
        taken = list(self._predictions), list(self._labels)
        self._predictions.clear()
        self._labels.clear()
        return taken


def part_since(batch: Batch, since: Beginning) -> Batch:
    """The records of a batch that were still held, when it is read again by who lost them; it may be none."""
    place = since.predictions if isinstance(batch, PredictionBatch) else since.labels
    first = len(batch) if place is None else int(np.searchsorted(batch.offsets, place.offset, side="left"))
    return _from(batch, first)


def _place(held: Iterable[PredictionBatch] | Iterable[LabelBatch], number: int) -> Place | None:
    """That of the record with this number among all that are held."""
    for batch in held:
        if number < len(batch):
            return Place(int(batch.offsets[number]), int(batch.partition_ms[number]))
        number -= len(batch)
    return None


def _from(batch: Batch, start: int) -> Batch:
    """The records of a batch from one on. Unknown names go: they have been counted where the batch was applied."""
    kept = {each.name: getattr(batch, each.name)[start:] for each in fields(batch) if each.name not in _OF_THE_BATCH}
    return replace(batch, unknown={}, **kept)
