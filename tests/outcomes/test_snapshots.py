"""A machine that is restored anywhere, and whose store is filled again from the logs, says what the first one would have."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.config.model_spec import DAY_MS, HOUR_MS, ModelSpec
from driftline.processors.columns import Columnizer
from driftline.processors.outcome_clock import OutcomeClock
from driftline.processors.outcomes.outcomes import Outcomes
from driftline.processors.reference.layout import layout_of
from driftline.schemas.codec import encode
from driftline.schemas.errors import DamagedSnapshot
from driftline.schemas.inputs import Input
from tests.outcomes.labelled_logs import Logs, make_logs, random_steps, reference, spec

CAPACITY = 30
"""So small that facts are pushed out."""


@dataclass
class Worker:
    """Reads both logs into one machine; `restart` goes on with another one."""

    logs: Logs
    model: ModelSpec
    at: dict[Input, int] = field(default_factory=lambda: dict.fromkeys(Input, 0))
    said: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.machine = self._fresh()
        self.reader = self._reader()
        self.clock = OutcomeClock()

    def _fresh(self) -> Outcomes:
        return Outcomes(self.model, reference(), capacity=CAPACITY)

    def _reader(self) -> Columnizer:
        layout = layout_of(reference(), self.model)
        return Columnizer(lambda _: layout)

    def _batches(self, reader: Columnizer, source: Input, start: int, stop: int):  # type: ignore[no-untyped-def]
        log = self.logs.of(source)
        decode = reader.predictions if source is Input.PREDICTIONS else reader.labels
        return decode(log.records[start:stop], range(start, stop), log.record_ms[start:stop])

    def read(self, source: Input, n: int) -> None:
        decoded = self._batches(self.reader, source, self.at[source], self.at[source] + n)
        self.at[source] += n
        for batch in decoded.batches:
            self.machine.feed(batch)
        self.clock.advance(source, decoded.last_record_ms)
        predictions_ms, labels_ms = (self.clock.latest_ms[each] for each in Input)
        if predictions_ms is not None and labels_ms is not None:
            self.said += map(encode, self.machine.advance(predictions_ms, labels_ms))

    def restart(self, rng: random.Random) -> None:
        kept = self.machine.snapshot()
        self.machine = self._fresh()
        self.machine.restore(kept)
        start = self.machine.open()
        if start is None:
            return
        again, clock = self._reader(), OutcomeClock()
        position = {source: start.place(source).offset for source in Input}
        for source in Input:
            again.clocks[source].resume_at(start.place(source).latest_ms)
        while any(position[source] < self.at[source] for source in Input):
            source = rng.choice([each for each in Input if position[each] < self.at[each]])
            stop = min(position[source] + rng.choice([1, 7, 100]), self.at[source])
            decoded = self._batches(again, source, position[source], stop)
            position[source] = stop
            for batch in decoded.batches:
                self.machine.feed_again(batch)
            clock.advance(source, decoded.last_record_ms)
            predictions_ms, labels_ms = (clock.latest_ms[each] for each in Input)
            if predictions_ms is not None and labels_ms is not None:
                self.machine.advance_again(predictions_ms, labels_ms)
        self.machine.end_refill()

    def finish(self) -> list[bytes]:
        self.said += map(encode, self.machine.finish(max(ms for ms in self.clock.latest_ms.values() if ms is not None)))
        return self.said


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 60), horizon_ms=st.sampled_from([HOUR_MS, DAY_MS]))
def test_a_restart_anywhere_changes_nothing(seed: int, n: int, horizon_ms: int) -> None:
    rng = random.Random(seed)
    logs, model = make_logs(rng, n), spec(horizon_ms)
    steps = random_steps(rng, logs)
    steady, restarted = Worker(logs, model), Worker(logs, model)
    for source, some in steps:
        steady.read(source, some)
        restarted.read(source, some)
        if rng.random() < 0.2:
            restarted.restart(rng)
            assert restarted.machine.snapshot() == steady.machine.snapshot()
    assert restarted.finish() == steady.finish()
    assert restarted.machine.counters == steady.machine.counters


def test_a_restored_machine_has_the_snapshot_that_it_was_restored_from() -> None:
    rng = random.Random(3)
    logs = make_logs(rng, 50)
    worker = Worker(logs, spec())
    worker.read(Input.PREDICTIONS, 50)
    worker.read(Input.LABELS, 20)
    before = worker.machine.snapshot()
    worker.restart(rng)
    assert worker.machine.snapshot() == before


@pytest.mark.parametrize("damage", ["outcomes/state", "outcomes/rows", "outcomes/waiting"])
def test_parts_that_cannot_be_read_are_said_to_be_damaged(damage: str) -> None:
    machine = Outcomes(spec(), reference())
    parts = machine.snapshot()
    with pytest.raises(DamagedSnapshot, match="take an older one"):
        Outcomes(spec(), reference()).restore({**parts, damage: b"\x01"})
    with pytest.raises(DamagedSnapshot, match="take an older one"):
        Outcomes(spec(), reference()).restore({name: part for name, part in parts.items() if name != damage})


def test_the_fingerprint_tells_machines_apart_whose_state_means_something_else() -> None:
    assert Outcomes(spec(), reference()).fingerprint == Outcomes(spec(), reference()).fingerprint
    assert Outcomes(spec(HOUR_MS), reference()).fingerprint != Outcomes(spec(DAY_MS), reference()).fingerprint
