"""A broker that goes away and comes back: the worker waits for it, and goes on."""

from __future__ import annotations

from pathlib import Path

from driftline.config.broker_settings import TopicSettings
from tests.servers.fixtures import StartKafka
from tests.streaming.recompute import assert_live_equals_replay
from tests.streaming.stage import Stage
from tests.streaming.traffic import send_log

EVENTS = 1_500


def test_R8_a_broker_that_is_killed_and_comes_back_costs_no_record_and_no_restart(
    start_kafka: StartKafka, topic_names: TopicSettings, tmp_path: Path, test_seed: int
) -> None:
    server = start_kafka()
    stage = Stage(server.bootstrap_servers, topic_names, tmp_path)
    try:
        stage.create_topics()
        send_log(stage, test_seed, EVENTS, slice(0, EVENTS // 2))
        worker = stage.start_worker()
        stage.wait_until_applied()
        server.kill()
        stage.wait_for(lambda: "does not answer" in worker.log_text(), "the worker sees that the broker is away")
        assert worker.live()
        server.restart()
        send_log(stage, test_seed, EVENTS, slice(EVENTS // 2, EVENTS))
        stage.wait_until_applied()
        worker.wait_until_ready()
        code, _ = worker.terminate()
        assert code == 0, worker.end_of_log()
        assert_live_equals_replay(stage)
    finally:
        stage.kill_workers()
