"""What the simulated workers hold of a partition: a toy whose state is checked after every restore, or the real thing."""

from __future__ import annotations

import random
from typing import Any, Protocol

from driftline.processors.log_partition import LogPartition
from driftline.processors.recovery.cut import StoredCut
from driftline.schemas.codec import encode
from driftline.schemas.inputs import Input
from driftline.schemas.log_records import LogRecords
from tests.core.logs import reference
from tests.core.two_logs import make_logs, world
from tests.recovery.toy_partition import Said, ToyPartition

ZERO = dict.fromkeys(Input, 0)


class Kind(Protocol):
    """How to make inputs, and a partition that reads them."""

    checks_restores: bool
    """Whether the state is so small that it is compared with a recomputation after every restore."""

    piece_bytes: tuple[int, ...]
    """Sizes at which chunks are split, to choose from."""

    def input_log(self, rng: random.Random, partition: int, input: Input) -> LogRecords: ...

    def fresh(self, partition: int) -> Any: ...

    def restore(self, stored: StoredCut) -> Any: ...

    def apply(self, state: Any, run: Any) -> list[Said]: ...


class Toy:
    """Hash chains."""

    checks_restores = True
    piece_bytes: tuple[int, ...] = (16, 40, 100)

    def input_log(self, rng: random.Random, partition: int, input: Input) -> LogRecords:
        return self.records(rng, input, rng.randrange(5, 60))

    def records(self, rng: random.Random, input: Input, n: int) -> LogRecords:
        log, offset, ms = LogRecords([], [], []), rng.choice([0, 0, 3]), 0
        for i in range(n):
            key = f"{rng.randrange(4)}" if rng.random() < 0.93 else f"forget-{rng.randrange(4)}"
            log.values.append(f"model-{rng.randrange(2)}/{key}/{input}-{i}".encode())
            log.offsets.append(offset)
            log.record_ms.append(ms)
            offset += 1 if rng.random() < 0.92 else rng.randrange(2, 5)  # what is not there was a marker
            ms += rng.choice([0, 1, 5])
        return log

    def fresh(self, partition: int) -> ToyPartition:
        return ToyPartition(partition, dict(ZERO))

    def restore(self, stored: StoredCut) -> ToyPartition:
        return ToyPartition.restore(stored)

    def apply(self, state: ToyPartition, run: Any) -> list[Said]:
        return state.apply(run)


class Real:
    """What a worker holds: monitors of five models, with references, learning, met on the way."""

    checks_restores = False
    piece_bytes: tuple[int, ...] = (2_000, 500_000)

    def __init__(self) -> None:
        self._world = world(reference())

    def input_log(self, rng: random.Random, partition: int, input: Input) -> LogRecords:
        log = make_logs(rng.randrange(2**32), rng.randrange(20, 80))[input]
        return log.records(0, len(log.values))

    def fresh(self, partition: int) -> LogPartition:
        given = self._world
        return LogPartition(
            given.specs, given.references, discovered=given.discovered, partition=partition, next_offsets=ZERO
        )

    def restore(self, stored: StoredCut) -> LogPartition:
        return self._world.restored(stored)

    def apply(self, state: LogPartition, run: Any) -> list[Said]:
        applied = state.apply(run)
        letters = [Said(b"%s:%d" % (run.input.encode(), letter.offset), letter.value) for letter in applied.rejected]
        return [Said(signal.id.encode(), encode(signal)) for signal in applied.signals] + letters
