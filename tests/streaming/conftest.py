"""A stage for each test; whatever it started is ended with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from driftline.config.broker_settings import TopicSettings
from tests.servers.fixtures import Kafka
from tests.streaming.stage import Stage

MakeStage = Callable[..., Stage]


@pytest.fixture
def make_stage(kafka: Kafka, topic_names: TopicSettings, tmp_path: Path) -> Iterator[MakeStage]:
    """A stage on the shared Kafka, without topics yet; the arguments are those of Stage."""
    stages: list[Stage] = []

    def make(**arguments: Any) -> Stage:
        stages.append(Stage(kafka.bootstrap_servers, topic_names, tmp_path, **arguments))
        return stages[-1]

    yield make
    for stage in stages:
        stage.kill_workers()


@pytest.fixture
def stage(make_stage: MakeStage) -> Stage:
    """The usual one: two partitions, and all topics are there, with the record times of the producers."""
    made = make_stage()
    made.create_topics()
    return made
