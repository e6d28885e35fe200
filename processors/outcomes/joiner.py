"""The join with its state: facts in a store, rows of panes, counts, and how far it has come in both logs."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from driftline.config.model_spec import ModelSpec
from driftline.processors.arrays import I64, U8, U64
from driftline.processors.estimation.estimator import Estimator
from driftline.processors.outcomes import counts, fold, marks
from driftline.processors.outcomes.facts import Facts, fact_dtype, read_facts, write_facts
from driftline.processors.outcomes.fold import Matches
from driftline.processors.outcomes.join_store import JoinStore
from driftline.processors.outcomes.marks import Position
from driftline.processors.outcomes.memory_store import MemoryStore
from driftline.processors.outcomes.operations import Operations
from driftline.processors.outcomes.pane_rows import PaneRows
from driftline.processors.outcomes.row_columns import RowColumns
from driftline.processors.performance.common import COMMON_WIDTH
from driftline.processors.performance.ranked_lists import LISTS_MAX, no_lists
from driftline.processors.performance.task_layout import RANKING, TaskLayout

FOR_EVER: Final = int(np.iinfo(np.int64).max)


class Batch(NamedTuple):
    """Operations with the facts that they are about, out of the store; `matches` fills as they are done."""

    operations: Operations
    which: I64  # [n] fact of each operation
    keys: U64  # [facts]
    records: U8  # [facts, width] as they were in the store
    facts: Facts
    matches: Matches


class Joiner:
    """Does operations in merged order. `store` None: in memory, where the last `capacity` facts are kept (as configured)."""

    def __init__(
        self,
        spec: ModelSpec,
        groups: int,
        task: TaskLayout,
        estimator: Estimator,
        store: JoinStore | None = None,
        capacity: int | None = None,
    ) -> None:
        self.pane_ms = spec.windows_ms[0]
        self.columns = RowColumns(COMMON_WIDTH + task.width, COMMON_WIDTH + task.width + estimator.width)
        self.rows = PaneRows(self.columns.width)
        self.delays = PaneRows(task.delays_width)
        self.lists = no_lists(groups, LISTS_MAX if task.code == RANKING else 1)
        self.clock: I64 = np.zeros(fold.CLOCK, np.int64)
        self.clock[[fold.LAST_MARK, fold.PREDICTIONS_MS, fold.LABELS_MS]] = fold.NONE
        self.counts: I64 = np.zeros(counts.COUNTS, np.int64)
        capacity = spec.labels.capacity if capacity is None else capacity
        self.store = _memory_store(groups, capacity) if store is None else store
        self._groups = groups
        self._lifetime_ms = marks.lifetime_ms(spec)
        self._marks = marks.no_marks()
        self._pane_of_seq: I64 = np.zeros(capacity if store is None else 0, np.int64)
        self._settings: I64 = np.zeros(fold.SETTINGS, np.int64)
        self._settings[fold.PANE_MS] = self.pane_ms
        self._settings[fold.FINAL_AFTER_MS] = spec.lateness_ms + spec.labels.horizon_ms
        self._settings[fold.TOLERANCE_MS] = spec.future_tolerance_ms
        self._settings[fold.CAPACITY] = len(self._pane_of_seq)
        self._settings[fold.TASK], self._settings[fold.TASK_END] = task.code, self.columns.task_end
        self._settings[fold.ESTIMATE], self._settings[fold.ESTIMATE_END] = estimator.code, self.columns.estimate_end
        self._tables = estimator.tables
        self._settings[fold.MARK_MS] = marks.mark_every_ms(spec)
        self._settings[fold.MARK_FACTS] = marks.mark_every_facts(self._settings[fold.CAPACITY])

    @property
    def operation(self) -> int:
        """Number of the last operation that was done."""
        return int(self.clock[fold.OPERATION])

    @property
    def nbytes_of_facts(self) -> int:
        """Bytes that pending predictions take in memory: the store there, and when each of its facts ends."""
        held = self.store.nbytes if isinstance(self.store, MemoryStore) else 0
        return held + self._pane_of_seq.nbytes

    @property
    def position(self) -> Position:
        """How far it has come in both logs."""
        return marks.position_of(self.clock)

    @property
    def marks(self) -> I64:
        """int64[n, 6]: those from which on operations have to be done again to fill an empty store; see `marks`."""
        taken = self._marks[: self.clock[fold.MARKS]]
        return marks.since(taken, *self._oldest(int(taken[-1, fold.MARK_AT_MS]))) if len(taken) else taken

    def read(self, operations: Operations) -> Batch:
        """The operations with their facts. Raises what the store raises: then nothing has happened."""
        keys, which = np.unique(operations.key, return_inverse=True)
        _, records = self.store.get(keys)
        matches = fold.room_for_matches(len(which), self._groups)
        return Batch(operations, which, keys, records, read_facts(records, self._groups), matches)

    def do(self, batch: Batch, start: int, due_ms: int) -> tuple[int, int | None]:
        """Do operations from `start` on, up to the first with merged time >= due_ms.

        Returns the first one that was not done, and the pane that the last one opened: then it is to be asked again, as the
        windows of that pane may be due sooner. It makes room and may also return early for that.
        """
        self.rows.grow(self._groups + 2)
        self.delays.grow(1)
        if self.clock[fold.MARKS] == len(self._marks) and not self._settings[fold.FACTS_ONLY]:
            oldest = self._oldest(int(batch.operations.at_ms[start]))
            self._marks, self.clock[fold.MARKS] = marks.with_room(self._marks, *oldest)
        self.clock[fold.OPENED] = fold.NONE
        join = fold.Join(
            self._settings,
            self.clock,
            self.counts,
            self._marks,
            self._pane_of_seq,
            self.rows.arrays,
            self.delays.arrays,
            self._tables,
            self.lists,
        )
        with np.errstate(over="ignore"):  # hashes overflow; numpy warns of it where the kernel is not compiled
            stop = fold.fold(start, due_ms, batch.operations, batch.which, batch.facts, join, batch.matches)
        opened = int(self.clock[fold.OPENED])
        return int(stop), None if opened == fold.NONE else opened

    def do_again(self, operations: Operations, next_seq: int) -> int:
        """Do operations for their facts alone, the first new one of which has this number; returns the next number."""
        batch = self.read(operations)
        self._settings[fold.FACTS_ONLY] = 1
        as_it_was = self.clock.copy()
        self.clock[fold.NEXT_SEQ] = next_seq
        done = 0
        while done < len(operations.key):
            done, _ = self.do(batch, done, FOR_EVER)
        next_seq = int(self.clock[fold.NEXT_SEQ])
        self.clock[:] = as_it_was
        self._settings[fold.FACTS_ONLY] = 0
        self.write(batch)
        return next_seq

    def _oldest(self, at_ms: int) -> tuple[int, int]:
        """Merged time and number of the oldest fact that may have to be made again at this time."""
        capacity = int(self._settings[fold.CAPACITY])
        oldest = self.clock[fold.NEXT_SEQ] - marks.LIVES * capacity if capacity else 0
        return at_ms - marks.LIVES * self._lifetime_ms, int(oldest)

    def kept_clock(self) -> I64:
        """int64[9]: the clock for `restore`, as it would be after that."""
        clock = self.clock.copy()
        clock[fold.MARKS], clock[fold.OPENED] = len(self.marks), fold.NONE
        return clock

    def restore(self, clock: I64, counted: I64, kept_marks: I64) -> None:
        """Go on at another position: int64[9], int64[15], int64[n, 6]. Rows and facts are not part of it."""
        self.clock[:], self.counts[:] = clock, counted
        self._marks = np.concatenate([kept_marks, marks.no_marks()])
        self.clock[fold.MARKS] = len(kept_marks)

    def write(self, batch: Batch) -> None:
        """Put the facts that have changed back into the store."""
        after = write_facts(batch.facts)
        changed = (after != batch.records).any(axis=1)
        self.store.put(batch.keys[changed], after[changed])


def _memory_store(groups: int, capacity: int) -> MemoryStore:
    record = fact_dtype(groups)
    assert record.fields is not None
    return MemoryStore(record.itemsize, record.fields["seq"][1], capacity)
