"""The worker: a Faust application whose one agent hands batches to the engine, and a few timers around it.

A fault of ours, an output or a snapshot that cannot be written, ends the process at once (exit code 70) without another
snapshot: whoever supervises it starts it again, and it goes on from the last one. Nothing is lost by that.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from aiokafka.errors import KafkaError
from faust.types import TP

from driftline.config.config import Config
from driftline.processors.log_partition import Applied, LogPartition
from driftline.processors.recovery.cut import StoredCut
from driftline.processors.recovery.persist import Persisted
from driftline.processors.streaming.app import DriftlineApp, build_app
from driftline.processors.streaming.engine import Done, Engine, Said
from driftline.processors.streaming.gaps import Gap
from driftline.processors.streaming.lookout import Lookout
from driftline.processors.streaming.ownership import LogEndsBeforeState, NotCopartitioned, Owned, Ownership
from driftline.processors.streaming.ports import Metrics, Outside
from driftline.processors.streaming.records import log_records
from driftline.processors.streaming.transport import Consumer
from driftline.processors.streaming.watchdog import EXIT_STALLED, Watchdog
from driftline.processors.streaming.web import Condition, Web
from driftline.schemas.inputs import Input
from driftline.schemas.log_records import LogRecords
from driftline.schemas.outputs import output_of
from driftline.schemas.signals import Health

EXIT_FAULT: Final = EXIT_STALLED
EXIT_SETUP: Final = 78
"""EX_CONFIG of sysexits.h: starting again does not help, somebody has to change something."""

_LOOK_EVERY_S: Final = 1.0
_UNREACHABLE_AFTER_S: Final = 20.0
_REVOKE_TIMEOUT_S: Final = 10.0
_SHUTDOWN_TIMEOUT_S: Final = 8.0

log = logging.getLogger("driftline.worker")


class Worker:
    """`fresh` and `restored` make partitions (see `Ownership`); `outputs_of` is the engine's."""

    def __init__(
        self,
        config: Config,
        kafka: Mapping[str, Any],
        outside: Callable[[], Outside],
        metrics: Metrics,
        *,
        fresh: Callable[[int, Mapping[Input, int]], LogPartition],
        restored: Callable[[StoredCut], LogPartition],
        outputs_of: Callable[[LogPartition, Applied, Input, LogRecords], Said],
    ) -> None:
        self.config, self.metrics = config, metrics
        self.topics: dict[Input, str] = {
            Input.PREDICTIONS: config.topics.predictions,
            Input.LABELS: config.topics.labels,
        }
        self._input_of = {topic: source for source, topic in self.topics.items()}
        self._make_outside, self._fresh, self._restored = outside, fresh, restored
        self._outputs_of = outputs_of
        self.watchdog = Watchdog(config.worker.stalled_after / 1000)
        self.web = Web(config.worker.web.host, config.worker.web.port, self.condition, self._exposition)
        self._waiting_batches: asyncio.Queue[Any] | None = None
        self._stopping = False
        self._started: asyncio.Task[None] | None = None
        self.app = build_app(config, kafka)
        self._wire(self.app)

    @property
    def consumer(self) -> Consumer:
        """The group's consumer."""
        return cast(Consumer, self.app.consumer)

    # -- how Faust calls ---------------------------------------------------------------------------------------------

    def _wire(self, app: DriftlineApp) -> None:
        app.start_offsets = lambda: self.ownership.offsets()
        inputs = app.topic(*self.topics.values(), value_serializer="raw", key_serializer="raw", acks=False)
        app.agent(inputs, name="driftline")(self._consume)
        app.on_partitions_revoked.connect(cast(Any, self._revoked))
        app.on_rebalance_complete.connect(cast(Any, self._rebalanced))
        app.on_before_shutdown.connect(cast(Any, self._before_shutdown))
        for task in (self._save_often, self._look_often):
            app.task(task)

    async def _start(self) -> None:
        """Once, by whoever comes first: Faust promises no order between its tasks and the first rebalance."""
        if self._started is None:
            self._started = asyncio.create_task(self._start_now())
        await self._started

    async def _start_now(self) -> None:
        await self._serve()
        self.outside = self._make_outside()
        await self.outside.start()
        self.engine = Engine(self._outputs_of, self._done, self._failed)
        self.ownership = Ownership(
            self.topics,
            self.engine,
            self.outside.outputs,
            self.outside.snapshots,
            self._fresh,
            self._restored,
            self._saved,
            self.watchdog.alive,
        )
        self.lookout = Lookout(
            self.topics, self.engine, self.ownership, self.outside, self.metrics, self.watchdog, self._say
        )
        self.watchdog.start()

    async def _serve(self) -> None:
        """From early on: whoever watches can tell a long restore from a death."""
        try:
            log.info("health and metrics on %s", await self.web.start())
        except OSError as error:
            self._end(EXIT_SETUP, f"health and metrics cannot be served, see worker.web.port: {error}")

    async def _rebalanced(self, app: Any, *args: Any, **kwargs: Any) -> None:
        await self._start()
        consumer = self.consumer
        try:
            await self.ownership.rebalanced(
                consumer.assignment(), app.consumer_generation_id, consumer, lambda: app.consumer_generation_id
            )
        except NotCopartitioned as error:
            await self._end_not_copartitioned(error)
        except LogEndsBeforeState as error:
            self._end(EXIT_SETUP, str(error))
        except (KafkaError, TimeoutError, OSError) as error:
            self._end(EXIT_FAULT, f"the state could not be read back: {error!r}")
        for p in self.ownership.gone:
            self.metrics.forget_partition(p)
        self.watchdog.alive()

    async def _end_not_copartitioned(self, error: NotCopartitioned) -> None:
        """For good only if the topics are so: while a topic is made or moved, the group may part them for a moment."""
        try:
            counts = await self.consumer.partition_counts(self.topics.values(), _REVOKE_TIMEOUT_S)
        except (KafkaError, TimeoutError, OSError) as failure:
            self._end(EXIT_FAULT, f"{error}; how many partitions there are could not be asked: {failure!r}")
        else:
            unequal = len(set(counts.values())) > 1 or 0 in counts.values()
            found = ", ".join(f"{topic} has {n} partitions" for topic, n in counts.items())
            self._end(EXIT_SETUP if unequal else EXIT_FAULT, f"{error}; {found}")

    async def _revoked(self, app: Any, *args: Any, **kwargs: Any) -> None:
        if self._started is not None and not self._stopping:
            await self._save_within(_REVOKE_TIMEOUT_S, "revoked")

    async def _before_shutdown(self, app: Any, *args: Any, **kwargs: Any) -> None:
        self._stopping = True
        self.watchdog.stop()
        await self.web.stop()
        if self._started is not None:
            if not app.crashed:
                await self.engine.drained()
                await self._save_within(_SHUTDOWN_TIMEOUT_S, "stopping")
            await self.outside.stop()
            self.engine.close()
        log.info("stopped")

    async def _save_within(self, timeout_s: float, why: str) -> None:
        try:
            await self.engine.drained()
            await asyncio.wait_for(self.ownership.save(self.consumer), timeout_s)
        except TimeoutError:
            log.warning(
                "%s: the snapshot took longer than %.0f s and was given up: more will be replayed", why, timeout_s
            )
        except KafkaError as error:
            self._end(EXIT_FAULT, f"{why}: the state could not be saved: {error!r}")

    # -- reading -----------------------------------------------------------------------------------------------------

    async def _consume(self, stream: Any) -> None:
        self._waiting_batches = stream.channel.queue
        async for event in stream.events():
            message = event.message
            owned = self.ownership.owned.get(message.partition)
            if owned is None or owned.generation != message.generation_id or self._stopping:
                continue  # of a generation that is over: read again by whoever owns the partition now
            await self._take(owned, self._input_of[message.topic], log_records(event.value))
            await self.outside.outputs.room()

    async def _take(self, owned: Owned, source: Input, records: LogRecords) -> None:
        owned.heard_at[source] = time.monotonic()
        if not await self.engine.take(owned.partition, source, records, allow_gap=False):
            return
        await self.engine.drained()
        p, wanted, first = owned.partition.partition, owned.partition.next[source], records.offsets[0]
        decision = owned.gaps.decide(source, wanted, first)
        if decision is Gap.ACCEPT:
            log.warning("partition %d: %s has no records at offsets %d to %d", p, source, wanted, first - 1)
            await self.engine.take(owned.partition, source, records, allow_gap=True)
        elif decision is Gap.ASK_AGAIN:
            log.info("partition %d: %s came from offset %d, asking again for %d", p, source, first, wanted)
            await self.consumer.seek_to({TP(self.topics[source], p): wanted})

    def _done(self, done: Done) -> None:
        self.outside.outputs.put(done.said.outputs, done.appended_ms)
        self.metrics.observe(done.applied.signals)
        self.metrics.outputs_made(done.said.outputs)
        withheld = Counter(done.said.withheld)
        for letter in reversed(done.applied.rejected):  # of each reason, the last ones are those withheld
            self.metrics.dead_letter(letter.reason, written=withheld[letter.reason] <= 0)
            withheld[letter.reason] -= 1

    def _say(self, health: Health) -> None:
        log.warning("%s", health.message)
        self.outside.outputs.put([output_of(health, {})], int(time.time() * 1000))
        self.metrics.observe([health])

    def _saved(self, partition: int, done: Persisted, took_s: float, held_s: float) -> None:
        self.metrics.snapshot_taken(
            partition, at_s=time.time(), took_s=took_s, held_s=held_s, written_bytes=done.nbytes
        )
        self.metrics.committed(done=done.committed)

    def _failed(self, error: BaseException) -> None:
        log.critical("a batch could not be applied", exc_info=error)
        self._end(EXIT_FAULT, f"a batch could not be applied: {error!r}")

    # -- timers ------------------------------------------------------------------------------------------------------

    async def _save_often(self) -> None:
        await self._start()
        while not self.app.should_stop:
            await self.app.sleep(self.config.worker.snapshot_every / 1000)
            if self._reading():
                try:
                    await self.ownership.save(self.consumer)
                except KafkaError as error:
                    self._end(EXIT_FAULT, f"the state could not be saved: {error!r}")

    async def _look_often(self) -> None:
        await self._start()
        while not self.app.should_stop:
            await self.app.sleep(_LOOK_EVERY_S)
            if self._stopping:
                return
            try:
                await self.lookout.look(self.consumer, self._waiting_batches, rebalancing=not self._reading())
            except LogEndsBeforeState as error:
                self._end(EXIT_SETUP, str(error))
            except (KafkaError, TimeoutError, OSError) as error:  # the broker is away: no fault of ours
                log.warning("the broker does not answer: %r", error)
                self.watchdog.alive()

    # -- how it is ---------------------------------------------------------------------------------------------------

    def _reading(self) -> bool:
        return self.ownership.ready is not None and not self.app.rebalancing and not self._stopping

    def condition(self) -> Condition:
        """What `/healthz` and `/readyz` say."""
        known = self._started is not None and self._started.done()
        live = self.watchdog.silent_s <= self.config.worker.stalled_after / 1000
        if self._stopping:
            state = "stopping"
        elif not live:
            state = "stalled"
        elif not known or self.ownership.ready is None:
            state = "starting"
        elif time.monotonic() - self.lookout.broker_seen_at > _UNREACHABLE_AFTER_S:
            state = "broker_unreachable"
        elif self.app.rebalancing:
            state = "rebalancing"
        else:
            state = "running" if self.ownership.owned else "standby"
        return Condition(
            live=live,
            ready=state in ("running", "standby"),
            state=state,
            partitions=len(self.ownership.owned) if known else 0,
            lag=self.lookout.lag if known else 0,
            seconds_since_progress=round(self.watchdog.silent_s, 1),
        )

    def _exposition(self) -> bytes:
        return self.metrics.exposition()

    def _end(self, code: int, why: str) -> None:
        """Out at once: what is in memory is not trusted, and what was acknowledged is enough to go on from."""
        log.critical("%s; ending with code %d", why, code)
        logging.shutdown()
        os._exit(code)
