"""`driftline demo --service-only`: the simulated service alone, until a signal ends it."""

from __future__ import annotations

import signal
import threading
from typing import Final

from rich.console import Console

from driftline.cli.broker_option import settings_with
from driftline.config.kafka_client import librdkafka_settings
from driftline.producers.publisher import Publisher
from driftline.producers.publisher_counts import Counts
from driftline.producers.simulated_service import SimulatedService
from driftline.producers.simulated_stream import Simulation

_TOLD_EVERY_S: Final = 10.0


def run_service(bootstrap_servers: str | None, simulation: Simulation) -> int:
    """Publish to the topics of the configuration in the environment (`DRIFTLINE_BROKER__...`); the exit code."""
    config = settings_with(None, bootstrap_servers)
    servers, topics = config.broker.bootstrap_servers, config.topics
    kafka = {name: value for name, value in librdkafka_settings(config.broker).items() if name != "bootstrap.servers"}
    stop = _ended_by_signals()
    console = Console(highlight=False, soft_wrap=True)
    with Publisher(servers, predictions_topic=topics.predictions, labels_topic=topics.labels, kafka=kafka) as publisher:
        service = SimulatedService(publisher, simulation)
        playing = threading.Thread(target=service.run, args=(stop,), name="simulated service")
        playing.start()
        console.print(f"publishing {simulation.rate_per_s:,g} predictions/s to {servers}")
        told = False
        while not stop.wait(_TOLD_EVERY_S):
            console.print(_counts(publisher.counts()))
            if not told and service.drifting and simulation.drift is not None:
                told = True
                console.print(f"planted: {simulation.drift.told} ({simulation.drift.model})")
        playing.join()
        publisher.flush()
        console.print(_counts(publisher.counts()))
    return 0


def _counts(counts: Counts) -> str:
    return (
        f"{counts.predictions:,} predictions, {counts.labels:,} labels: {counts.delivered:,} delivered, "
        f"{counts.queued:,} on their way, {counts.dropped_total:,} dropped"
    )


def _ended_by_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
