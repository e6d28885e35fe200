"""`driftline worker`: reads predictions and labels from Kafka, and says what has drifted."""

from __future__ import annotations

import platform
import time
from pathlib import Path
from typing import Annotated

import typer

from driftline.cli.failures import explained, refuse
from driftline.cli.partitions import Partitions
from driftline.cli.version import versions_in_use
from driftline.cli.worker_topics import wrong_topics
from driftline.config.config import Config
from driftline.config.kafka_client import aiokafka_settings
from driftline.config.load import default_config, load_config
from driftline.processors.streaming.run import run
from driftline.processors.streaming.worker import EXIT_SETUP, Worker
from driftline.processors.warm_up import warm_up
from driftline.schemas.outputs import Output, OutputTopic
from driftline.sinks.kafka_side import KafkaSide
from driftline.sinks.prometheus import WorkerMetrics


def worker(
    config: Annotated[
        Path | None, typer.Option(help="Configuration; without one, models are discovered and learnt.")
    ] = None,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Watch the predictions on Kafka until a signal ends it; several workers of a group share the partitions."""
    with explained():
        settings = load_config(config) if config is not None else default_config()
        built = build_worker(settings)
        wrong = wrong_topics(settings)
    if wrong is not None:
        refuse(wrong, EXIT_SETUP)
    warm_up()
    run(built.app, log_level)


def build_worker(config: Config) -> Worker:
    """Everything wired. Raises DriftlineError for what is wrong with the configuration or a reference."""
    kafka = aiokafka_settings(config.broker)
    partitions = Partitions(config)
    metrics = WorkerMetrics(versions_in_use()["driftline"])

    def acknowledged(output: Output, appended_ms: int) -> None:
        if output.topic is OutputTopic.ALERTS:
            metrics.alert_written(time.time() - appended_ms / 1000)

    def outside() -> KafkaSide:
        return KafkaSide(
            kafka,
            client_id=f"driftline-{config.worker.instance or platform.node()}",
            topics={topic: getattr(config.topics, topic.value) for topic in OutputTopic},
            snapshots_topic=config.topics.snapshots,
            waiting_max=config.worker.outbox_max,
            compression=config.worker.compression,
            acknowledged=acknowledged,
        )

    return Worker(
        config,
        kafka,
        outside,
        metrics,
        fresh=partitions.fresh,
        restored=partitions.restored,
        outputs_of=partitions.outputs_of,
    )
