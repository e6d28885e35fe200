"""The live demo from start to end: everything comes up, a drift is planted, an alert arrives, everything goes down."""

from __future__ import annotations

import dataclasses
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from rich.console import Console
from rich.text import Text

from driftline.cli.demo_broker import Broker, open_broker
from driftline.cli.demo_screen import Screen
from driftline.cli.demo_setup import REFERENCE_ROWS, WINDOW_S, build_references, write_config
from driftline.cli.demo_story import Story
from driftline.cli.demo_tail import signals_of
from driftline.cli.demo_words import budget_in_words, closing, drifted_until
from driftline.cli.demo_worker import WorkerProcess, environment
from driftline.cli.findings import Findings
from driftline.config.kafka_client import librdkafka_settings
from driftline.producers.publisher import Publisher
from driftline.producers.simulated_service import SimulatedService
from driftline.producers.simulated_stream import Simulation
from driftline.schemas.signals import AlertOpened, Signal, WindowClosed

EXIT_NO_ALERT: Final = 1
EXIT_INTERRUPTED: Final = 130

_ALERT_S_MAX: Final = 20.0
_WINDOW_S_MAX: Final = 4.0 * WINDOW_S
_READ_S_MAX: Final = 30.0
_POLL_S: Final = 0.1
_OTHERS_SHOWN: Final = 3


def run_live(console: Console, bootstrap_servers: str | None, simulation: Simulation) -> int:
    """Run the demo; the exit code: 0 if the alert arrived. Raises DriftlineError when something does not come up.

    bootstrap_servers: a Kafka to use; None = the embedded broker.
    """
    try:
        with (
            _sigterm_as_interrupt(),
            tempfile.TemporaryDirectory(prefix="driftline-demo-") as folder,
            Screen(console) as screen,
        ):
            return _run(screen, Path(folder), bootstrap_servers, simulation)
    except KeyboardInterrupt:
        console.print("stopped before its end; nothing is left running")
        return EXIT_INTERRUPTED


def _run(screen: Screen, folder: Path, bootstrap_servers: str | None, simulation: Simulation) -> int:
    screen.title("two models at work, and one of them is about to go wrong")
    with open_broker(bootstrap_servers) as broker:
        screen.say("broker", broker.told)
        screen.meanwhile("drawing a sample of each model")
        screen.references = build_references()
        screen.say("reference", f"{REFERENCE_ROWS:,} predictions of each model, from when all was well")
        config = write_config(folder, broker, screen.references, simulation)
        with WorkerProcess(config, folder / "worker.log", environment(bootstrap_servers)) as worker:
            screen.meanwhile("the worker starts (compiles first after an installation: half a minute)")
            worker.wait_until_ready()
            screen.say("worker", f"process {worker.pid}; health, metrics: {worker.address}")
            return _play(screen, broker, worker, simulation)


def _play(screen: Screen, broker: Broker, worker: WorkerProcess, simulation: Simulation) -> int:
    findings = Findings()
    publisher = _publisher(broker)
    with signals_of(broker) as read_signals, publisher:
        with _serving(publisher, simulation) as service:
            screen.say("service", f"{simulation.rate_per_s:,g} predictions/s, labels follow; {budget_in_words()}")
            story = _watch(screen, read_signals, worker, service, findings)
        publisher.flush()
        sent = publisher.counts().predictions
        screen.meanwhile("reading the rest")
        outcomes = _read_to_end(worker, sent)
    screen.end()
    closing(screen.console, story, findings, screen.references, sent, outcomes)
    return 0 if story.alert is not None else EXIT_NO_ALERT


def _watch(
    screen: Screen,
    read_signals: Callable[[], list[Signal]],
    worker: WorkerProcess,
    service: SimulatedService,
    findings: Findings,
) -> Story:
    """Show what happens until the story is over, or has taken too long."""
    drift = service.simulation.drift
    assert drift is not None
    story = Story(drift, service.drift_begins_ms or 0)
    told, second, sent, read = False, time.monotonic(), 0, 0
    while not story.over:
        worker.check()
        if not told and service.drifting:
            told = True
            screen.say("planted", Text(drift.told))
        for said in read_signals():
            findings.look_at([said])
            story.look_at(said)
            _show(screen, story, service, said)
        if time.monotonic() - second >= 1:
            second, before, sent = second + 1, sent, service.predictions
            read = worker.outcomes().total() or read
            screen.traffic(sent - before, sent, service.labels, read)
        late_s = time.time() - story.begins_ms / 1000
        if late_s > (_ALERT_S_MAX if story.alert is None else _WINDOW_S_MAX):
            break
    return story


def _show(screen: Screen, story: Story, service: SimulatedService, said: Signal) -> None:
    if isinstance(said, WindowClosed):
        if said.length_ms == WINDOW_S * 1000:
            screen.window(said)
    elif isinstance(said, AlertOpened):
        alert = said.alert
        if alert is story.alert:
            screen.alert(alert, story.begins_ms, drifted_until(service, alert.detected_ms))
        elif alert.detected_ms < story.begins_ms or story.others <= _OTHERS_SHOWN:
            screen.other_alert(alert)


def _read_to_end(worker: WorkerProcess, sent: int) -> Counter[str]:
    """What became of the predictions, once the worker has read all, or has had its time."""
    deadline = time.monotonic() + _READ_S_MAX
    while (outcomes := worker.outcomes()).total() < sent and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return outcomes


def _publisher(broker: Broker) -> Publisher:
    kafka = librdkafka_settings(broker.settings)
    others = {name: value for name, value in kafka.items() if name != "bootstrap.servers"}
    topics, servers = broker.topics, broker.settings.bootstrap_servers
    return Publisher(servers, predictions_topic=topics.predictions, labels_topic=topics.labels, kafka=others)


@contextmanager
def _serving(publisher: Publisher, simulation: Simulation) -> Iterator[SimulatedService]:
    """The service on a thread of its own, as long as the block lasts."""
    start_ms = time.time_ns() // 1_000_000
    service = SimulatedService(publisher, _from_a_window_on(simulation, start_ms), start_ms)
    stop = threading.Event()
    thread = threading.Thread(target=service.run, args=(stop,), name="simulated service", daemon=True)
    thread.start()
    try:
        yield service
    finally:
        stop.set()
        thread.join()


def _from_a_window_on(simulation: Simulation, start_ms: int) -> Simulation:
    """The drift put off to where a window begins, so that the next picture shows all of it."""
    window_ms = 1000 * WINDOW_S
    begins_ms = -(-(start_ms + round(simulation.drift_after_s * 1000)) // window_ms) * window_ms
    return dataclasses.replace(simulation, drift_after_s=(begins_ms - start_ms) / 1000)


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """SIGTERM ends the demo as Ctrl-C does, with everything that it started."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
