"""Are the topics there that a worker stands on? Asked once, before it joins its group."""

from __future__ import annotations

from driftline.config.config import Config
from driftline.producers.partition_consumer import PartitionConsumer
from driftline.schemas.errors import InputError


def wrong_topics(config: Config) -> str | None:
    """What keeps a worker from its work: a topic that is not there, or numbers of partitions that do not fit together.

    Raises KafkaRefused when Kafka does not answer or does not let us in. A worker would not notice by itself: without an
    input it has no partitions, and looks as if on standby; for an output it waits for minutes before it gives up.
    """
    consumer = PartitionConsumer(config.broker)
    try:
        counts = {use: len(consumer.partitions(name)) for use, name in config.topics}
    except InputError as error:
        return f"{error}; `driftline topics create` makes all that are needed"
    finally:
        consumer.close()
    alike = {getattr(config.topics, use): counts[use] for use in ("predictions", "labels", "snapshots")}
    if len(set(alike.values())) == 1:
        return None
    found = ", ".join(f"{name} has {count}" for name, count in alike.items())
    return f"predictions, labels and snapshots need the same number of partitions: {found}; see `driftline topics list`"
