"""A constant load of predictions and labels, until SIGTERM: `python -m tests.faults.load --help`.

It drifts and comes back, and holds some of everything that goes wrong: repeats, late and implausible events, poison.
"""

from __future__ import annotations

import argparse
import itertools
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import orjson
from confluent_kafka import Producer

from driftline.schemas.inputs import Input
from tests.core.logs import event
from tests.project.repository import ROOT
from tests.servers.kafka import QUIET
from tests.streaming.stage import Stage

LABELS_EVERY: Final = 5

_TEMPLATES: Final = 500
_PHASE_S: Final = 15.0
"""How long the service is as it was, and then drifts."""

_AT: Final = b"1111111111111"
_ID: Final = b"000000000000"


@contextmanager
def constant_load(stage: Stage, rate: int) -> Iterator[None]:
    """`rate` predictions a second, over all partitions, from a process of its own."""
    command = [sys.executable, "-m", "tests.faults.load", "--rate", str(rate), "--partitions", str(stage.partitions)]
    command += ["--bootstrap-servers", stage.bootstrap_servers]
    command += [f"--{source}={stage.topic(source)}" for source in Input]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(120) == 0, "the load could not be delivered"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap-servers", required=True)
    parser.add_argument("--partitions", type=int, required=True)
    parser.add_argument("--rate", type=int, required=True, help="predictions a second")
    parser.add_argument("--seed", type=int, default=1)
    for source in Input:
        parser.add_argument(f"--{source}", required=True, metavar="TOPIC")
    given = parser.parse_args()
    enough = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: enough.set())
    own = {"enable.idempotence": True, "linger.ms": 20, "message.timeout.ms": 300_000}
    producer = Producer({"bootstrap.servers": given.bootstrap_servers, **own, **QUIET})
    topics = {source: getattr(given, source) for source in Input}
    events = _events(random.Random(given.seed), given.partitions)
    began, sent = time.monotonic(), 0
    while not enough.wait(0.02):
        due = int((time.monotonic() - began) * given.rate)
        for partition, source, value in itertools.islice(events, due - sent):
            producer.produce(topics[source], value, partition=partition)
        sent = max(sent, due)
        producer.poll(0)
    return producer.flush(60)


def _events(rng: random.Random, partitions: int) -> Iterator[tuple[int, Input, bytes]]:
    """Predictions round the partitions, each fifth followed by its label."""
    calm, drifting = (_templates(rng, shift) for shift in (0.0, 1.0))
    began = time.monotonic()
    for i in itertools.count():
        partition = i % partitions
        now_ms = int(time.time() * 1000)
        templates = drifting if int((time.monotonic() - began) / _PHASE_S) % 2 else calm
        what = rng.random()
        at_ms = now_ms - rng.randrange(1_500)
        if what < 0.01:
            at_ms -= 60_000  # late
        elif what < 0.015:
            at_ms += 3_600_000  # implausible
        number = i if what < 0.98 else max(i - partitions * rng.randrange(50), 0)  # the latter: sent again
        value = templates[i % _TEMPLATES].replace(_AT, b"%d" % at_ms).replace(_ID, b"%012d" % number)
        value = value.replace(b"model-of-p", b"model-of-%d" % partition)
        yield partition, Input.PREDICTIONS, value if what > 0.002 else value[: i % 200]
        if i // partitions % LABELS_EVERY == 0:
            label = b'{"prediction_id":"%012d","model":"model-of-%d","timestamp":%d,"label":1}'
            yield partition, Input.LABELS, label % (i, partition, now_ms)


def _templates(rng: random.Random, shift: float) -> list[bytes]:
    changes = {"model": "model-of-p", "prediction_id": _ID.decode()}
    return [orjson.dumps(event(rng, i, int(_AT), shift, **changes)) for i in range(_TEMPLATES)]


if __name__ == "__main__":
    sys.exit(main())
