"""The publisher on a real Kafka: exactly once and in order, also through the death of the broker."""

from __future__ import annotations

from driftline.producers.publisher import Publisher
from tests.publisher.mock_cluster import Cluster
from tests.publisher.murmur2 import java_partition
from tests.publisher.test_delivery import FLUSH_S, prediction_of
from tests.servers.fixtures import StartKafka

TOPIC = "driftline.predictions"
MODELS = ("credit", "fraud", "churn")


def test_events_arrive_once_and_in_order_when_the_broker_is_killed_and_comes_back(start_kafka: StartKafka) -> None:
    kafka = start_kafka()
    kafka.create_topics({TOPIC: 6, "driftline.labels": 6})
    with Publisher(kafka.bootstrap_servers, kafka={"linger.ms": 5}) as publisher:
        for i in range(6_000):
            if i == 2_000:
                kafka.kill()
            if i == 4_000:
                assert publisher.counts().queued >= 2_000, "calls went on while the broker was away"
                kafka.restart()
            publisher.prediction(MODELS[i % 3], i, features={"x": i / 7})
        assert publisher.flush(2 * FLUSH_S) == 0
        counts = publisher.counts()
    assert (counts.delivered, counts.dropped_total) == (6_000, 0)
    records = Cluster(kafka.bootstrap_servers).records(TOPIC)
    for number, model in enumerate(MODELS):
        mine = [record for record in records if record.key() == model.encode()]
        assert {record.partition() for record in mine} == {java_partition(model.encode(), 6)}
        assert [prediction_of(record.value()).prediction for record in mine] == list(range(number, 6_000, 3))
