"""Topics that are not there, or not any more: the worker ends and says so, and nothing is lost by that."""

from __future__ import annotations

import random

import pytest

from driftline.processors.streaming.worker import EXIT_FAULT, EXIT_SETUP
from driftline.schemas.inputs import Input
from tests.streaming.conftest import MakeStage
from tests.streaming.recompute import assert_live_equals_replay
from tests.streaming.stage import Stage
from tests.streaming.traffic import predictions


@pytest.mark.parametrize("use", ["labels", "dead_letters", "snapshots"])
def test_R23_a_worker_without_one_of_its_topics_does_not_start_and_names_it(make_stage: MakeStage, use: str) -> None:
    stage = make_stage()
    stage.create_topics(without={use})
    worker = stage.start_worker()
    assert worker.wait() == EXIT_SETUP
    assert f"there is no topic {getattr(stage.topics, use)}" in worker.end_of_log()


def test_R23_a_dead_letter_that_kafka_refuses_ends_the_worker_and_is_written_by_its_successor(stage: Stage) -> None:
    """The topic takes nothing larger than 1 kB for a while, and random bytes cannot be compressed."""
    values, times = predictions(23, 600, 0)
    values = [*values[:300], random.Random(23).randbytes(5_000), *values[300:]]
    stage.configure(stage.topics.dead_letters, "max.message.bytes", 1_000)
    stage.produce(Input.PREDICTIONS, 0, values, [*times[:300], times[300], *times[300:]])
    worker = stage.start_worker()
    assert worker.wait() == EXIT_FAULT
    assert "MessageSizeTooLarge" in worker.end_of_log()
    stage.configure(stage.topics.dead_letters, "max.message.bytes", 1_000_000)
    successor = stage.start_worker()
    stage.wait_until_applied()
    assert successor.terminate()[0] == 0
    assert_live_equals_replay(stage)
