"""What a worker writes and keeps is what the log says, whatever happened to workers in between."""

from __future__ import annotations

import random

from driftline.schemas.outputs import OutputTopic
from tests.streaming.conftest import MakeStage
from tests.streaming.recompute import assert_live_equals_replay
from tests.streaming.stage import Stage
from tests.streaming.traffic import Trickle, send_log

EVENTS = 3_000


def test_outputs_and_state_of_a_worker_are_those_of_a_replay_byte_for_byte(stage: Stage, test_seed: int) -> None:
    send_log(stage, test_seed, EVENTS)
    worker = stage.start_worker()
    stage.wait_until_applied()
    assert worker.terminate()[0] == 0, worker.end_of_log()
    agreed = assert_live_equals_replay(stage)
    assert agreed.written_again == 0
    assert agreed.by_topic[OutputTopic.WINDOWS] > 100, "the log closes windows"
    assert agreed.by_topic[OutputTopic.ALERTS] > 0, "and drifts"
    assert agreed.by_topic[OutputTopic.DEAD_LETTERS] > 10, "and holds poison"


def test_R1_kill_9_twice_in_mid_stream_loses_nothing_and_counts_nothing_twice(
    make_stage: MakeStage, test_seed: int
) -> None:
    rng = random.Random(test_seed)
    stage = make_stage(worker={"snapshot_every": "1s"})
    stage.create_topics()
    worker = stage.start_worker()
    worker.wait_until_ready()
    trickle = Trickle(stage, test_seed, EVENTS, bits=40, over_s=12)
    for share in (0.1, 0.2):
        at = EVENTS * (share + 0.1 * rng.random())
        stage.wait_for(lambda at=at: max(stage.applied().values(), default=0) > at, f"{at:.0f} events applied")
        worker.kill()
        worker = stage.start_worker()
    trickle.join()
    stage.wait_until_applied()
    assert worker.terminate()[0] == 0, worker.end_of_log()
    assert_live_equals_replay(stage)
