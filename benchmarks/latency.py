"""How soon a worker says what it sees: from the append of a record to the append of what follows from it, on a real Kafka.

    python benchmarks/latency.py                   # 10,000 events/s for a minute

Eight models on four partitions, event time is the clock's. Every few seconds a feature of some models shifts, and the
false-alarm budget is a loud one, so that hundreds of alerts open; windows last 10 s, and all models close theirs at once.

- *alerts*: from the record at the alert's `detected_offset` to the alert;
- *windows*: from the record that closes a window to what is said of that window. That record is found by playing the log
  into the core once more, one record at a time wherever time passes the end of a window: a replay that closes other
  windows than the worker, or closes them elsewhere, ends the benchmark.

Both times are the broker's (LogAppendTime, milliseconds). The first seconds are left out.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any, Final, TypeAlias

import numpy as np
from events import DRIFTS
from log_replay import closing_offsets
from machine import facts
from process_figures import thread_cpu_s
from topic_records import Appended, records_of
from traffic import Pool, Record, Traffic
from worker_stage import MODELS, PARTITIONS, SEGMENTS, Stage, build_references, real_kafka, write_and_print

from driftline.config.load import load_config
from driftline.schemas.cloud_events import decode_event
from driftline.schemas.codec import decode_signal
from driftline.schemas.signals import WindowClosed

Result: TypeAlias = dict[str, Any]

WINDOWS: Final = ["10s", "1m"]
FALSE_ALARMS: Final = "20000/day"
SHIFT_S: Final = 3  # a model is as it was, then shifted, for this long in turn
READY_S_MAX: Final = 120.0
SETTLE_S: Final = 3.0
# The bar, at 10,000 events/s.
P99_MS_MAX: Final = 1_000


def measure(rate: float, seconds: float, warm_up_s: float) -> Result:
    """Send, watch, and compare the times of both logs."""
    machine = facts()
    with real_kafka("latency") as kafka:
        references = build_references(kafka.folder.parent, MODELS)
        models = {
            model: {
                "task": "binary",
                "reference": str(path),
                "windows": WINDOWS,
                "segments": SEGMENTS,
                "lateness": "1s",
                "false_alarms": FALSE_ALARMS,
                "events_per_week": 7 * 86_400 * rate / len(MODELS),
            }
            for model, path in references.items()
        }
        with Stage(kafka, "latency", models) as stage:
            worker = stage.start_worker()
            worker.wait_until_ready(READY_S_MAX)
            cpu_before, broker_before, began_ms = thread_cpu_s(worker.pid), kafka.cpu_seconds(), _now_ms()
            events = Shifting()
            with Traffic(kafka.bootstrap_servers, stage.topics["predictions"], rate, events.record) as traffic:
                time.sleep(warm_up_s + seconds)
            time.sleep(SETTLE_S)
            cpu = sum(thread_cpu_s(worker.pid).values()) - sum(cpu_before.values())
            broker_cpu = kafka.cpu_seconds() - broker_before
            code, _ = worker.terminate()
            if code != 0:
                sys.exit(f"the worker ended with code {code}:\n{worker.end_of_log()}")
            found = latencies(stage, began_ms + int(1000 * warm_up_s))
    return {
        "machine": machine,
        "rate": rate,
        "seconds": seconds,
        "sent": traffic.sent,
        "sender_late_ms": 1e3 * traffic.latest_s,
        "worker_cpu_cores": cpu / (seconds + warm_up_s),
        "broker_cpu_cores": broker_cpu / (seconds + warm_up_s),
        "latencies": found,
    }


class Shifting:
    """The events of all models in turn; which of them are shifted changes every few seconds."""

    def __init__(self) -> None:
        self._plain = Pool(0, None)
        self._shifted = [Pool(1 + i, drift) for i, drift in enumerate(DRIFTS)]

    def record(self, number: int, at_ms: int) -> Record:
        index = number % len(MODELS)
        turn = at_ms // (1000 * SHIFT_S) + index
        pool = self._shifted[turn // 2 % len(self._shifted)] if turn % 2 else self._plain
        return Record(index % PARTITIONS, MODELS[index], pool.event(f"n-{number:09d}", MODELS[index], at_ms))


def latencies(stage: Stage, from_ms: int) -> dict[str, Result]:
    """Both latencies, of what was found or closed by records appended from `from_ms` on."""
    servers, topics = stage.kafka.bootstrap_servers, stage.topics
    print("reading back ...", file=sys.stderr, flush=True)
    log = list(records_of(servers, topics["predictions"]))
    appended_ms = {(record.partition, record.offset): record.appended_ms for record in log}
    alerts, windows = [], []
    for record in records_of(servers, topics["alerts"]):
        event = decode_event(record.value)
        if event.data.event == "opened":
            alerts.append((record, (event.data.partition, event.data.detected_offset)))
    closed_by = closing_offsets(load_config(stage.config_file), log)
    for record in records_of(servers, topics["windows"]):
        signal = decode_signal(record.value)
        if isinstance(signal, WindowClosed):
            if signal.id not in closed_by:
                sys.exit(f"the replay closes no such window: {signal.model} {signal.segment} {signal.end_ms}")
            windows.append((record, closed_by[signal.id]))
    return {
        "alerts": percentiles(alerts, appended_ms, from_ms),
        "windows": percentiles(windows, appended_ms, from_ms),
    }


def percentiles(
    said: list[tuple[Appended, tuple[int, int]]], appended_ms: dict[tuple[int, int], int], from_ms: int
) -> Result:
    """Milliseconds from the record (partition, offset) to what was said."""
    took = [s.appended_ms - appended_ms[at] for s, at in said if appended_ms[at] >= from_ms]
    if not took:
        sys.exit("nothing was said: send for longer")
    values = np.sort(np.array(took))
    return {
        "n": len(values),
        **{f"p{q}_ms": float(np.quantile(values, q / 100, method="higher")) for q in (50, 90, 99)},
        "max_ms": float(values[-1]),
    }


def _now_ms() -> int:
    return int(1000 * time.time())


def table(measured: Result) -> list[str]:
    """Return the lines of the table, and the bars."""
    head = f"{'':10} {'n':>7} {'p50 ms':>8} {'p90 ms':>8} {'p99 ms':>8} {'max ms':>8}"
    lines = [head, "-" * len(head)]
    for name, r in measured["latencies"].items():
        lines.append(
            f"{name:10} {r['n']:7,} {r['p50_ms']:8.0f} {r['p90_ms']:8.0f} {r['p99_ms']:8.0f} {r['max_ms']:8.0f}"
        )
    lines.append(
        f"{measured['rate']:,.0f} events/s for {measured['seconds']:.0f} s; cores in use: worker "
        f"{measured['worker_cpu_cores']:.2f}, broker {measured['broker_cpu_cores']:.2f}; "
        f"the sender was late by at most {measured['sender_late_ms']:.0f} ms"
    )
    return lines


def bars(measured: Result) -> list[str]:
    """Return one line for each bar."""
    return [
        f"bar p99 < {P99_MS_MAX:,} ms, {name}: {r['p99_ms']:,.0f}: {'met' if r['p99_ms'] < P99_MS_MAX else 'MISSED'}"
        for name, r in measured["latencies"].items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Latency of alerts and windows on a real Kafka.")
    parser.add_argument("--rate", type=float, default=10_000.0, help="events a second; the bar is for 10,000")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--warm-up", type=float, default=12.0, help="seconds before, which are left out")
    arguments = parser.parse_args()
    measured = measure(arguments.rate, arguments.seconds, arguments.warm_up)
    write_and_print("latency", measured, table(measured), bars(measured))


if __name__ == "__main__":
    main()
