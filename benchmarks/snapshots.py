"""What snapshots of a large partition cost a live worker: how long one takes, and how long it holds up the records.

    python benchmarks/snapshots.py --segments 10000 --active 0.05 --rounds 10      # about three minutes and 4 GB

One model with 20 features, windows of 10 min, 1 h and 1 d, and 10,000 segments that all have state, on one partition of a
real Kafka. Between two snapshots the active segments, drawn anew each time, get four events each. Every snapshot is
measured by the worker itself (its metrics: from the cut to the commit, and the cut alone), and seen from outside: some
records cannot be read and go to the dead-letter topic as soon as they are applied, so a gap there is a stall, whatever
caused it. Before, a first worker takes the whole state in and is stopped, so that the second one has to read it back, and
its first snapshot is a full one.

cuts.py measures the same cuts without a worker around them.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple, TypeAlias

from events import DAY_MS, FIRST_DAY_MS
from machine import facts, load_average
from process_figures import memory_mb
from topic_records import records_of
from traffic import Pool, Record, Traffic
from worker_stage import MODELS, Stage, build_references, from_log, real_kafka, write_and_print

from tests.streaming.worker_process import WorkerProcess

Result: TypeAlias = dict[str, Any]

MODEL: Final = MODELS[0]
EVENTS_PER_ACTIVE: Final = 4
SNAPSHOT_EVERY_S: Final = 5
PROBE_EVERY: Final = 10  # one in so many records cannot be read
FILL_RATE: Final = 10_000.0
WAIT_S_MAX: Final = 180.0
LOOK_EVERY_S: Final = 0.2
# The bars, for 10,000 segments with 5 % active.
TOOK_S_MAX: Final = 1.0
STALL_S_MAX: Final = 0.1


class SegmentTraffic:
    """Events of the active segments in turn, and records that cannot be read between them.

    Event time starts with a window in the past, so that none closes meanwhile.
    """

    def __init__(self, active: Sequence[int]) -> None:
        self.active = active
        self._pool = Pool(0, None)
        self._behind_ms = int(1000 * time.time()) - (FIRST_DAY_MS + DAY_MS)
        self._events = 0

    def record(self, number: int, at_ms: int) -> Record:
        if number % PROBE_EVERY == 0:
            return Record(0, MODEL, b"record %d is no event" % number)
        segment = self.active[self._events % len(self.active)]
        self._events += 1
        event = self._pool.event(f"n-{self._behind_ms}-{number:09d}", MODEL, at_ms - self._behind_ms)
        return Record(0, MODEL, b'%b,"context":{"segment":"%d"}}' % (event.partition(b',"context":')[0], segment))


class Totals(NamedTuple):
    """What a worker says of its snapshots so far; seconds and bytes together."""

    taken: float = 0.0
    took_s: float = 0.0
    stall_s: float = 0.0
    written: float = 0.0


def totals(worker: WorkerProcess) -> Totals:
    """Read from /metrics, which has few series here."""
    name = "driftline_snapshot_duration_seconds"
    return Totals(
        worker.metric(f"{name}_count"),
        worker.metric(f"{name}_sum"),
        worker.metric("driftline_snapshot_stall_seconds_sum"),
        worker.metric('driftline_snapshot_bytes{partition="0"}'),
    )


def next_snapshot(worker: WorkerProcess, before: Totals) -> tuple[Totals, Result]:
    """Wait until one more is complete; what it cost."""

    def one_more() -> bool:
        time.sleep(LOOK_EVERY_S)
        return bool(worker.metric("driftline_snapshot_duration_seconds_count") > before.taken)

    worker.wait_for(one_more, "one more snapshot", WAIT_S_MAX)
    now = totals(worker)
    n = now.taken - before.taken
    return now, {
        "snapshots": n,
        "took_s": (now.took_s - before.took_s) / n,
        "stall_s": (now.stall_s - before.stall_s) / n,
        "written_mb": now.written / 1e6,
    }


def measure(segments: int, active: float, rounds: int) -> Result:
    """Fill the state with a first worker, read it back with a second, then one snapshot a round."""
    machine = facts()
    rng, some = random.Random(1), int(active * segments)
    rate = some * EVENTS_PER_ACTIVE / SNAPSHOT_EVERY_S * PROBE_EVERY / (PROBE_EVERY - 1)
    with real_kafka("snapshots") as kafka:
        reference = build_references(kafka.folder.parent, [MODEL])[MODEL]
        settings = {
            "task": "binary",
            "reference": str(reference),
            "windows": ["10m", "1h", "1d"],
            "segments": ["segment"],
            "segments_max": segments,
            "events_per_week": 7e6,
        }
        more = {"dead_letters": {"per_second_max": 100_000, "payload": "none"}}
        every = {"snapshot_every": f"{SNAPSHOT_EVERY_S}s"}
        with Stage(kafka, "snapshots", {MODEL: settings}, partitions=1, worker=every, more=more) as stage:
            stop_s = fill(stage, segments)
            traffic = SegmentTraffic(rng.sample(range(segments), some))
            worker = stage.start_worker()
            worker.wait_until_ready(WAIT_S_MAX)
            print("snapshots ...", file=sys.stderr, flush=True)
            with Traffic(kafka.bootstrap_servers, stage.topics["predictions"], rate, traffic.record) as sender:
                full_load = load_average()
                before, full = next_snapshot(worker, Totals())
                before, _ = next_snapshot(worker, before)  # of all that came while the full one was written
                from_ms, results = int(1000 * time.time()), []
                for _ in range(rounds):
                    traffic.active = rng.sample(range(segments), some)
                    load = load_average()
                    before, result = next_snapshot(worker, before)
                    results.append({**result, "load_average": load})
                until_ms = int(1000 * time.time())
            memory = memory_mb(worker.pid)
            worker.terminate()
            gaps_s = gaps(stage, from_ms, until_ms)
    return {
        "machine": machine,
        "segments": segments,
        "active": active,
        "rate": rate,
        "stop_s": stop_s,
        "read_back_s": float(from_log(worker, r"read back in (\d+) ms")[-1]) / 1000,
        "full": {**full, "load_average": full_load},
        "runs": results,
        "probe_every_s": PROBE_EVERY / rate,
        "longest_gaps_s": gaps_s[-rounds:],
        "median_gap_s": statistics.median(gaps_s),
        "sender_late_s": sender.latest_s,
        **memory,
    }


def fill(stage: Stage, segments: int) -> float:
    """Give every segment state, and stop the worker that took it in; the seconds that took."""
    print(f"{segments:,} segments ...", file=sys.stderr, flush=True)
    wanted = int(segments * EVENTS_PER_ACTIVE * PROBE_EVERY / (PROBE_EVERY - 1))
    everyone = SegmentTraffic(range(segments))
    worker = stage.start_worker()
    with Traffic(stage.kafka.bootstrap_servers, stage.topics["predictions"], FILL_RATE, everyone.record) as sender:
        while sender.sent < wanted:
            time.sleep(LOOK_EVERY_S)
    worker.wait_for(lambda: sum(worker.applied().values()) >= sender.sent, "all segments have state", WAIT_S_MAX)
    code, stop_s = worker.terminate(WAIT_S_MAX)
    if code != 0:
        sys.exit(f"the worker ended with code {code}:\n{worker.end_of_log()}")
    return float(stop_s)


def gaps(stage: Stage, from_ms: int, until_ms: int) -> list[float]:
    """Seconds between dead letters that follow each other, in ascending order."""
    letters = records_of(stage.kafka.bootstrap_servers, stage.topics["dead_letters"])
    times = [letter.appended_ms for letter in letters if from_ms <= letter.appended_ms <= until_ms]
    return sorted((b - a) / 1000 for a, b in pairwise(times))


def table(measured: Result) -> list[str]:
    """Return the lines of the table."""
    head = f"{'snapshot':>10} {'cut to commit ms':>17} {'stall ms':>9} {'written MB':>11} {'load':>5}"
    lines = [head, "-" * len(head)]
    for name, r in [("full", measured["full"]), *((str(i + 1), run) for i, run in enumerate(measured["runs"]))]:
        lines.append(
            f"{name:>10} {1e3 * r['took_s']:17.0f} {1e3 * r['stall_s']:9.1f} {r['written_mb']:11.1f} "
            f"{r['load_average']:5.1f}"
        )
    longest = ", ".join(f"{1e3 * gap:.0f}" for gap in reversed(measured["longest_gaps_s"][-5:]))
    return [
        *lines,
        f"{measured['segments']:,} segments, {measured['active']:.0%} active, {measured['rate']:.0f} records/s; "
        f"read back in {measured['read_back_s']:.1f} s; the worker before stopped in {measured['stop_s']:.1f} s; "
        f"peak {measured['peak_rss_mb']:,.0f} MB",
        f"seen from outside, with a probe every {1e3 * measured['probe_every_s']:.0f} ms: median gap "
        f"{1e3 * measured['median_gap_s']:.0f} ms, longest {longest} ms",
    ]


def bars(measured: Result) -> list[str]:
    """Return one line for each bar: the median, and the worst."""
    lines = []
    for name, key, bar in (("snapshot", "took_s", TOOK_S_MAX), ("stall", "stall_s", STALL_S_MAX)):
        values = [run[key] for run in measured["runs"]]
        met = "met" if max(values) <= bar else "met by the median" if statistics.median(values) <= bar else "MISSED"
        lines.append(
            f"bar {name} <= {1e3 * bar:,.0f} ms: median {1e3 * statistics.median(values):,.1f}, "
            f"worst {1e3 * max(values):,.1f}: {met}"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description="What snapshots of a large partition cost a live worker.")
    parser.add_argument("--segments", type=int, default=10_000)
    parser.add_argument("--active", type=float, default=0.05, help="share of the segments with events between two")
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    measured = measure(arguments.segments, arguments.active, arguments.rounds)
    write_and_print("snapshots", measured, table(measured), bars(measured))


if __name__ == "__main__":
    main()
