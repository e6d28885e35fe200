"""R19: workers die at any moment, stores are behind, lost or half written, and what is said is what a steady worker says.

A worker reads both logs in any pieces, takes snapshots, of which some are acknowledged and some are not, flushes the store
then or later, and dies. Its successor restores the last acknowledged snapshot, and has what is missing in the store read
again. The steady worker keeps all facts in memory and never dies; what it says is held against a batch join elsewhere.
"""

from __future__ import annotations

import contextlib
import random
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftline.config.model_spec import DAY_MS, HOUR_MS, ModelSpec
from driftline.processors.batches import LabelBatch, PredictionBatch
from driftline.processors.columns import Columnizer
from driftline.processors.outcome_clock import OutcomeClock
from driftline.processors.outcomes.backing_store import BackingStore
from driftline.processors.outcomes.facts import fact_dtype
from driftline.processors.outcomes.join_store import JoinStore
from driftline.processors.outcomes.marks import Position, lifetime_ms
from driftline.processors.outcomes.memory_store import MemoryStore
from driftline.processors.outcomes.outcomes import Outcomes
from driftline.processors.outcomes.write_behind import WriteBehind
from driftline.processors.reference.layout import layout_of
from driftline.schemas.codec import encode
from driftline.schemas.errors import StoreDoubtful, StoreFenced
from driftline.schemas.inputs import Input
from driftline.schemas.signals import Signal
from tests.outcomes.labelled_logs import Logs, make_logs, random_steps, reference, spec
from tests.outcomes.stores import ALL
from tests.outcomes.stores import HOUR_MS as TTL_MS

GROUPS = 2  # version and region
WIDTH = fact_dtype(GROUPS).itemsize
MakeStore = Callable[[str], BackingStore]

EXAMPLES = 500 if settings().max_examples >= 300 else min(20, settings().max_examples)


@dataclass
class Cut:
    """What is left of a worker that dies: its last acknowledged snapshot, and how much it had said by then."""

    parts: dict[str, bytes]
    at: dict[Input, int]
    latest_ms: dict[Input, int | None]
    said: int


class Worker:
    """Reads both logs into one machine. `stores`: opens the place of a name; None: everything stays in memory."""

    def __init__(self, logs: Logs, model: ModelSpec, stores: MakeStore | None) -> None:
        self.logs, self.model, self.stores = logs, model, stores
        self.place = uuid.uuid4().hex
        self.said: list[bytes] = []
        self.cut: Cut | None = None
        self.begin()

    def begin(self) -> None:
        """As a new process does: from the last acknowledged snapshot."""
        self.store: JoinStore = in_memory() if self.stores is None else WriteBehind(self.stores(self.place))
        self.machine = Outcomes(self.model, reference(), store=self.store)
        self.at: dict[Input, int] = dict.fromkeys(Input, 0)
        self.reader, self.clock = Reader(self.logs, self.model), OutcomeClock()
        if self.cut is not None:
            self.machine.restore(self.cut.parts)
            self.at = dict(self.cut.at)
            for source in Input:
                self.clock.advance(source, self.cut.latest_ms[source])
                self.reader.resume(source, self.cut.latest_ms[source])
        del self.said[0 if self.cut is None else self.cut.said :]
        self.open()

    def open(self) -> None:
        """Also in mid-stream, after the store has said that it may have lost something; it may say so again meanwhile."""
        start = self.machine.open()
        if start is None:
            return
        try:
            self._fill_again(start)
        except (StoreDoubtful, StoreFenced):
            self.open()

    def read(self, source: Input, n: int) -> None:
        for batch in self.reader.read(source, self.at[source], self.at[source] + n, self.clock):
            self.machine.feed(batch)
        self.at[source] += n
        predictions_ms, labels_ms = (self.clock.latest_ms[each] for each in Input)
        if predictions_ms is not None and labels_ms is not None:
            times = predictions_ms, labels_ms
            self.said += map(encode, self._again_and_again(lambda: self.machine.advance(*times)))

    def take_snapshot(self, *, acknowledged: bool, flushed: bool) -> None:
        parts, position = self.machine.snapshot(), self.machine.commit()
        if acknowledged:
            self.cut = Cut(parts, dict(self.at), dict(self.clock.latest_ms), len(self.said))
            if flushed:
                with contextlib.suppress(StoreDoubtful, StoreFenced):  # the next read will say so too
                    self.store.flush(position)

    def die(self, *, lost: bool) -> None:
        """And come back. lost: the store is not there any more."""
        self.store.close()
        if lost:
            self.place = uuid.uuid4().hex
        self.begin()

    def finish(self) -> list[bytes]:
        end_ms = max(ms for ms in self.clock.latest_ms.values() if ms is not None)
        self.said += map(encode, self._again_and_again(lambda: self.machine.finish(end_ms)))
        self.store.close()
        return self.said

    def _again_and_again(self, what: Callable[[], list[Signal]]) -> list[Signal]:
        """A store that was given away, and is ours again, may turn out to be damaged as well."""
        while True:
            try:
                return what()
            except (StoreDoubtful, StoreFenced):
                self.open()

    def _fill_again(self, start: Position) -> None:
        reader, clock = Reader(self.logs, self.model), OutcomeClock()
        for source in Input:
            reader.resume(source, start.place(source).latest_ms)
            for batch in reader.read(source, start.place(source).offset, self.at[source], clock):
                self.machine.feed_again(batch)
        self.machine.end_refill()


