"""The simulated world: logs, a group, and what must hold in it at every moment."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from driftline.processors.recovery.cut import StoredCut
from driftline.processors.recovery.records import SnapshotRecord
from driftline.processors.recovery.restore import choose
from driftline.schemas.errors import DamagedSnapshot
from driftline.schemas.inputs import Input
from tests.recovery.broker import InputLog, Logs
from tests.recovery.cuts import compacted
from tests.recovery.group import Group
from tests.recovery.kinds import Kind
from tests.recovery.toy_partition import Said
from tests.recovery.variants import Variant


class Violation(AssertionError):
    """Something that must hold did not."""


@dataclass
class Faults:
    """How likely each fault is, at each step at which it could happen; drawn anew for every seed."""

    crash: float
    sleep: float
    rebalance_timeout: float
    compaction: float
    damage: float
    stale_fetch: float
    persist: float
    persist_timeout: float
    commit_timeout: float
    fate: float
    """Chance that a worker dies or falls asleep right after a step of the protocol."""
    slow_restore: float
    """Chance to fall asleep before a partition is read back."""
    slow_output: float
    """Share of the chances to arrive that an output does not take."""
    wake: float
    notice: float
    """Chance that a worker notices a rebalance, at each of its rounds."""

    @classmethod
    def drawn(cls, rng: random.Random) -> Faults:
        def often(most: float) -> float:
            return most * rng.random() ** 2

        if rng.random() < 0.3:
            return cls.zombies(often)
        return cls(
            crash=often(0.004),
            sleep=often(0.006),
            rebalance_timeout=often(0.2),
            compaction=often(0.1),
            damage=often(0.02) if rng.random() < 0.3 else 0.0,
            stale_fetch=often(0.5),
            persist=0.1 + often(0.5),
            persist_timeout=often(0.1),
            commit_timeout=often(0.3),
            fate=often(0.1),
            slow_restore=often(0.5),
            slow_output=rng.choice([0.0, 0.5, 0.98]),
            wake=rng.choice([0.03, 0.003]),
            notice=rng.choice([0.005, 0.02, 0.1, 0.5]),
        )

    @classmethod
    def zombies(cls, often: Callable[[float], float]) -> Faults:
        """Few die, but many sleep long, and go on for long before they notice what they have missed."""
        return cls(
            crash=often(0.001),
            sleep=often(0.01),
            rebalance_timeout=0.2,
            compaction=often(0.1),
            damage=0.0,
            stale_fetch=often(0.2),
            persist=0.5,
            persist_timeout=0.0,
            commit_timeout=0.0,
            fate=often(0.02),
            slow_restore=often(0.8),
            slow_output=0.0,
            wake=0.005,
            notice=0.004,
        )

    @classmethod
    def none(cls) -> Faults:
        return cls(
            0.0,
            0.0,
            0.0,
            0.0,
            0.0,
            0.0,
            0.1,
            0.0,
            0.0,
            fate=0.0,
            slow_restore=0.0,
            slow_output=0.0,
            wake=1.0,
            notice=0.5,
        )


class World:
    """Everything outside the workers. `undamaged`: no record of a snapshot has been taken away or changed so far."""

    def __init__(self, rng: random.Random, kind: Kind, variant: Variant) -> None:
        self.rng, self.kind, self.variant = rng, kind, variant
        self.faults = Faults.drawn(rng)
        self.undamaged = True
        self.partitions = rng.choice([1, 1, 2, 3])
        self.piece_bytes = rng.choice(kind.piece_bytes)
        self.group = Group(rng, self.partitions)
        each = range(self.partitions)
        inputs = {(p, input): InputLog(kind.input_log(rng, p, input)) for p in each for input in Input}
        self.logs = Logs(inputs, {p: [] for p in each}, {p: [] for p in each})
        self.counts: Counter[str] = Counter()
        self._expected: dict[tuple[int, tuple[int, ...]], tuple[bytes, list[Said]]] = {}

    def count(self, what: str, n: int = 1) -> None:
        """For the summary of a run: which roads were taken."""
        self.counts[str(what)] += n

    def expected(self, partition: int, next_offsets: Mapping[Input, int]) -> tuple[bytes, list[Said]]:
        """State and outputs of an offline computation up to these offsets."""
        key = (partition, tuple(next_offsets[each] for each in Input))
        if key not in self._expected:
            self._expected[key] = self._recompute(partition, next_offsets)
        return self._expected[key]

    def _recompute(self, partition: int, next_offsets: Mapping[Input, int]) -> tuple[bytes, list[Said]]:
        state, said = self.kind.fresh(partition), list[Said]()
        for input in Input:
            log = self.logs.inputs[partition, input]
            records = log.part(0, log.index_of(next_offsets[input]))
            said += self.kind.apply(state, state.decode(input, records, allow_gap=True))
        return state.state(), said

    # -- what must hold ------------------------------------------------------------------------------------------------

    def appended(self, partition: int) -> None:
        """After some of the records that arrive."""
        if self.rng.random() < 0.03:
            self._check_committed_is_covered(partition, compacted(self.logs.snapshots[partition]))

    def committed(self, partition: int) -> None:
        """After every commit."""
        records = self.logs.snapshots[partition]
        self._check_committed_is_covered(partition, compacted(records))
        if self.rng.random() < 0.2:
            self._check_committed_is_covered(partition, records)

    def restore(self, stored: StoredCut) -> Any:
        """The state that a cut holds."""
        try:
            return self.kind.restore(stored)
        except (msgspec.MsgspecError, DamagedSnapshot) as error:
            raise Violation(f"a bad state was restored to partition {stored.partition}: {error}") from error

    def restored(self, partition: int, state: Any, committed: Mapping[Input, int]) -> None:
        """After every restore."""
        if self.undamaged and any(state.next[each] < committed.get(each, 0) for each in Input):
            raise Violation(f"restored {state.next} of partition {partition}, behind the committed {committed}")
        if self.kind.checks_restores and state.state() != self.expected(partition, state.next)[0]:
            raise Violation(f"a bad state was restored to partition {partition} at {state.next}")

    def _check_committed_is_covered(self, partition: int, records: list[SnapshotRecord]) -> None:
        committed = self.group.committed.get(partition)
        if not self.undamaged or committed is None:
            return
        found = choose(partition, records, committed)
        if not found or not _covers(found[0], committed):
            raise Violation(f"committed {committed} of partition {partition}, but no snapshot covers that")


def _covers(stored: StoredCut, committed: Mapping[Input, int]) -> bool:
    return all(stored.next_offsets[each] >= committed[each] for each in Input)
