"""Generates days of events for some models and publishes them, keyed by model. Started by live.py.

python benchmarks/fill_topic.py 127.0.0.1:9092 predictions 3 1000000 card_fraud_eu card_fraud_ap

As a service's client would send them: lz4, idempotent, the partitioner of the Java client. Days differ in their seeds, and
models too, so every prediction id is unique.
"""

import sys
from collections.abc import Iterable

from confluent_kafka import Producer
from events import DAY_MS, FIRST_DAY_MS, blocks
from worker_stage import MODELS, of_model

SEED = 1
STREAMS_FROM = 100  # of the generator; lower ones are those of other benchmarks
DRIFT, DRIFT_AT = "amount", 0.7
POLL_EVERY = 1_000
FLUSH_S_MAX = 120.0


def fill(bootstrap_servers: str, topic: str, days: int, day_events: int, models: Iterable[str]) -> None:
    """Day by day, the models in turn."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "partitioner": "murmur2_random",
            "enable.idempotence": True,
            "log_level": 3,  # a coordinator that is not ready yet is asked again
            "compression.type": "lz4",
            "linger.ms": 20,
            "batch.size": 256 * 1024,
            "queue.buffering.max.messages": 200_000,
        }
    )
    for day in range(days):
        for model in models:
            stream = STREAMS_FROM + day * len(MODELS) + MODELS.index(model)
            first_ms = FIRST_DAY_MS + (1 + day) * DAY_MS
            for block in blocks(SEED, stream, first_ms, day_events, DRIFT, int(DRIFT_AT * day_events)):
                publish(producer, topic, model, of_model(block, model).splitlines())
    if producer.flush(FLUSH_S_MAX):
        sys.exit("not everything could be delivered")


def publish(producer: Producer, topic: str, model: str, lines: list[bytes]) -> None:
    """All lines, in order; waits while the client's queue is full."""
    for number, line in enumerate(lines):
        while True:
            try:
                producer.produce(topic, line, key=model)
                break
            except BufferError:
                producer.poll(0.05)
        if number % POLL_EVERY == 0:
            producer.poll(0)


if __name__ == "__main__":
    fill(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:])
