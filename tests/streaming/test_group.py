"""The group around a worker, and topics that are not as they should be: it goes on, or ends and says why."""

from __future__ import annotations

import time

from driftline.processors.streaming.worker import EXIT_SETUP
from driftline.schemas.inputs import Input
from tests.streaming.conftest import MakeStage
from tests.streaming.recompute import kept_state
from tests.streaming.stage import CREATE_TIME, Stage
from tests.streaming.traffic import predictions, send_log

P, L = Input.PREDICTIONS, Input.LABELS


def test_R7_a_worker_more_than_partitions_is_ready_on_standby_and_takes_over(make_stage: MakeStage) -> None:
    stage = make_stage(partitions=1)
    stage.create_topics()
    send_log(stage, 7, 500)
    workers = [stage.start_worker(), stage.start_worker()]

    def states() -> list[tuple[str, object]]:
        found = [worker.health() for worker in workers]
        return sorted((str(health.get("state")), health.get("ready")) for health in found)

    stage.wait_for(lambda: states() == [("running", True), ("standby", True)], "one runs, one is on standby")
    stage.wait_until_applied()
    time.sleep(2)
    assert states() == [("running", True), ("standby", True)], "and it stays so"
    (busy,) = [worker for worker in workers if worker.health()["state"] == "running"]
    busy.kill()
    (idle,) = stage.running()
    idle.wait_for(lambda: idle.health().get("partitions") == 1, "the standby has the partition")
    idle.wait_until_ready()


def test_unequal_partition_counts_end_a_worker_with_78_and_a_sentence(make_stage: MakeStage) -> None:
    stage = make_stage()
    stage.create_topics(labels=3)
    worker = stage.start_worker()
    assert worker.wait() == EXIT_SETUP
    assert "need the same number of partitions" in worker.end_of_log()


def test_R10_a_topic_made_anew_under_a_state_ends_the_worker_with_78_and_says_which(stage: Stage) -> None:
    send_log(stage, 10, 400)
    worker = stage.start_worker()
    stage.wait_until_applied()
    assert worker.terminate()[0] == 0
    made_anew(stage)
    successor = stage.start_worker()
    assert successor.wait() == EXIT_SETUP
    assert f"{stage.topics.predictions}/0 up to offset 400" in successor.end_of_log()
    assert "made anew" in successor.end_of_log()


def test_R10_a_topic_made_anew_under_a_running_worker_is_noticed(stage: Stage) -> None:
    send_log(stage, 11, 400)
    worker = stage.start_worker()
    stage.wait_until_applied()
    made_anew(stage)
    send_log(stage, 11, 100)
    worker.wait()
    assert "ending with code" in worker.end_of_log()
    successor = stage.start_worker()
    assert successor.wait() == EXIT_SETUP
    assert "made anew" in successor.end_of_log()


def made_anew(stage: Stage) -> None:
    """Delete the predictions and create them again."""
    stage.delete_topic(stage.topics.predictions)
    stage.create_topics(CREATE_TIME, without={use for use, _ in stage.topics} - {"predictions"})


def test_R11_records_that_retention_took_before_they_were_read_are_counted_and_the_rest_is_read(stage: Stage) -> None:
    values, times = predictions(12, 1_000, 0)
    stage.produce(P, 0, values[:300], times[:300])
    first = stage.start_worker()
    stage.wait_until_applied()
    assert first.terminate()[0] == 0
    stage.produce(P, 0, values[300:900], times[300:900])
    stage.delete_records(P, 0, before=700)
    second = stage.start_worker()
    stage.wait_until_applied()
    stage.produce(P, 0, values[900:], times[900:])
    stage.wait_until_applied()
    assert second.terminate()[0] == 0
    kept = kept_state(stage, 0)
    assert kept.skipped[P] == 400
    assert kept.next[P] == 1_000
    assert kept.counters().consumed == 600


def test_R11_retention_that_left_nothing_at_all_is_no_stall(make_stage: MakeStage) -> None:
    stage = make_stage(worker={"stalled_after": "6s"})
    stage.create_topics()
    values, times = predictions(13, 600, 0)
    stage.produce(P, 0, values[:300], times[:300])
    first = stage.start_worker()
    stage.wait_until_applied()
    assert first.terminate()[0] == 0
    stage.produce(P, 0, values[300:400], times[300:400])
    stage.delete_records(P, 0, before=400)
    second = stage.start_worker()
    second.wait_until_ready()
    time.sleep(9)
    assert second.health()["ready"], second.end_of_log()
    assert second.health()["lag"] == 0
    stage.produce(P, 0, values[400:], times[400:])
    stage.wait_until_applied()
    assert second.terminate()[0] == 0
    assert kept_state(stage, 0).skipped[P] == 100
