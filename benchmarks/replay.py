"""`driftline replay` beside Evidently and whylogs: one file of events, fresh processes, one after another.

    python benchmarks/replay.py                  # the file in benchmarks/data, made by generate.py
    python benchmarks/replay.py --no-peers

The runs are interleaved (driftline, a peer, driftline, the other peer, driftline), so that a machine that turns slower
or faster does not favour anybody; each is shown by its median. What is compared, and how fair it is: README.md.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, TypeAlias

from layout import CONFIG, DATA, HERE, PREDICTIONS, REFERENCE, RESULTS
from machine import facts, load_average
from measured import run
from peers.environments import NoPython, python_of

Result: TypeAlias = dict[str, Any]

DRIFTLINE = (sys.executable, "-m", "driftline.cli")
PEERS = {"evidently": "evidently_drift.py", "whylogs": "whylogs_profile.py"}
# Neither peer may report its use to its maker.
QUIET = {"WHYLOGS_NO_ANALYTICS": "True", "DO_NOT_TRACK": "1"}
WARM_ROWS = 20_000

# The bars, for 1,000,000 events on two cores; the ratios count every process from its start to its end.
EVENTS_PER_S_MIN = 120_000
PEAK_MB_MAX = 700
RATIO_MIN = {"evidently": 6.0, "whylogs": 3.0}
BARS_ROWS = 1_000_000


def compare(data: Path, runs: int, peer_runs: int, peers: Sequence[str]) -> Result:
    """Run everything; the medians by name, every single run, and the facts of the machine."""
    machine = facts()
    pythons = {peer: python_of(peer) for peer in peers}
    prepared = prepare(data)
    results: list[Result] = []
    for name in interleaved(["driftline"] * runs, list(peers) * peer_runs):
        print(f"running {name} ...", file=sys.stderr, flush=True)
        load = load_average()
        result = replay_once(data) if name == "driftline" else peer_once(name, pythons[name], data)
        results.append({**result, "load_average_before": load})
    if len({result["rows"] for result in results}) != 1:
        sys.exit(
            "not all have seen the same number of events: " + ", ".join(f"{r['name']} {r['rows']}" for r in results)
        )
    names = list(dict.fromkeys(result["name"] for result in results))
    medians = {name: median([result for result in results if result["name"] == name]) for name in names}
    return {"machine": machine, "prepared": prepared, "medians": medians, "runs": results}


def interleaved(ours: Sequence[str], theirs: Sequence[str]) -> list[str]:
    """Alternate the two lists, ours first, as long as both last."""
    return [name for name in chain.from_iterable(zip_longest(ours, theirs)) if name is not None]


def median(results: Sequence[Result]) -> Result:
    """Return the run with the median wall time (the slower of the middle two)."""
    return sorted(results, key=lambda result: float(result["wall_s"]))[len(results) // 2]


def prepare(data: Path) -> Result:
    """Build the reference profile, and replay a few events so that the kernels are compiled and kept."""
    config = str(data / CONFIG)
    built = run([*DRIFTLINE, "reference", "build", str(data / REFERENCE), "--config", config])
    few = data / "few.jsonl"
    with (data / PREDICTIONS).open("rb") as lines, few.open("wb") as file:
        file.writelines(line for line, _ in zip(lines, range(WARM_ROWS), strict=False))
    out = data / "out-few"
    first = run([*DRIFTLINE, "replay", "--config", config, "--predictions", str(few), "--out", str(out)])
    shutil.rmtree(out)
    few.unlink()
    return {"reference_build_s": built.wall_s, "first_replay_s": first.wall_s}


def replay_once(data: Path) -> Result:
    """`driftline replay` over the whole file: decoding, all statistics, both output files written."""
    out = data / "out"
    shutil.rmtree(out, ignore_errors=True)
    command = [*DRIFTLINE, "replay", "--config", str(data / CONFIG), "--predictions", str(data / PREDICTIONS)]
    done = run([*command, "--out", str(out)])
    summary = json.loads((out / "summary.json").read_text())
    counters = summary["counters"]
    alerts = ", ".join(f"{count} {kind}" for kind, count in summary["alerts"].items())
    return {
        "name": "driftline",
        "version": "",
        "rows": counters["consumed"],
        "columns": 20,
        "wall_s": done.wall_s,
        "cpu_s": done.cpu_s,
        "peak_mb": done.peak_mb,
        "start_s": done.wall_s - summary["wall_s"],
        "counters": counters,
        "found": f"{summary['windows']:,} windows; alerts: {alerts or 'none'}",
        **{name: summary[name] for name in ("decode_s", "apply_s", "write_s")},
    }


def peer_once(name: str, python: str, data: Path) -> Result:
    """One peer over the whole file, in its own environment."""
    command = [python, str(HERE / "peers" / PEERS[name]), str(data / PREDICTIONS), str(data / REFERENCE)]
    done = run(command, QUIET)
    result = json.loads(done.output.splitlines()[-1])
    start_s = done.wall_s - result["parse_s"] - result["compute_s"]
    return {**result, "wall_s": done.wall_s, "cpu_s": done.cpu_s, "peak_mb": done.peak_mb, "start_s": start_s}


def table(medians: dict[str, Result]) -> list[str]:
    """Return the lines of the table; the last two columns say how many times faster driftline is."""
    ours = medians["driftline"]
    head = (
        f"{'':10} {'wall s':>8} {'events/s':>10} {'start s':>8} {'without start':>14} {'without parsing':>16} "
        f"{'CPU s':>7} {'peak MB':>8} {'x':>6} {'x*':>6}"
    )
    lines = [head, "-" * len(head)]
    for name, result in medians.items():
        rows, wall_s, start_s = result["rows"], result["wall_s"], result["start_s"]
        bare = f"{rows / result['compute_s']:,.0f}" if "compute_s" in result else "-"
        ratios = ["", ""] if result is ours else [f"{ratio:.1f}" for ratio in ratios_to(ours, result)]
        lines.append(
            f"{name:10} {wall_s:8.2f} {rows / wall_s:10,.0f} {start_s:8.2f} {rows / (wall_s - start_s):14,.0f} {bare:>16} "
            f"{result['cpu_s']:7.1f} {result['peak_mb']:8.0f} {ratios[0]:>6} {ratios[1]:>6}"
        )
    return [
        *lines,
        "x: whole processes. x*: driftline without start but with its parsing, against the peer without start and parsing.",
        f"driftline: decode {ours['decode_s']:.2f} s and apply {ours['apply_s']:.2f} s side by side, "
        f"write {ours['write_s']:.2f} s",
        *(f"{name} found: {result['found']}" for name, result in medians.items()),
    ]


def ratios_to(ours: Result, peer: Result) -> tuple[float, float]:
    """Return events/s of driftline over that of the peer: whole processes, and with only ours parsing."""
    whole = (ours["rows"] / ours["wall_s"]) / (peer["rows"] / peer["wall_s"])
    hardest = (ours["rows"] / (ours["wall_s"] - ours["start_s"])) / (peer["rows"] / peer["compute_s"])
    return whole, hardest


def bars(medians: dict[str, Result]) -> list[str]:
    """Return one line for each bar: what was asked, what was measured."""
    ours = medians["driftline"]
    checks: list[tuple[str, float, float, int]] = [
        (f">= {EVENTS_PER_S_MIN:,} events/s", ours["rows"] / ours["wall_s"], EVENTS_PER_S_MIN, 1),
        (f"<= {PEAK_MB_MAX} MB", ours["peak_mb"], PEAK_MB_MAX, -1),
    ]
    for peer, at_least in RATIO_MIN.items():
        if peer in medians:
            checks.append((f">= {at_least:g} x {peer}", ratios_to(ours, medians[peer])[0], at_least, 1))
    lines = [
        f"bar {asked}: {measured:,.1f}: {'met' if sign * (measured - bar) >= 0 else 'MISSED'}"
        for asked, measured, bar, sign in checks
    ]
    if ours["rows"] != BARS_ROWS:
        lines.append(f"(the bars are meant for {BARS_ROWS:,} events; these are {ours['rows']:,})")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description="driftline replay beside Evidently and whylogs.")
    parser.add_argument("--data", type=Path, default=DATA, help="folder made by generate.py")
    parser.add_argument("--runs", type=int, default=3, help="runs of driftline; the median is shown")
    parser.add_argument("--peer-runs", type=int, default=1, help="runs of each peer")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument("--no-peers", dest="peers", action="store_const", const=[])
    arguments = parser.parse_args()
    try:
        compared = compare(arguments.data, arguments.runs, arguments.peer_runs, arguments.peers)
    except NoPython as problem:
        sys.exit(str(problem))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "replay.json").write_text(json.dumps(compared, indent=2) + "\n")
    print("\n".join([*table(compared["medians"]), *bars(compared["medians"])]))


if __name__ == "__main__":
    main()
