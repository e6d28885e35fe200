"""Producers that use transactions: what was aborted is never seen, and the markers that they leave are no records."""

from __future__ import annotations

import time

from confluent_kafka import Producer

from driftline.schemas.inputs import Input
from tests.servers.kafka import QUIET
from tests.streaming.conftest import MakeStage
from tests.streaming.recompute import assert_live_equals_replay
from tests.streaming.traffic import predictions


def test_transactions_aborted_ones_are_not_read_and_markers_at_the_end_are_no_lag(make_stage: MakeStage) -> None:
    stage = make_stage(worker={"stalled_after": "6s"}, partitions=1)
    stage.create_topics()
    values, times = predictions(31, 600, 0)
    topic = stage.topic(Input.PREDICTIONS)
    producer = Producer({"bootstrap.servers": stage.bootstrap_servers, "transactional.id": topic, **QUIET})
    producer.init_transactions()
    worker = stage.start_worker()
    worker.wait_until_ready()
    for start in range(0, 600, 60):
        producer.begin_transaction()
        for value, at in zip(values[start : start + 60], times[start : start + 60], strict=True):
            producer.produce(topic, value, partition=0, timestamp=at)
        producer.flush()
        if start % 180 == 0:
            producer.abort_transaction()
        else:
            producer.commit_transaction()
    committed_up_to = 540 + 9 - 1  # nine transactions and their markers, then one that was aborted
    stage.wait_until_applied({(Input.PREDICTIONS, 0): committed_up_to})
    time.sleep(9)
    assert worker.health()["ready"], worker.end_of_log()
    assert worker.health()["lag"] == 0
    assert worker.terminate()[0] == 0
    agreed = assert_live_equals_replay(stage)
    assert agreed.records == 360
