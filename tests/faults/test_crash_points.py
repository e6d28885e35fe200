"""R2 and R5: a worker that dies or freezes at a named point of its work, on a real Kafka."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

from tests.faults.conftest import Figure
from tests.faults.dance import LIVE_MODELS
from tests.faults.doomed_worker import DIED, PUT, STEPS
from tests.faults.load import constant_load
from tests.streaming.conftest import MakeStage
from tests.streaming.recompute import assert_live_equals_replay
from tests.streaming.stage import LOG_APPEND_TIME, SESSION_TIMEOUT_S, Stage

WHEN = ("before", "amid", "after")
FROZEN_S = 2 * SESSION_TIMEOUT_S
ZOMBIES = ("amid append 2", "before append 3", "amid commit 3", "before put 4")


def test_R2_a_death_at_every_named_point_loses_nothing_and_counts_nothing_twice(
    make_stage: MakeStage, test_seed: int, figure: Figure
) -> None:
    """One worker after the other takes the partitions over and dies at the next point, in random order, under load.

    Each is the same member of the group to the broker, so that nobody waits for a session to end. The third `append` is
    the second snapshot's or the first one's tombstones, as the partitions go.
    """
    stage = make_stage(models=LIVE_MODELS, worker={"snapshot_every": "300ms", "instance": "doomed"})
    stage.create_topics(LOG_APPEND_TIME)
    rng = random.Random(test_seed)
    points = [f"{when} {step} {rng.randrange(2, 6)}" for when in WHEN for step in (*STEPS, PUT)]
    points += [f"amid append {number}" for number in (1, 2, 3, 4)]
    rng.shuffle(points)
    with constant_load(stage, 1_000):
        for point in points:
            worker = stage.start_worker(command=("-m", "tests.faults.doomed_worker"), environment={"DOOM": point})
            assert worker.wait() == DIED, f"{point}:\n{worker.end_of_log()}"
    stage.start_worker()
    stage.wait_until_applied()
    assert stage.running()[0].terminate()[0] == 0
    agreed = assert_live_equals_replay(stage)
    figure(
        "R2", f"{len(points)} deaths, {agreed.records:,} records, 0 differences; {agreed.written_again} outputs again"
    )


def test_R5_a_zombie_that_wakes_up_in_the_midst_of_a_snapshot_does_no_harm(
    make_stage: MakeStage, figure: Figure
) -> None:
    """It is frozen for two session timeouts, while another one takes over, goes on and saves."""
    stage = make_stage(models=LIVE_MODELS, worker={"snapshot_every": "300ms"})
    stage.create_topics(LOG_APPEND_TIME)
    with constant_load(stage, 1_000):
        for point in ZOMBIES:
            doom = {"DOOM": point, "DOOM_BY": "freeze"}
            zombie = stage.start_worker(command=("-m", "tests.faults.doomed_worker"), environment=doom)
            stage.wait_for(lambda pid=zombie.pid: is_stopped(pid), f"frozen {point}")
            began = time.monotonic()
            stage.start_worker()
            wait_for_another(stage, zombie.pid)
            time.sleep(max(FROZEN_S - (time.monotonic() - began), 0))
            os.kill(zombie.pid, signal.SIGCONT)
            # it is a member again, or has ended itself
            stage.wait_for(lambda zombie=zombie: zombie.exit_code is not None or zombie.health().get("ready"), "awake")
            stage.wait_until_applied()
            for worker in stage.running():
                worker.kill()
    stage.start_worker()
    stage.wait_until_applied()
    assert stage.running()[0].terminate()[0] == 0
    agreed = assert_live_equals_replay(stage)
    figure(
        "R5", f"{len(ZOMBIES)} zombies, {agreed.records:,} records, 0 differences; {agreed.written_again} outputs again"
    )


def is_stopped(pid: int) -> bool:
    """State T of proc(5)."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "T"


def wait_for_another(stage: Stage, zombie: int) -> None:
    """Until others have applied what is there now."""
    goal = stage.ends()
    others = [worker for worker in stage.running() if worker.pid != zombie]
    stage.wait_for(
        lambda: all(max(worker.applied().get(at, 0) for worker in others) >= end for at, end in goal.items()),
        f"another one has applied up to {goal}",
    )
