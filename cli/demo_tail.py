"""What a worker says, as it says it: its topics of alerts and windows, read by the demo as anybody could."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from driftline.cli.demo_broker import Broker
from driftline.producers.partition_consumer import PartitionConsumer, Place
from driftline.schemas.cloud_events import decode_event
from driftline.schemas.codec import decode_signal
from driftline.schemas.signals import AlertOpened, Signal

_RECORDS_AT_ONCE: Final = 1_000


@contextmanager
def signals_of(broker: Broker) -> Iterator[Callable[[], list[Signal]]]:
    """Yields a function: the signals that have come since it was last called, for which it waits a moment."""
    alerts, windows = broker.topics.alerts, broker.topics.windows
    consumer = PartitionConsumer(broker.settings)

    def read() -> list[Signal]:
        records, _ = consumer.take(_RECORDS_AT_ONCE)
        values = [(record.topic(), record.value()) for record in records]
        said = [_alert(value) if topic == alerts else decode_signal(value) for topic, value in values if value]
        return sorted(said, key=_found_ms)

    try:
        places = [Place(topic, number) for topic in (alerts, windows) for number in consumer.partitions(topic)]
        consumer.assign(dict.fromkeys(places, 0))
        yield read
    finally:
        consumer.close()


def _alert(value: bytes) -> Signal:
    event = decode_event(value)
    return AlertOpened(id=event.id, alert=event.data)


def _found_ms(signal: Signal) -> int:
    """Alerts of one moment lie on several partitions: their order is that in which they were found."""
    return signal.alert.detected_ms if isinstance(signal, AlertOpened) else 0
