"""How long workers are away: cold starts, SIGTERM under load, kill -9 of one of two workers. On a real Kafka.

    python benchmarks/restarts.py                  # 3 rounds of each: about five minutes

Every second record of the load cannot be read, and goes to the dead-letter topic as soon as it is applied, with its
partition and offset. So that topic is an exact trace, in the broker's own time, of who applied what when: the first of a
partition after a start, records that are applied again (0 after SIGTERM), records that are lost (0 always), and how long a
partition stands still.

A start counts from the start of the process, interpreter and imports included; kernels are compiled before.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, TypeAlias

from machine import facts, load_average
from topic_records import records_of
from traffic import Pool, Record, Traffic
from worker_stage import MODELS, PARTITIONS, SEGMENTS, Stage, build_references, real_kafka, write_and_print

from driftline.schemas.dead_letters import OFFSET_HEADER, PARTITION_HEADER
from tests.streaming.worker_process import WorkerProcess

Result: TypeAlias = dict[str, Any]

SESSION_TIMEOUT_S: Final = 10
READY_S_MAX: Final = 120.0
BEFORE_S: Final = 8.0  # a snapshot is taken every 5 s
# The bars.
COLD_START_S_MAX: Final = 10.0
STOP_S_MAX: Final = 10.0
RECOVERY_S_MAX: Final = SESSION_TIMEOUT_S + 5.0


class Trace(NamedTuple):
    """One record that was applied; at_ms: when the broker appended its dead letter."""

    partition: int
    offset: int
    at_ms: int


class Half:
    """The load: every second record of each partition is no event."""

    def __init__(self) -> None:
        self._pool = Pool(0, None)

    def record(self, number: int, at_ms: int) -> Record:
        partition = number % PARTITIONS
        model = MODELS[partition]
        if number // PARTITIONS % 2:
            return Record(partition, model, b"record %d is no event" % number)
        return Record(partition, model, self._pool.event(f"n-{number:09d}", model, at_ms))


def measure(rate: float, rounds: int) -> Result:
    """All three, each `rounds` times, each time with topics of its own."""
    machine = facts()
    results: list[Result] = []
    with real_kafka("restarts") as kafka:
        references = build_references(kafka.folder.parent, MODELS[:PARTITIONS])
        models = {
            model: {
                "task": "binary",
                "reference": str(path),
                "windows": ["10m", "1h", "1d"],
                "segments": SEGMENTS,
                "events_per_week": 7 * 86_400 * rate / PARTITIONS,
            }
            for model, path in references.items()
        }
        group = {"session_timeout": f"{SESSION_TIMEOUT_S}s"}
        more = {"dead_letters": {"per_second_max": 100_000, "payload": "none"}}

        def play(name: str, scene: Callable[[Stage], Result]) -> None:
            print(f"{name} ...", file=sys.stderr, flush=True)
            load = load_average()
            with Stage(kafka, name, models, worker=group, more=more) as stage:
                with Traffic(kafka.bootstrap_servers, stage.topics["predictions"], rate, Half().record) as traffic:
                    result = scene(stage)
                result |= finish(stage, traffic)
            results.append({"round": name, "load_average_before": load, **result})

        play("warm", stop_and_start)  # kernels are compiled
        results.clear()
        for i in range(rounds):
            play(f"stop-{i + 1}", stop_and_start)
            play(f"kill-{i + 1}", kill_one_of_two)
    return {"machine": machine, "rate": rate, "runs": results}


def stop_and_start(stage: Stage) -> Result:
    """A first worker on a log that has events, SIGTERM while more come, and a successor."""
    first, started_s = start(stage)
    time.sleep(BEFORE_S)
    code, stop_s = first.terminate()
    stopped_s = time.time()
    stage.start_worker().wait_until_ready(READY_S_MAX)
    time.sleep(BEFORE_S / 2)
    return {"started_s": started_s, "code": code, "stop_s": stop_s, "stopped_s": stopped_s}


def kill_one_of_two(stage: Stage) -> Result:
    """Both have partitions; one dies."""
    first, _ = start(stage)
    second, _ = start(stage)
    deadline = time.monotonic() + READY_S_MAX
    while {worker.health().get("partitions") for worker in (first, second)} != {PARTITIONS // 2}:
        if time.monotonic() > deadline:
            sys.exit(f"the two workers do not share the partitions:\n{second.end_of_log()}")
        time.sleep(0.1)
    time.sleep(BEFORE_S)
    second.kill()
    killed_s = time.time()
    time.sleep(RECOVERY_S_MAX + BEFORE_S)
    return {"killed_s": killed_s}


def start(stage: Stage) -> tuple[WorkerProcess, float]:
    """A worker that is ready, and when its process was started (epoch seconds)."""
    started_s = time.time()
    worker = stage.start_worker()
    worker.wait_until_ready(READY_S_MAX)
    return worker, started_s


def finish(stage: Stage, traffic: Traffic) -> Result:
    """Wait until all is applied, end the workers, and read the trace."""
    wanted = traffic.sent // 2 // PARTITIONS * PARTITIONS
    running = [worker for worker in stage.workers if worker.exit_code is None]
    deadline = time.monotonic() + READY_S_MAX
    ends = traffic.sent // PARTITIONS
    while sum(offset for worker in running for offset in worker.applied().values()) < ends * PARTITIONS:
        if time.monotonic() > deadline:
            sys.exit(f"the rest of the log is not applied:\n{running[-1].end_of_log()}")
        time.sleep(0.5)
    for worker in running:
        worker.terminate()
    trace = trace_of(stage)
    times = Counter((at.partition, at.offset) for at in trace)
    return {"trace": trace, "replayed": sum(times.values()) - len(times), "lost": max(wanted - len(times), 0)}


def trace_of(stage: Stage) -> list[Trace]:
    """In the order in which the dead letters were appended."""
    found = []
    for record in records_of(stage.kafka.bootstrap_servers, stage.topics["dead_letters"]):
        headers = dict(record.headers)
        found.append(Trace(int(headers[PARTITION_HEADER]), int(headers[OFFSET_HEADER]), record.appended_ms))
    return found


def advances(trace: Iterable[Trace]) -> list[Trace]:
    """Those at which a partition got further than ever before."""
    furthest: dict[int, int] = {}
    found = []
    for at in trace:
        if at.offset > furthest.get(at.partition, -1):
            furthest[at.partition] = at.offset
            found.append(at)
    return found


def first_s(trace: Iterable[Trace], after_s: float) -> float:
    """Seconds from a moment until the first advance."""
    return min(at.at_ms for at in advances(trace) if at.at_ms >= 1000 * after_s) / 1000 - after_s


def recovery_s(trace: Iterable[Trace], killed_s: float) -> float:
    """Seconds from a kill until no partition stands still any more: the end of the last pause of more than a second.

    Partitions of the survivor go on at first, and pause with the rebalance that hands it the others.
    """
    last: dict[int, int] = {}
    recovered_ms = 1000 * killed_s
    for at in advances(trace):
        before = last.get(at.partition, at.at_ms)
        last[at.partition] = at.at_ms
        if at.at_ms > 1000 * killed_s and at.at_ms - before > 1000:
            recovered_ms = max(recovered_ms, at.at_ms)
    return recovered_ms / 1000 - killed_s


def figures(runs: list[Result]) -> dict[str, list[float]]:
    """By name, one figure a round."""
    stops = [run for run in runs if "stop_s" in run]
    kills = [run for run in runs if "killed_s" in run]
    return {
        "cold start to first event, s": [first_s(run["trace"], run["started_s"]) for run in stops],
        "SIGTERM to exit, s": [run["stop_s"] for run in stops],
        "start of the successor to first event, s": [first_s(run["trace"], run["stopped_s"]) for run in stops],
        "replayed after SIGTERM": [run["replayed"] for run in stops],
        "kill -9 until all partitions go on, s": [recovery_s(run["trace"], run["killed_s"]) for run in kills],
        "replayed after kill -9": [run["replayed"] for run in kills],
        "lost": [run["lost"] for run in runs],
    }


BARS: Final = {
    "cold start to first event, s": COLD_START_S_MAX,
    "SIGTERM to exit, s": STOP_S_MAX,
    "replayed after SIGTERM": 0,
    "kill -9 until all partitions go on, s": RECOVERY_S_MAX,
    "lost": 0,
}
"""Each for the worst round."""


def table(found: dict[str, list[float]]) -> list[str]:
    """Return the lines of the table."""
    head = f"{'':42} {'median':>8} {'worst':>8}"
    lines = [head, "-" * len(head)]
    for name, values in found.items():
        digits = 2 if name.endswith(", s") else 0
        lines.append(f"{name:42} {sorted(values)[len(values) // 2]:8.{digits}f} {max(values):8.{digits}f}")
    return lines


def bars(found: dict[str, list[float]]) -> list[str]:
    """Return one line for each bar, which the worst round has to meet."""
    return [
        f"bar {name} <= {bar:g}: {max(found[name]):.4g}: {'met' if max(found[name]) <= bar else 'MISSED'}"
        for name, bar in BARS.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Cold starts, SIGTERM and kill -9 of workers on a real Kafka.")
    parser.add_argument("--rate", type=float, default=4_000.0, help="records a second; half of them are events")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    measured = measure(arguments.rate, arguments.rounds)
    found = figures(measured["runs"])
    codes = {run["code"] for run in measured["runs"] if "code" in run}
    plain = [{name: value for name, value in run.items() if name != "trace"} for run in measured["runs"]]
    lines = [*table(found), f"exit codes after SIGTERM: {sorted(codes)}; {measured['rate']:,.0f} records/s"]
    write_and_print("restarts", {**measured, "runs": plain, "figures": found}, lines, bars(found))


if __name__ == "__main__":
    main()
