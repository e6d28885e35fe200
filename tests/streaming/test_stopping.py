"""Stopping and starting: a worker that is told to stop leaves nothing undone, and a cold start loses nothing."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from driftline.schemas.inputs import Input
from driftline.schemas.outputs import OutputTopic
from tests.streaming.conftest import MakeStage
from tests.streaming.recompute import assert_live_equals_replay
from tests.streaming.stage import Stage

EVERY_RECORD_IS_SAID = {"dead_letters": {"per_second_max": 100_000}}
"""A record that cannot be read becomes an output of its own, so each one that is applied twice is seen."""


@contextmanager
def poison_without_end(stage: Stage, each: int = 50, pause_s: float = 0.02) -> Iterator[None]:
    """About 2,000 unreadable records a second to each partition, no two alike."""
    enough = threading.Event()

    def send() -> None:
        for start in itertools.count(0, each):
            for p in range(stage.partitions):
                stage.produce(Input.PREDICTIONS, p, [b"{%d" % i for i in range(start, start + each)])
            if enough.wait(pause_s):
                return

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        enough.set()
        sender.join()


def test_R4_sigterm_under_load_ends_with_0_and_the_successor_replays_nothing(make_stage: MakeStage) -> None:
    stage = make_stage(more=EVERY_RECORD_IS_SAID, worker={"snapshot_every": "1h"})
    stage.create_topics()
    with poison_without_end(stage):
        for _ in range(3):
            worker = stage.start_worker()
            before = stage.applied() or stage.ends()
            goal = {at: offset + 500 for at, offset in before.items() if at[0] is Input.PREDICTIONS}
            stage.wait_until_applied(goal)
            code, took_s = worker.terminate()
            assert code == 0, worker.end_of_log()
            assert took_s < 10, worker.end_of_log()
    stage.start_worker()
    stage.wait_until_applied()
    assert stage.running()[0].terminate()[0] == 0
    agreed = assert_live_equals_replay(stage)
    assert agreed.by_topic[OutputTopic.DEAD_LETTERS] > 3_000
    assert agreed.written_again == 0


def test_R3_after_a_kill_of_all_workers_a_cold_start_goes_on_from_the_last_snapshots(make_stage: MakeStage) -> None:
    stage = make_stage(more=EVERY_RECORD_IS_SAID, worker={"snapshot_every": "1s"}, partitions=4)
    stage.create_topics()
    both = [stage.start_worker(), stage.start_worker()]
    with poison_without_end(stage):
        stage.wait_for(lambda: all(worker.health().get("partitions") == 2 for worker in both), "two partitions each")
        goal = {at: end + 1_000 for at, end in stage.ends().items() if at[0] is Input.PREDICTIONS}
        stage.wait_until_applied(goal)
    for worker in both:
        worker.kill()
    stage.start_worker()
    stage.wait_until_applied()
    assert stage.running()[0].terminate()[0] == 0
    agreed = assert_live_equals_replay(stage)
    # a snapshot a second: far fewer are read again than were written
    assert agreed.written_again < agreed.by_topic[OutputTopic.DEAD_LETTERS] / 2
