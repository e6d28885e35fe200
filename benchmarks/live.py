"""How many events a second one worker takes from a real Kafka: a filled topic is drained, and no producer runs.

    python benchmarks/live.py                          # 12,000,000 events, 5 runs of a minute: about 15 minutes, 9 GB
    python benchmarks/live.py --days 1 --runs 1 --seconds 15

Four models, one on each of four partitions; each has days of 1,000,000 generated events: 20 features, two segment sets
(21 scopes), windows of 10 min, 1 h and 1 d, all default statistics and detectors, duplicates. The topic is filled once.
Every run has a group and outputs of its own, and starts the measurement some seconds after the first applied event.
Windows, alerts and snapshots are written meanwhile, as in use.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from typing import Any, TypeAlias

from layout import HERE
from machine import facts, load_average
from process_figures import memory_mb, thread_cpu_s, thread_names
from worker_stage import MODELS, PARTITIONS, SEGMENTS, Stage, build_references, real_kafka, write_and_print

from tests.streaming.worker_process import WorkerProcess

Result: TypeAlias = dict[str, Any]

TOPIC = "rate.predictions"
FILLERS = 2  # processes
START_S_MAX = 120.0
LOOK_EVERY_S = 0.25
SCRAPE_EVERY_S = 15.0
SHOWN_AFTER_S = 1.5  # /metrics is a second old at most
# The bar, for one worker process on two cores that it shares with the broker.
EVENTS_PER_S_MIN = 100_000


def measure(days: int, day_events: int, runs: int, warm_up_s: float, seconds: float) -> Result:
    """Fill once, drain `runs` times."""
    machine = facts()
    with real_kafka("rate") as kafka:
        references = build_references(kafka.folder.parent, MODELS[:PARTITIONS])
        models = {
            model: {
                "task": "binary",
                "reference": str(path),
                "windows": ["10m", "1h", "1d"],
                "segments": SEGMENTS,
                "false_alarms": "1/week",
                "events_per_week": 7 * day_events,
            }
            for model, path in references.items()
        }
        with Stage(kafka, "rate", models) as stage:
            filled_s = fill(stage, days, day_events)
        total = days * day_events * PARTITIONS
        results = []
        for run in range(runs + 1):  # the first one is short: kernels are compiled, and the broker's JVM too
            warms = run == 0
            print("a short run to compile ..." if warms else f"run {run} of {runs} ...", file=sys.stderr, flush=True)
            with Stage(kafka, f"rate-{run}", models, predictions=TOPIC) as stage:
                result = drain(stage, total, warm_up_s, min(seconds, 10.0) if warms else seconds)
                stage.delete_topics()
            if not warms:
                results.append(result)
    return {"machine": machine, "events": total, "fill_s": filled_s, "runs": results}


def fill(stage: Stage, days: int, day_events: int) -> float:
    """Generate and publish, two processes side by side; the seconds it took."""
    print(f"filling {stage.topics['predictions']} ...", file=sys.stderr, flush=True)
    started = time.perf_counter()
    arguments = [stage.kafka.bootstrap_servers, stage.topics["predictions"], str(days), str(day_events)]
    command = [sys.executable, str(HERE / "fill_topic.py"), *arguments]
    fillers = [subprocess.Popen([*command, *MODELS[i:PARTITIONS:FILLERS]]) for i in range(FILLERS)]
    if sum(filler.wait() for filler in fillers):
        sys.exit("the topic could not be filled")
    return time.perf_counter() - started


def drain(stage: Stage, total: int, warm_up_s: float, seconds: float) -> Result:
    """One worker from the beginning of the topic, until time is up or nothing is left."""
    load = load_average()
    worker = stage.start_worker()
    started = time.monotonic()
    first_seen_s = wait_for_events(worker, total) - started
    time.sleep(warm_up_s)
    names = thread_names(worker.pid)
    before = look(stage, worker, total)
    scraped_at = time.monotonic()
    while (now := look(stage, worker, total))["applied"] < total and now["at_s"] - before["at_s"] < seconds:
        time.sleep(LOOK_EVERY_S)
        if time.monotonic() - scraped_at > SCRAPE_EVERY_S:  # as a Prometheus would
            scraped_at = time.monotonic()
            worker.applied()
    outputs = {topic: worker.metric(f'driftline_outputs_total{{topic="{topic}"}}') for topic in ("alerts", "windows")}
    memory = memory_mb(worker.pid)
    code, stop_s = worker.terminate()
    return {
        **between(before, now, names),
        **memory,
        "first_events_seen_s": first_seen_s,
        "drained": now["applied"] >= total,
        "outputs": outputs,
        "stop_s": stop_s,
        "exit_code": code,
        "load_average_before": load,
    }


def wait_for_events(worker: WorkerProcess, total: int) -> float:
    """Until events are being applied; the time at which that was seen (monotonic seconds)."""
    deadline = time.monotonic() + START_S_MAX
    while time.monotonic() < deadline and worker.exit_code is None:
        lag = lag_of(worker)
        if lag is not None and 0 < lag < total:
            return time.monotonic()
        time.sleep(0.02)
    sys.exit(f"the worker applied nothing:\n{worker.end_of_log()}")


def lag_of(worker: WorkerProcess) -> int | None:
    """Records that wait, exact at this moment as the topic does not grow; None while the worker does not answer.

    Before it has asked the broker for the ends, it says 0.
    """
    health = worker.health()
    return int(health["lag"]) if health.get("partitions") == PARTITIONS else None


def look(stage: Stage, worker: WorkerProcess, total: int) -> Result:
    """How far it is, and what it has cost so far."""
    while (lag := lag_of(worker)) is None:
        if worker.exit_code is not None:
            sys.exit(f"the worker ended with code {worker.exit_code}:\n{worker.end_of_log()}")
        time.sleep(0.02)
    return {
        "applied": total - lag,
        "at_s": time.monotonic(),
        "threads": thread_cpu_s(worker.pid),
        "broker_cpu_s": stage.kafka.cpu_seconds(),
    }


def between(before: Result, after: Result, names: dict[int, str]) -> Result:
    """Rates of what happened between two looks."""
    events, took_s = after["applied"] - before["applied"], after["at_s"] - before["at_s"]
    spent = {tid: cpu_s - before["threads"].get(tid, 0.0) for tid, cpu_s in after["threads"].items()}
    by_thread: dict[str, float] = {}
    for tid, cpu_s in spent.items():
        name = names.get(tid, "other")
        by_thread[name] = by_thread.get(name, 0.0) + 1e6 * cpu_s / events
    return {
        "events": events,
        "seconds": took_s,
        "events_per_s": events / took_s,
        "worker_cpu_us_per_event": 1e6 * sum(spent.values()) / events,
        "threads_us_per_event": dict(sorted(by_thread.items(), key=lambda item: -item[1])),
        "broker_cpu_s": after["broker_cpu_s"] - before["broker_cpu_s"],
        "broker_cpu_us_per_event": 1e6 * (after["broker_cpu_s"] - before["broker_cpu_s"]) / events,
    }


def table(runs: list[Result]) -> list[str]:
    """Return the lines of the table, the median run by rate at the end."""
    head = (
        f"{'run':>6} {'events/s':>9} {'seconds':>8} {'events':>11} {'worker us':>10} {'broker us':>10} "
        f"{'broker CPU s':>13} {'RSS MB':>7} {'peak MB':>8} {'windows':>8} {'alerts':>7} {'stop s':>7} {'load':>5}"
    )
    lines = [head, "-" * len(head)]
    for name, r in [*((str(i + 1), run) for i, run in enumerate(runs)), ("median", median(runs))]:
        lines.append(
            f"{name:>6} {r['events_per_s']:9,.0f} {r['seconds']:8.1f} {r['events']:11,} "
            f"{r['worker_cpu_us_per_event']:10.2f} {r['broker_cpu_us_per_event']:10.2f} {r['broker_cpu_s']:13.1f} "
            f"{r['rss_mb']:7.0f} {r['peak_rss_mb']:8.0f} {r['outputs']['windows']:8,.0f} {r['outputs']['alerts']:7,.0f} "
            f"{r['stop_s']:7.1f} {r['load_average_before']:5.1f}"
        )
    shares = ", ".join(f"{name} {us:.2f}" for name, us in median(runs)["threads_us_per_event"].items() if us >= 0.05)
    return [
        *lines,
        "us: CPU time for each event. windows, alerts: outputs written by the end.",
        f"threads: {shares} us",
    ]


def median(runs: list[Result]) -> Result:
    """Return the run with the median rate (the slower of the middle two)."""
    return sorted(runs, key=lambda run: float(run["events_per_s"]))[(len(runs) - 1) // 2]


def bars(runs: list[Result], seconds: float = 60.0) -> list[str]:
    """Return the bar, and what makes a run fall short of what it asks."""
    rate = float(median(runs)["events_per_s"])
    met = "met" if rate >= EVENTS_PER_S_MIN else "MISSED"
    lines = [f"bar >= {EVENTS_PER_S_MIN:,} events/s on a real Kafka, median of {len(runs)}: {rate:,.0f}: {met}"]
    short = [run for run in runs if run["seconds"] < seconds]
    if short:
        lines.append(f"({len(short)} of the runs were shorter than {seconds:.0f} s; more days make them longer)")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description="Events a second of one worker on a real Kafka.")
    parser.add_argument("--days", type=int, default=3, help="of each of the four models")
    parser.add_argument("--day-events", type=int, default=1_000_000, help="of each model and day")
    parser.add_argument("--runs", type=int, default=5, help="the median is shown")
    parser.add_argument(
        "--warm-up", type=float, default=5.0, help="seconds after the first events that are not measured"
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="measured in each run, if there are events enough")
    arguments = parser.parse_args()
    measured = measure(arguments.days, arguments.day_events, arguments.runs, arguments.warm_up, arguments.seconds)
    write_and_print("live", measured, table(measured["runs"]), bars(measured["runs"]))


if __name__ == "__main__":
    main()
