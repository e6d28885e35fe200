"""All benchmarks of speed and memory in order, with one summary: what `make bench` runs.

    python benchmarks/run.py                     # replay and state ten minutes, live workers on a real Kafka thirty
    python benchmarks/run.py --rows 100000 --runs 1 --no-state --no-live

Live workers come last, and need what `make servers` fetches. Each step is a program of its own, also to be run alone; what
they measured is in benchmarks/results/.
"""

import argparse
import json
import subprocess
import sys

import replay
import state
from layout import DATA, HERE, RESULTS
from machine import facts

LIVE = ("live", "latency", "restarts", "snapshots")


def step(program: str, *arguments: str) -> None:
    """Run one of the programs beside this one; end with its exit code if it fails."""
    print(f"\n== {program} {' '.join(arguments)}", flush=True)
    ended = subprocess.run([sys.executable, str(HERE / program), *arguments], check=False).returncode
    if ended != 0:
        sys.exit(ended)


def summary(with_state: bool, with_live: bool) -> list[str]:
    """Return the machine and every bar with its figure, read from the results of the steps."""
    machine = facts()
    lines = [
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory']}, {machine['system']}",
        f"load average {machine['load_average']}",
        f"Python {machine['python']}, "
        + ", ".join(f"{name} {version}" for name, version in machine["versions"].items()),
        f"commit {machine['commit']}",
        *replay.bars(json.loads((RESULTS / "replay.json").read_text())["medians"]),
    ]
    if with_state:
        lines += state.bars(json.loads((RESULTS / "state.json").read_text())["runs"])
        lines += json.loads((RESULTS / "join_stores.json").read_text())["bars"]
    if with_live:
        lines += [line for name in LIVE for line in json.loads((RESULTS / f"{name}.json").read_text())["bars"]]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description="All benchmarks of speed and memory.")
    parser.add_argument("--rows", type=int, default=1_000_000, help="events to replay; the bars are for 1,000,000")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=3, help="runs of driftline; the median is shown")
    parser.add_argument("--peer-runs", type=int, default=1, help="runs of each peer")
    parser.add_argument("--no-peers", action="store_true", help="leave Evidently and whylogs out")
    parser.add_argument("--no-state", action="store_true", help="leave the bytes of state and the join stores out")
    parser.add_argument("--no-live", action="store_true", help="leave live workers on a real Kafka out")
    arguments = parser.parse_args()
    step("generate.py", "--rows", str(arguments.rows), "--seed", str(arguments.seed), "--out", str(DATA))
    runs = ["--runs", str(arguments.runs), "--peer-runs", str(arguments.peer_runs)]
    step("replay.py", *runs, *(["--no-peers"] if arguments.no_peers else []))
    if not arguments.no_state:
        step("state.py")
        step("join_stores.py")
    if not arguments.no_live:
        for name in LIVE:
            step(f"{name}.py")
    print("\n== summary")
    print("\n".join(summary(with_state=not arguments.no_state, with_live=not arguments.no_live)))


if __name__ == "__main__":
    main()
