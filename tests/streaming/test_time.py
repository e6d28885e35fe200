"""Time that passes: where nothing comes, ticks in the log close the windows, and a replay sees them too."""

from __future__ import annotations

import random
import time

import orjson

from driftline.schemas.control import is_tick
from driftline.schemas.inputs import Input
from tests.core.logs import event
from tests.streaming.conftest import MakeStage
from tests.streaming.recompute import assert_live_equals_replay
from tests.streaming.stage import LOG_APPEND_TIME, MODELS, Stage


def test_R18_windows_of_a_silent_model_close_by_ticks_that_a_replay_sees_too(make_stage: MakeStage) -> None:
    idle = {"windows": ["2s", "4s"], "lateness": "1s", "idle_after": "2s", "learn_from": 100}
    stage = make_stage(models={**MODELS, **idle}, partitions=1)
    stage.create_topics(LOG_APPEND_TIME)
    worker = stage.start_worker()
    worker.wait_until_ready()
    rng = random.Random(18)
    now_ms = int(time.time() * 1000)
    stage.produce(Input.PREDICTIONS, 0, [orjson.dumps(event(rng, i, now_ms, 0.0)) for i in range(200)])
    # the events that were learnt from are one window of each length, those after them another
    stage.wait_for(lambda: closed_lengths(stage) == [2_000, 2_000, 4_000, 4_000], "all windows are closed")
    ticked = len(ticks(stage))
    assert ticked > 0
    # nothing is open any more, so time may pass without a word
    stage.wait_until_applied()
    time.sleep(3)
    assert len(ticks(stage)) <= ticked + 1
    assert worker.terminate()[0] == 0
    assert_live_equals_replay(stage)


def closed_lengths(stage: Stage) -> list[int]:
    """Lengths of the closed windows of the whole traffic."""
    said = [orjson.loads(message.value() or b"") for message in stage.read(stage.topics.windows)]
    closed = [signal for signal in said if signal["signal"] == "window_closed" and not signal["segment"]]
    return sorted(window["length_ms"] for window in closed)


def ticks(stage: Stage) -> list[int]:
    """Record times of the ticks of both inputs."""
    found = [message for source in Input for message in stage.read(stage.topic(source))]
    return [message.timestamp()[1] for message in found if is_tick(message.headers() or [])]
