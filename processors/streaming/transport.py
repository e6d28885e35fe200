"""Faust's Kafka transport, changed in three ways that make whole batches and exact restarts possible.

1. *Batches.* All records that one fetch brought for a partition travel as one message: 30 times the throughput of one
   message a record.
2. *Start positions.* After each rebalance Faust asks `perform_seek` where to read on. It is answered from memory alone
   (the offsets of the restored state), as a broker round trip in there that is too slow leaves the worker in the group,
   reading nothing, for ever and without an error.
3. *Commits.* Faust's own are off (topics are declared with acks=False): they can pass a message in flight. Offsets are
   committed directly, after the snapshot that they belong to is acknowledged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.structs import OffsetAndMetadata
from faust.transport import drivers
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from driftline.processors.streaming.app import DriftlineApp

SCHEME = "driftline"
"""Broker URLs with this scheme get this transport."""


class LeanRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    """Gives the records as they were parsed, not each copied into an object of aiokafka's: half the time of a fetch.

    They have offset, timestamp, timestamp_type, key, value and headers; whoever reads knows topic and partition anyway.
    """

    def _consumer_record(self, tp: TopicPartition, record: Any) -> Any:
        return record


fetcher.PartitionRecords = LeanRecords  # aiokafka offers no other place to say so


class BatchRecord(NamedTuple):
    """Looks like one record to Faust: `value` is the list of records, everything else is that of the last one."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    timestamp_type: int
    headers: tuple[()]
    key: bytes | None
    value: list[Any]
    checksum: int | None = None
    serialized_key_size: int = 0
    serialized_value_size: int = 0


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that aiokafka's consumer lives in."""

    def _create_worker_consumer(self, transport: driver.Transport) -> AIOKafkaConsumer:
        app = cast(DriftlineApp, self.app)
        self._assignor = app.assignor  # keeps partition p of both inputs on the same worker
        return AIOKafkaConsumer(**app.consumer_settings, partition_assignment_strategy=[self._assignor])

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust only logs what it finds here; the watchdog judges, and acts."""


class Consumer(driver.Consumer):
    """Whole batches in, offsets of our own."""

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def on_buffer_full(self, tp: TP) -> None:
        """Keep asking for the partition: its queue holds up whoever fills it.

        Faust leaves it out of the next question instead, which then waits a second for records of other partitions, however
        soon there is room again: a second of standstill after any hiccup of some batches.
        """

    def on_buffer_drop(self, tp: TP) -> None:
        """It was never left out."""

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> dict[TP, list[BatchRecord]]:
        fetched = await super()._getmany(active_partitions, timeout)
        return {
            tp: [BatchRecord(tp.topic, tp.partition, records[-1].offset, records[-1].timestamp, 0, (), None, records)]
            for tp, records in fetched.items()
            if records
        }

    async def perform_seek(self) -> None:
        """Read on where the state of each partition ends."""
        offsets = cast(DriftlineApp, self.app).start_offsets()
        self._read_offset.clear()  # Faust's own filter of what was read before: the state decides instead
        await self.seek_to({tp: offsets[tp] for tp in self.assignment() if tp in offsets})

    async def seek_to(self, offsets: Mapping[TP, int]) -> None:
        """Read these partitions from these offsets on, as far as they are assigned."""
        await self._thread.call_thread(self._seek_in_thread, offsets)

    async def _seek_in_thread(self, offsets: Mapping[TP, int]) -> None:
        consumer = self._thread._ensure_consumer()
        assigned = consumer.assignment()
        for tp, offset in offsets.items():
            if TopicPartition(*tp) in assigned:
                consumer.seek(TopicPartition(*tp), offset)

    async def commit_offsets(self, offsets: Mapping[TP, int], generation: int, timeout_s: float) -> bool:
        """Commit next offsets as the owner in this generation of the group.

        False, and nothing is committed, when the generation is over or a partition is not assigned any more. Raises
        KafkaError or TimeoutError.
        """

        async def commit() -> bool:
            consumer = self._thread._ensure_consumer()
            assigned = consumer.assignment()
            own = {TopicPartition(*tp): OffsetAndMetadata(offset, "") for tp, offset in offsets.items()}
            # aiokafka would commit in the name of the generation that it has reached meanwhile
            if not own.keys() <= assigned or consumer._coordinator.generation != generation:
                return False
            # bounded: few workers serve the thread's queue, and a commit that hangs would take one of them for good
            await asyncio.wait_for(consumer.commit(own), timeout_s)
            return True

        return bool(await self._thread.call_thread(commit))

    async def committed_offsets(self, tps: Iterable[TP], timeout_s: float) -> dict[TP, int]:
        """What the group has committed, as the broker says; partitions without a commit are left out."""

        async def ask() -> dict[TP, int]:
            coordinator = self._thread._ensure_consumer()._coordinator
            asked = coordinator.fetch_committed_offsets([TopicPartition(*tp) for tp in tps])
            found = await asyncio.wait_for(asked, timeout_s)
            return {TP(*tp): offset.offset for tp, offset in found.items() if offset.offset >= 0}

        return cast(dict[TP, int], await self._thread.call_thread(ask))

    async def end_offsets(self, tps: Iterable[TP], timeout_s: float) -> dict[TP, int]:
        """The first offset of each partition that no record has yet."""
        return await self._offsets("end_offsets", tps, timeout_s)

    async def beginning_offsets(self, tps: Iterable[TP], timeout_s: float) -> dict[TP, int]:
        """The offset of the oldest record that each partition still has."""
        return await self._offsets("beginning_offsets", tps, timeout_s)

    async def positions(self, tps: Iterable[TP], timeout_s: float) -> dict[TP, int]:
        """The offset of each partition that is fetched next, as far as it is assigned."""

        async def ask() -> dict[TP, int]:
            consumer = self._thread._ensure_consumer()
            assigned = [tp for tp in tps if TopicPartition(*tp) in consumer.assignment()]
            return {tp: await asyncio.wait_for(consumer.position(TopicPartition(*tp)), timeout_s) for tp in assigned}

        return cast(dict[TP, int], await self._thread.call_thread(ask))

    async def partition_counts(self, topics: Iterable[str], timeout_s: float) -> dict[str, int]:
        """How many partitions the topics have at this moment; 0 for one that is not there."""

        async def ask() -> dict[str, int]:
            client = self._thread._ensure_consumer()._client
            known = await asyncio.wait_for(client.fetch_all_metadata(), timeout_s)
            return {topic: len(known.partitions_for_topic(topic) or ()) for topic in topics}

        return cast(dict[str, int], await self._thread.call_thread(ask))

    async def _offsets(self, which: str, tps: Iterable[TP], timeout_s: float) -> dict[TP, int]:
        async def ask() -> dict[TP, int]:
            asked = getattr(self._thread._ensure_consumer(), which)([TopicPartition(*tp) for tp in tps])
            return {TP(*tp): offset for tp, offset in (await asyncio.wait_for(asked, timeout_s)).items()}

        return cast(dict[TP, int], await self._thread.call_thread(ask))


class Producer(driver.Producer):
    """Faust writes nothing here (no tables, no leader topic), so its own producer is not started."""

    async def on_start(self) -> None:
        """Connect to nobody."""

    async def on_stop(self) -> None:
        """There is nothing to close."""

    async def flush(self) -> None:
        """Nothing waits."""


class Transport(driver.Transport):
    """What Faust makes its consumer and producer from."""

    Consumer = Consumer
    Producer = Producer


drivers.TRANSPORTS[SCHEME] = f"{__name__}:Transport"
