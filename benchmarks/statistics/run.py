"""False alarms and detection delays of the production kernels against their bars: what `make bench-statistics` runs.

    python benchmarks/statistics/run.py                     # about four minutes on two cores
    python benchmarks/statistics/run.py --seeds 10 --runs 200 --no-windows

False alarms on independent streams (bar B1), detection delays (bar B5 and two cases like those of B6), and the chi-square
test of windows without drift (bar B2, `x2_null.py`). Raw results go to benchmarks/results/statistics.json. Ends with
code 1 if a bar is missed. Same seed, same figures.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the modules beside and above this script

import detection_delays
import false_alarms
import x2_null
from layout import RESULTS
from machine import facts

T = TypeVar("T")


def in_turn(what: str, jobs: list[Callable[[], T]], threads: int) -> list[T]:
    """All jobs, on so many threads (the kernels release the interpreter), with a line on the screen as they end."""
    started = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        waiting = [pool.submit(job) for job in jobs]
        done = []
        for k, future in enumerate(waiting, 1):
            done.append(future.result())
            print(f"\r{what}: {k} of {len(jobs)}, {time.perf_counter() - started:.0f} s", end="", file=sys.stderr)
    print(file=sys.stderr)
    return done


def main() -> int:
    parser = argparse.ArgumentParser(description="False alarms and detection delays against their bars.")
    parser.add_argument(
        "--seeds", type=int, default=40, help="streams of 1e7 values for each case (bar B1: at least 10)"
    )
    parser.add_argument("--runs", type=int, default=1_000, help="streams for each change (bar B5: at least 200)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-windows", action="store_true", help="leave the chi-square test of windows out")
    options = parser.parse_args()
    started = time.perf_counter()

    rates = in_turn(
        "false alarms",
        [lambda c=c: false_alarms.measure(c, options.seed) for c in false_alarms.cases(options.seeds)],
        options.threads,
    )
    print("\n== false alarms without drift (B1: pooled .5-1.0, no seed above 1.3)")
    print("\n".join(false_alarms.table(rates)))

    delays = in_turn(
        "delays",
        [lambda c=c: detection_delays.measure(c, options.runs, options.seed) for c in detection_delays.cases()],
        options.threads,
    )
    print("\n== detection delays in values (B5)")
    print("\n".join(detection_delays.table(delays)))

    missed = [row.case.name for row in rates if row.case.judged and not row.met]
    missed += [row.case.name for row in delays if not row.met]
    if not options.no_windows:
        print("\n== chi-square test of windows without drift (B2)", flush=True)
        if x2_null.main([]):
            missed.append("chi-square test of windows")

    RESULTS.mkdir(exist_ok=True)
    results = {
        "machine": facts(),
        "seed": options.seed,
        "seconds": round(time.perf_counter() - started, 1),
        "false_alarms": [row.raw() for row in rates],
        "delays": [row.raw() for row in delays],
        "missed": missed,
    }
    (RESULTS / "statistics.json").write_text(json.dumps(results) + "\n", encoding="utf-8")
    print(f"\n{'all bars met' if not missed else 'MISSED: ' + '; '.join(missed)}; {results['seconds']:.0f} s")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
