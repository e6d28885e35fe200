"""R6, R8, R22, R25: what a group of workers goes through under load; in the end nothing is lost or counted twice."""

from __future__ import annotations

import random
import time
from pathlib import Path

from driftline.schemas.inputs import Input
from driftline.schemas.outputs import OutputTopic
from tests.faults.conftest import Figure
from tests.faults.crew import Crew
from tests.faults.dance import LIVE_MODELS, stage_of_the_dance
from tests.faults.load import constant_load
from tests.servers.fixtures import StartKafka
from tests.streaming.conftest import MakeStage
from tests.streaming.recompute import assert_live_equals_replay
from tests.streaming.stage import LOG_APPEND_TIME, Stage

RATE = 1_500


def test_R6_a_storm_of_rebalances_ends_and_all_partitions_are_read_again(
    make_stage: MakeStage, test_seed: int, figure: Figure
) -> None:
    stage = make_stage(models=LIVE_MODELS, worker={"snapshot_every": "1s"}, partitions=4)
    stage.create_topics(LOG_APPEND_TIME)
    crew, rng = Crew(stage), random.Random(test_seed)
    with constant_load(stage, RATE):
        crew.start_all()
        crew.all_ready()
        for _ in range(10):
            if crew.down:
                crew.start(rng.choice(crew.down))
            elif rng.random() < 0.5:
                crew.terminate(rng.choice(sorted(crew.alive)))
            else:
                crew.kill(rng.choice(sorted(crew.alive)))
            time.sleep(rng.uniform(1, 4))
        crew.start_all()
        took_s = crew.caught_up(stage.ends(), time.monotonic())
    assert took_s < 30
    assert not crew.exits
    agreed = finished(stage, crew)
    figure("R6", f"10 changes, caught up {took_s:.1f} s after the last; {agreed}")


def test_R8_five_bounces_of_the_broker_under_load_cost_no_record(
    start_kafka: StartKafka, tmp_path: Path, figure: Figure
) -> None:
    server = start_kafka()
    stage = stage_of_the_dance(server, tmp_path, partitions=4)
    crew = Crew(stage, names=("a", "b"))
    waits = []
    try:
        with constant_load(stage, RATE):
            crew.start_all()
            crew.all_ready()
            for down_s in (0.0, 1.0, 3.0, 6.0, 12.0):
                goal = stage.ends()
                server.kill()
                time.sleep(down_s)
                server.restart()
                waits.append(crew.caught_up(goal, time.monotonic()))
                time.sleep(1)
        assert len(crew.exits) <= 5, crew.exits
        agreed = finished(stage, crew)
    finally:
        stage.kill_workers()
    figure(
        "R8",
        f"5 bounces, caught up {max(waits):.1f} s after the broker at most; exits {crew.exits or 'none'}; {agreed}",
    )


def test_R22_a_flood_of_nothing_but_poison_is_sampled_and_counted_exactly(
    make_stage: MakeStage, figure: Figure
) -> None:
    stage = make_stage(models=LIVE_MODELS, partitions=1)
    stage.create_topics(LOG_APPEND_TIME)
    worker = stage.start_worker()
    worker.wait_until_ready()
    sent = 300_000
    for start in range(0, sent, 5_000):
        stage.produce(Input.PREDICTIONS, 0, [b'{"poison":%d' % i for i in range(start, start + 5_000)])
    stage.wait_until_applied()
    assert worker.metric("driftline_events_consumed_total") == sent
    assert worker.metric('driftline_events_total{outcome="rejected",partition="0"}') == sent
    assert worker.terminate()[0] == 0
    agreed = assert_live_equals_replay(stage)
    letters = agreed.by_topic[OutputTopic.DEAD_LETTERS]
    seconds = {message.timestamp()[1] // 1000 for message in stage.read(stage.topics.predictions)}
    # a hundred for each second of record time, and each hundredth beyond
    assert 100 < letters <= 101 * len(seconds) + sent / 100
    figure("R22", f"{sent:,} unreadable records in {len(seconds)} s, all counted, {letters:,} dead letters")


def test_R25_a_wall_clock_that_is_an_hour_wrong_and_leaps_changes_nothing_that_is_said(
    make_stage: MakeStage, figure: Figure
) -> None:
    stage = make_stage(models=LIVE_MODELS, worker={"snapshot_every": "1s"})
    stage.create_topics(LOG_APPEND_TIME)
    skewed = {"command": ("-m", "tests.faults.skewed_worker"), "environment": {"SKEW_S": "3600"}}
    crew = Crew(stage, names=("a", "b"), arguments=skewed)
    with constant_load(stage, RATE):
        crew.start_all()
        crew.all_ready()
        time.sleep(12)  # there is a leap in it
        crew.kill("a")
        crew.caught_up(stage.ends(), time.monotonic())
    assert not crew.exits
    figure("R25", f"{finished(stage, crew)}")


def finished(stage: Stage, crew: Crew) -> str:
    """Everything is applied and saved, and as recomputed."""
    crew.caught_up(stage.ends(), time.monotonic())
    for name in sorted(crew.alive):
        code, _ = crew.terminate(name)
        assert code == 0
    agreed = assert_live_equals_replay(stage)
    return f"{agreed.records:,} records, 0 differences; {agreed.written_again} outputs again"