class Reader:
    """Decodes records as a worker does."""

    def __init__(self, logs: Logs, model: ModelSpec) -> None:
        layout = layout_of(reference(), model)
        self._logs, self._columns = logs, Columnizer(lambda _: layout)

    def resume(self, source: Input, latest_ms: int | None) -> None:
        self._columns.clocks[source].resume_at(latest_ms)

    def read(self, source: Input, start: int, stop: int, clock: OutcomeClock) -> Sequence[PredictionBatch | LabelBatch]:
        log = self._logs.of(source)
        decode = self._columns.predictions if source is Input.PREDICTIONS else self._columns.labels
        decoded = decode(log.records[start:stop], range(start, stop), log.record_ms[start:stop])
        clock.advance(source, decoded.last_record_ms)
        return decoded.batches


def in_memory() -> MemoryStore:
    facts = fact_dtype(GROUPS)
    assert facts.fields is not None
    return MemoryStore(facts.itemsize, facts.fields["seq"][1], 1 << 16)


def make_store(kind: str, request: pytest.FixtureRequest, folder: Path, model: ModelSpec) -> MakeStore | None:
    keep_ms = lifetime_ms(model)
    if kind == "rocksdb":
        from driftline.sinks.join_stores.rocks_database import block_cache
        from driftline.sinks.join_stores.rocksdb import RocksStore

        cache = block_cache(8)
        return lambda place: RocksStore(folder / place, WIDTH, keep_ms, cache)
    if kind == "redis":
        from driftline.sinks.join_stores.redis import RedisStore

        client = request.getfixturevalue("redis_server").client(protocol=2)
        return lambda place: RedisStore(client, f"kills:{{{place}}}", WIDTH, keep_ms, TTL_MS)
    return None


@pytest.mark.parametrize("kind", ALL)
def test_R19_kills_and_lost_stores_change_nothing(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    # one length of windows: telling of them is most of the work, and not what is tested here
    models = {horizon_ms: replace(spec(horizon_ms), windows_ms=(DAY_MS,)) for horizon_ms in (HOUR_MS, 2 * DAY_MS)}
    makes = {horizon_ms: make_store(kind, request, tmp_path, model) for horizon_ms, model in models.items()}

    @settings(max_examples=EXAMPLES)
    @given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 60), horizon_ms=st.sampled_from(sorted(models)))
    def nothing_changes(seed: int, n: int, horizon_ms: int) -> None:
        rng = random.Random(seed)
        logs, model = make_logs(rng, n), models[horizon_ms]
        steady = Worker(logs, model, None)
        for source, some in random_steps(rng, logs):
            steady.read(source, some)
        mortal = Worker(logs, model, makes[horizon_ms])
        live(mortal, logs, rng)
        assert mortal.finish() == steady.finish()
        assert mortal.machine.counters == steady.machine.counters

    nothing_changes()


def test_R30_a_redis_that_loses_changes_or_gives_away_records_in_mid_stream_changes_nothing(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    model = replace(spec(2 * DAY_MS), windows_ms=(DAY_MS,))
    stores = make_store("redis", request, tmp_path, model)
    client = request.getfixturevalue("redis_server").client()
    assert stores is not None

    def sabotage(worker: Worker, rng: random.Random) -> None:
        names = client.keys(f"kills:{{{worker.place}}}*")
        if not names:
            return
        match rng.choice(["flush", "lose a hash", "change a value", "another owner"]):
            case "flush":
                client.delete(*names)
            case "another owner":
                stores(worker.place).open()
            case "lose a hash":
                client.delete(rng.choice(names))
            case _:
                for name in names:
                    if name.count(b":") == 3 and b"journal" not in name:
                        client.hset(
                            name, mapping={key: bytes(len(value)) for key, value in client.hgetall(name).items()}
                        )

    @settings(max_examples=min(100, EXAMPLES))
    @given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 60))
    def nothing_changes(seed: int, n: int) -> None:
        rng = random.Random(seed)
        logs = make_logs(rng, n)
        steady, worker = Worker(logs, model, None), Worker(logs, model, stores)
        for source, some in random_steps(rng, logs):
            steady.read(source, some)
        live(worker, logs, rng, sabotage)
        assert worker.finish() == steady.finish()

    nothing_changes()


def live(
    worker: Worker, logs: Logs, rng: random.Random, sabotage: Callable[[Worker, random.Random], None] | None = None
) -> None:
    """Read both logs to their end, with a death now and then, and something done to the store."""
    left = rng.choice([0, 1, 2, 3])
    while any(worker.at[source] < len(logs.of(source).records) for source in Input):
        source = rng.choice([each for each in Input if worker.at[each] < len(logs.of(each).records)])
        worker.read(source, min(rng.choice([1, 3, 20]), len(logs.of(source).records) - worker.at[source]))
        if rng.random() < 0.3:
            worker.take_snapshot(acknowledged=rng.random() < 0.8, flushed=rng.random() < 0.8)
        if left and rng.random() < 0.2:
            left -= 1
            worker.die(lost=rng.random() < 0.3)
        if sabotage is not None and rng.random() < 0.2:
            sabotage(worker, rng)
