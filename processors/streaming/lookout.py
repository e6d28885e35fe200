"""Looks once a second at how far the worker is: at the ends of the logs, at its figures, at models that fell silent."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from faust.types import TP

from driftline.processors.log_partition import LogPartition
from driftline.processors.streaming.engine import Engine
from driftline.processors.streaming.ownership import Owned, Ownership, refuse_lost_tails
from driftline.processors.streaming.ports import Metrics, Outside
from driftline.processors.streaming.ticks import shortest_idle_ms, tick_every_ms, wants_tick, windows_open
from driftline.processors.streaming.transport import Consumer
from driftline.processors.streaming.watchdog import Watchdog, stalled_partitions
from driftline.processors.streaming.worker_health import on_two_partitions, ticks_refused
from driftline.schemas.inputs import Input
from driftline.schemas.signals import Health

_BROKER_TIMEOUT_S: Final = 10.0

log = logging.getLogger("driftline.lookout")


class Lookout:
    """`say` takes what the worker itself has to say; everything else is said by monitors."""

    def __init__(
        self,
        topics: Mapping[Input, str],
        engine: Engine,
        ownership: Ownership,
        outside: Outside,
        metrics: Metrics,
        watchdog: Watchdog,
        say: Callable[[Health], None],
    ) -> None:
        self._topics, self._engine, self._ownership = topics, engine, ownership
        self._outside, self._metrics, self._watchdog, self._say = outside, metrics, watchdog, say
        self._ends: dict[TP, int] = {}
        self._before: dict[TP, int] = {}
        self._said: set[str] = set()
        self._ticks_allowed = True
        self.broker_seen_at = time.monotonic()

    @property
    def lag(self) -> int:
        """Records that wait to be applied, as of the last look."""
        return sum(max(self._ends.get(tp, offset) - offset, 0) for tp, offset in self._ownership.offsets().items())

    async def look(self, consumer: Consumer, waiting: asyncio.Queue[Any] | None, *, rebalancing: bool) -> None:
        """One look. `waiting`: batches that were fetched and not taken.

        Raises KafkaError, TimeoutError or LogEndsBeforeState.
        """
        offsets = self._ownership.offsets()
        if offsets:
            self._ends = await self._readable_ends(consumer, waiting)
        self.broker_seen_at = time.monotonic()
        offsets = self._ownership.offsets()
        stalled = stalled_partitions(self._before, offsets, self._ends)
        self._before = offsets
        self._watchdog.reason = f"records wait on {stalled}" if stalled else "rebalancing"
        if not stalled and self._ownership.ready is not None and not rebalancing:
            self._watchdog.alive()
        if not rebalancing:
            await self._engine.drained()
            self._show()
            self._say_models_on_two_partitions()
            await self._tick()

    async def _readable_ends(self, consumer: Consumer, waiting: asyncio.Queue[Any] | None) -> dict[TP, int]:
        """Ends of what can be read: the last offsets of a log may be transaction markers, which nobody is ever given."""
        seen = self._ownership.offsets()
        ends = await consumer.end_offsets(seen, _BROKER_TIMEOUT_S)
        refuse_lost_tails(seen, ends)
        await self._engine.drained()
        offsets = self._ownership.offsets()
        behind = [tp for tp, end in ends.items() if offsets.get(tp, end) < end]
        if behind and waiting is not None and waiting.empty():
            positions = await consumer.positions(behind, _BROKER_TIMEOUT_S)
            if waiting.empty() and offsets == self._ownership.offsets():
                ends |= {tp: offsets[tp] for tp in behind if positions.get(tp, 0) >= ends[tp]}
        return ends

    def _show(self) -> None:
        for p, owned in self._ownership.owned.items():
            ends = {source: self._ends.get(TP(topic, p), 0) for source, topic in self._topics.items()}
            self._metrics.set_counters(p, owned.partition.counters())
            self._metrics.set_offsets(p, owned.partition.next, ends)
            monitors = owned.partition.monitors
            self._metrics.set_watermarks(p, {model: m.admission.watermark_ms for model, m in monitors.items()})
        outputs = self._outside.outputs
        self._metrics.set_outbox(outputs.waiting, outputs.written, outputs.oversized)

    def _say_models_on_two_partitions(self) -> None:
        for health in on_two_partitions(
            {p: _models_met(owned.partition) for p, owned in self._ownership.owned.items()}
        ):
            self._say_once(health)

    async def _tick(self) -> None:
        for p, owned in list(self._ownership.owned.items()):
            for source in self._topics:
                if self._ticks_allowed and self._tick_is_due(p, owned, source):
                    owned.heard_at[source] = time.monotonic()
                    await self._write_tick(p, self._topics[source])

    def _tick_is_due(self, p: int, owned: Owned, source: Input) -> bool:
        return wants_tick(
            every_ms=tick_every_ms(shortest_idle_ms(owned.partition.monitors)),
            quiet_ms=1e3 * (time.monotonic() - owned.heard_at[source]),
            read_to_end=self._ends.get(TP(self._topics[source], p)) == owned.partition.next[source],
            windows_open=windows_open(owned.partition.monitors),
        )

    async def _write_tick(self, p: int, topic: str) -> None:
        try:
            await asyncio.wait_for(self._outside.tick(topic, p), _BROKER_TIMEOUT_S)
        except PermissionError as error:
            self._ticks_allowed = False
            log.warning("idle windows stay open until the next event: %s", error)
            self._say_once(ticks_refused(topic))

    def _say_once(self, health: Health) -> None:
        if health.id not in self._said:
            self._said.add(health.id)
            self._say(health)


def _models_met(partition: LogPartition) -> list[str]:
    """Models that have sent something; those of the configuration have a monitor on every partition."""
    return [model for model, monitor in partition.monitors.items() if monitor.counters.consumed]
