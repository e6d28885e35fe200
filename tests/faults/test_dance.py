"""R1, R3, R4, R5 together: twenty rounds of the dance; `python -m tests.faults.dance` does more."""

from __future__ import annotations

from tests.faults.conftest import Figure
from tests.faults.dance import LIVE_MODELS, PARTITIONS, dance
from tests.streaming.conftest import MakeStage
from tests.streaming.stage import LOG_APPEND_TIME


def test_R1_R5_twenty_rounds_of_the_dance_lose_nothing_and_count_nothing_twice(
    make_stage: MakeStage, test_seed: int, figure: Figure
) -> None:
    stage = make_stage(models=LIVE_MODELS, worker={"snapshot_every": "1s"}, partitions=PARTITIONS)
    stage.create_topics(LOG_APPEND_TIME)
    said: list[str] = []
    dance(stage, 20, test_seed, 2_000, said.append)
    figure("dance", "\n".join(said))
