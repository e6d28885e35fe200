"""What services send: logs of predictions and labels with everything that goes wrong in them, of several models."""

from __future__ import annotations

import functools
import itertools
import random
import threading
import time
from collections.abc import Sequence

import orjson

from driftline.schemas.inputs import Input
from tests.core.logs import START_MS, make_log
from tests.streaming.stage import Stage


def models_of(partition: int) -> tuple[str, str]:
    """Two models live on each partition."""
    return f"m{partition}-a", f"m{partition}-b"


def send_log(stage: Stage, seed: int, n: int, part: slice = slice(None)) -> None:
    """About n predictions and n / 2 labels to each partition, with the record times of the log.

    They are out of order, late, doubled, implausible and unreadable, and drift after 60 %. `part`: only these predictions,
    and their labels, so that a log can be sent in several parts.
    """
    for p in range(stage.partitions):
        values, times = predictions(seed + p, n, p)
        stage.produce(Input.PREDICTIONS, p, values[part], times[part])
        values, times = labels(seed + p, n, p)
        half = slice(*(None if at is None else at // 2 for at in (part.start, part.stop)))
        stage.produce(Input.LABELS, p, values[half], times[half])


class Trickle:
    """Sends a log bit by bit from a thread of its own; `join` waits for the last bit."""

    def __init__(self, stage: Stage, seed: int, n: int, *, bits: int, over_s: float) -> None:
        bounds = [2 * (n * i // bits // 2) for i in range(bits)] + [n]

        def send() -> None:
            for start, stop in itertools.pairwise(bounds):
                send_log(stage, seed, n, slice(start, stop))
                time.sleep(over_s / bits)

        self._thread = threading.Thread(target=send)
        self._thread.start()

    def join(self) -> None:
        """Until all is sent."""
        self._thread.join()


@functools.lru_cache(maxsize=64)
def predictions(seed: int, n: int, partition: int) -> tuple[Sequence[bytes], Sequence[int]]:
    """Payloads and record times; one in 200 is cut short."""
    rng = random.Random(seed)
    log = make_log(seed, n)
    named = [b'"model":"%b"' % name.encode() for name in models_of(partition)]
    return [raw.replace(b'"model":"m"', rng.choice(named)) for raw in log.records], log.record_ms


@functools.lru_cache(maxsize=64)
def labels(seed: int, n: int, partition: int) -> tuple[Sequence[bytes], Sequence[int]]:
    """n / 2 of them; one in 50 cannot be read."""
    rng = random.Random(seed)
    values, times, now = [], [], START_MS
    for i in range(n // 2):
        now += rng.randrange(20_000)
        label = {"prediction_id": f"id-{i}", "model": rng.choice(models_of(partition)), "timestamp": now, "label": 1}
        values.append(orjson.dumps(label) if rng.random() > 0.02 else b"{%d" % i)
        times.append(now)
    return values, times
