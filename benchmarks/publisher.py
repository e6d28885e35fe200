"""What publishing costs the service that does it: one call of the publisher beside a call that does nothing, in one run.

    python benchmarks/publisher.py                 # both brokers, about 20 seconds
    python benchmarks/publisher.py --calls 20000

The broker is librdkafka's mock cluster in a process of its own, or a port where nobody listens. Each request times both
calls with the same arguments, the one that does nothing first and last in turn, and then either ends at once (burst) or
waits a millisecond (paced: caches are cold then, as in a service that does other things between).
"""

import argparse
import json
import logging
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from layout import RESULTS
from machine import facts

from driftline.producers.publisher import Publisher

MEDIAN_US_MAX = 10.0
P99_US_MAX_MORE = 20.0  # p99 <= 2 x that of a call that does nothing + this
FEATURES = 20

HOST = """
from confluent_kafka import Producer
import sys
host = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "mock", "log_level": 0})
print(",".join(f"{b.host}:{b.port}" for b in host.list_topics(timeout=30).brokers.values()), flush=True)
sys.stdin.read()
"""

Call = Callable[..., str]


def nothing(model: str, prediction: float, **arguments: Any) -> str:
    """What a publisher's call is compared with."""
    return ""


@contextmanager
def live_broker() -> Iterator[str]:
    """A mock cluster in a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-c", HOST], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as host:
        assert host.stdout is not None
        yield host.stdout.readline().strip()
        host.communicate()


@contextmanager
def dead_broker() -> Iterator[str]:
    """A port that is taken, and where nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


def requests(calls: int) -> Iterator[dict[str, Any]]:
    """Arguments as a service has them, new for each request."""
    rng = random.Random(1)
    for _ in range(calls):
        yield {
            "model": "credit",
            "prediction": rng.random() < 0.3,
            "score": rng.random(),
            "features": {f"feature_{i}": rng.gauss(0, 1) for i in range(FEATURES)},
            "context": {"region": "eu", "device": "ios"},
            "model_version": "v7",
        }


def timed(call: Call, arguments: dict[str, Any]) -> int:
    """Nanoseconds of one call."""
    started = time.perf_counter_ns()
    call(**arguments)
    return time.perf_counter_ns() - started


def measure(bootstrap_servers: str, calls: int, pause_s: float) -> dict[str, Any]:
    """Time both calls; microseconds."""
    publisher = Publisher(bootstrap_servers)
    try:
        published, idle = [], []
        for number, arguments in enumerate(requests(calls)):
            if number % 2:
                idle.append(timed(nothing, arguments))
                published.append(timed(publisher.prediction, arguments))
            else:
                published.append(timed(publisher.prediction, arguments))
                idle.append(timed(nothing, arguments))
            if pause_s:
                time.sleep(pause_s)
        counts = publisher.counts()
        publisher.flush(1.0)
        after = publisher.counts()
    finally:
        publisher.close(0.0)
    return {
        "publisher": percentiles(published),
        "nothing": percentiles(idle),
        "dropped_in_calls": counts.dropped_total,
        "delivered_after_flush": after.delivered,
        "calls": calls,
    }


def percentiles(times_ns: list[int]) -> dict[str, float]:
    """Median, 99th percentile and largest, in microseconds."""
    ordered = sorted(times_ns)
    at = {"median_us": 0.5, "p99_us": 0.99, "max_us": 1.0}
    return {name: round(ordered[min(len(ordered) - 1, int(q * len(ordered)))] / 1000, 2) for name, q in at.items()}


def bars(runs: dict[str, dict[str, Any]]) -> list[str]:
    """Each bar with its figure."""
    lines = []
    for name, run in runs.items():
        with_it, without = run["publisher"], run["nothing"]
        added = with_it["median_us"] - without["median_us"]
        limit = 2 * without["p99_us"] + P99_US_MAX_MORE
        verdict = "met" if added <= MEDIAN_US_MAX and with_it["p99_us"] <= limit else "MISSED"
        lines.append(
            f"{name:<14} {verdict:<7} adds {added:.1f} us median (bar {MEDIAN_US_MAX:.0f}), p99 {with_it['p99_us']:.1f} us"
            f" (bar {limit:.1f}; of nothing {without['p99_us']:.1f}), largest {with_it['max_us']:,.0f} us"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description="What publishing costs a service.")
    parser.add_argument("--calls", type=int, default=50_000, help="calls of each burst; a tenth of it when paced")
    arguments = parser.parse_args()
    logging.getLogger("driftline.publisher").setLevel(logging.ERROR)
    runs = {}
    for name, broker in (("live", live_broker), ("dead", dead_broker)):
        with broker() as bootstrap_servers:
            measure(bootstrap_servers, 1_000, 0.0)
            runs[f"{name} burst"] = measure(bootstrap_servers, arguments.calls, 0.0)
            runs[f"{name} paced"] = measure(bootstrap_servers, arguments.calls // 10, 0.001)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "publisher.json").write_text(json.dumps({"machine": facts(), "runs": runs}, indent=2))
    print("\n".join(bars(runs)))


if __name__ == "__main__":
    main()
