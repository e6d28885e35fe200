"""Outputs of a worker to Kafka: in order, bounded, and never dropped in silence."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from driftline.schemas.outputs import Output, OutputTopic

_IN_FLIGHT_MAX: Final = 20_000
"""Outputs handed to the producer at once; more wait in the outbox, where they cost no future each."""

log = logging.getLogger("driftline.outputs")


class KafkaOutputs:
    """An outbox in front of the producer.

    `put` never waits; `room` does while more than `waiting_max` outputs are under way. An output that Kafka refuses for good
    ends everything: `room` and `acknowledged` raise its error, and the caller ends the process, whose successor writes it
    again. Only what is too large for any broker is left out: it is logged and counted in `oversized`.
    """

    def __init__(
        self,
        producer: AIOKafkaProducer,
        topics: Mapping[OutputTopic, str],
        waiting_max: int,
        acknowledged: Callable[[Output, int], None],
    ) -> None:
        """acknowledged: called with each output that is written for good, and what `put` said of when it was due."""
        self._report = acknowledged
        self._producer, self._topics, self._waiting_max = producer, topics, waiting_max
        self._outbox: deque[tuple[Output, int]] = deque()
        self._put, self._moved = asyncio.Event(), asyncio.Event()
        self._taken = self._settled = self._in_flight = 0
        self._error: BaseException | None = None
        self._sender: asyncio.Task[None] | None = None
        self.oversized = 0
        self.written: dict[OutputTopic, int] = dict.fromkeys(OutputTopic, 0)

    @property
    def waiting(self) -> int:
        """Outputs that were put and are not acknowledged."""
        return self._taken - self._settled

    def put(self, outputs: Iterable[Output], appended_ms: int) -> None:
        """Take outputs to be written after all earlier ones. appended_ms: record time of the record behind them."""
        before = len(self._outbox)
        self._outbox.extend((output, appended_ms) for output in outputs)
        self._taken += len(self._outbox) - before
        if self._sender is None:
            self._sender = asyncio.create_task(self._send_all(), name="outbox")
        self._put.set()

    async def room(self) -> None:
        """Wait until there is room for more. Raises what went wrong with an earlier output."""
        await self._until(lambda: self.waiting <= self._waiting_max)

    async def acknowledged(self) -> None:
        """Wait until all that was put so far is written for good. Raises what went wrong."""
        goal = self._taken
        await self._until(lambda: self._settled >= goal)

    async def stop(self) -> None:
        """Send no more."""
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)

    async def _until(self, reached: Callable[[], bool]) -> None:
        while self._error is None and not reached():
            self._moved.clear()
            await self._moved.wait()
        if self._error is not None:
            raise self._error

    async def _send_all(self) -> None:
        """Outputs of one topic and key keep their order, as one task hands them to the producer."""
        while True:
            await self._put.wait()
            self._put.clear()
            while self._outbox:
                await self._until(lambda: self._in_flight < _IN_FLIGHT_MAX)
                output, appended_ms = self._outbox.popleft()
                try:
                    await self._send(output, appended_ms)
                except KafkaError as error:
                    self._settle(error)
                    return

    async def _send(self, output: Output, appended_ms: int) -> None:
        try:
            sent = await self._producer.send(
                self._topics[output.topic], output.value, key=output.key, headers=output.headers
            )
        except MessageSizeTooLargeError:
            self.oversized += 1
            log.error("an output of %d bytes is larger than a record may be, and is left out", len(output.value))
            self._settle(None)
            return
        self._in_flight += 1
        sent.add_done_callback(lambda future: self._acknowledge(output, appended_ms, future))

    def _acknowledge(self, output: Output, appended_ms: int, future: asyncio.Future[object]) -> None:
        self._in_flight -= 1
        if future.cancelled():
            return  # the process is ending, and nobody waits any more
        error = future.exception()
        if error is None:
            self.written[output.topic] += 1
            self._report(output, appended_ms)
        self._settle(error)

    def _settle(self, error: BaseException | None) -> None:
        self._settled += 1
        self._error = self._error or error
        self._moved.set()
