"""Fills a join store again from the logs: the operations that made its facts are done once more, for the facts alone.

Records are read from `position` on; those from where the snapshot was taken are left to the join itself. The merge of both
logs is the same as the first time, so the facts are too.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from driftline.processors.arrays import I64, Bool
from driftline.processors.outcomes.joiner import FOR_EVER, Joiner
from driftline.processors.outcomes.marks import Position, position_of
from driftline.processors.outcomes.operations import PREDICTION, Operations
from driftline.processors.outcomes.waiting_room import WaitingRoom
from driftline.schemas.inputs import Input


class Refill:
    """Operations from `start` (where the store is) up to where the joiner is.

    `marks`: int64[6] each, those on the way: there the number of the next fact is known.
    """

    def __init__(self, joiner: Joiner, groups: int, start: Position, marks: Sequence[I64]) -> None:
        self.start = start
        self._joiner = joiner
        self._room = WaitingRoom(groups)
        self._next_seq = start.next_seq
        self._marks = list(marks)

    def add(self, source: Input, operations: Operations) -> None:
        """Take the next operations of one log; those before the start or past the end are left out."""
        end = self._joiner.position.place(source).offset
        wanted = (operations.offset >= self.start.place(source).offset) & (operations.offset < end)
        self._room.add(source, Operations._make(column[wanted] for column in operations))

    def advance(self, predictions_ms: int, labels_ms: int) -> None:
        """Both logs have been read up to these merged times. Raises what the store raises."""
        self._do(self._room.release(predictions_ms, labels_ms))

    def end(self) -> None:
        """Both logs have been read up to the position of the joiner."""
        self._do(self._room.release(FOR_EVER, FOR_EVER))

    def _do(self, operations: Operations) -> None:
        done, n = 0, len(operations.key)
        while done < n:
            stop = self._next_mark(operations, done)
            self._next_seq = self._joiner.do_again(operations.part(done, stop), self._next_seq)
            done = stop

    def _next_mark(self, operations: Operations, start: int) -> int:
        """Where to stop: at the next mark. At one that stands here the number of the next fact is set right."""
        while self._marks:
            mark = position_of(self._marks[0])
            past = int(np.argmax(np.append(_not_before(operations, mark), True)))
            if past > start:
                return past
            self._marks.pop(0)
            self._next_seq = mark.next_seq
        return len(operations.key)


def refill_of(joiner: Joiner, groups: int) -> Refill | None:
    """Open the store: what has to be done again for it; None when it is where the joiner is. Raises what the store raises.

    A store behind it is rolled forward; one that is ahead, or of which nothing is known, is cleared and filled again.
    """
    at = joiner.position
    stored = joiner.store.open()
    found = None if stored is None else decode_position(stored)
    if found == at:
        return None
    marks = joiner.marks
    if (
        found is not None
        and found.predictions.offset <= at.predictions.offset
        and found.labels.offset <= at.labels.offset
    ):
        passed = [mark for mark in marks if position_of(mark).next_seq > found.next_seq]
        return Refill(joiner, groups, found, passed)
    joiner.store.clear()
    return Refill(joiner, groups, position_of(marks[0]), list(marks)) if len(marks) else None


def encode_position(position: Position) -> bytes:
    """For `JoinStore.commit`."""
    return msgspec.msgpack.encode(position)


def decode_position(data: bytes) -> Position | None:
    """None for what is no position."""
    try:
        return msgspec.msgpack.decode(data, type=Position)
    except msgspec.MsgspecError:
        return None


def _not_before(operations: Operations, position: Position) -> Bool:
    of_predictions = operations.kind == PREDICTION
    first = np.where(of_predictions, position.predictions.offset, position.labels.offset)
    reached: Bool = operations.offset >= first
    return reached
