"""Bytes of state of one monitor, by the number of its segments: what a worker's memory and its snapshots grow with.

    python benchmarks/state.py --segments 1 100 1000 10000

Windows 10 min, 1 h and 1 d; the fields of the generated events. Every segment has a reference profile of its own and
gets a few events, so that every array is in use: the worst case. The last line is the explosion of a segment key, 10,000
values that the reference does not know with room for 1,000 of them.
"""

import argparse
import json
import sys
from typing import Any, TypeAlias

from layout import HERE, RESULTS
from machine import facts
from measured import run

Result: TypeAlias = dict[str, Any]

SEGMENTS = (1, 100, 1_000, 10_000)
EXPLOSION, ROOM = 10_000, 1_000
# The bar: 3 KB for each feature and segment.
STATE_BYTES_MAX = 3_000


def measure(case: list[str]) -> Result:
    """Measure one number of segments in a process of its own."""
    print(f"state of {' '.join(case)} segments ...", file=sys.stderr, flush=True)
    done = run([sys.executable, str(HERE / "state_of_segments.py"), *case])
    return {**json.loads(done.output), "wall_s": done.wall_s, "peak_mb": done.peak_mb}


def table(results: list[Result]) -> list[str]:
    """Return the lines of the table."""
    head = (
        f"{'segments':>18} {'rows':>7} {'windows B':>10} {'detectors B':>12} {'state B':>8} {'snapshot B':>11} "
        f"{'snapshot MB':>12} {'reference MB':>13} {'made s':>7} {'grown MB':>9} {'peak MB':>8}"
    )
    lines = [head, "-" * len(head)]
    for r in results:
        name = f"{r['segments']:,}" if r["room"] is None else f"{r['segments']:,}, room {r['room']:,}"
        lines.append(
            f"{name:>18} {r['rows']:7,} {r['window_bytes']:10,.0f} {r['detector_bytes']:12,.0f} {state_bytes(r):8,.0f} "
            f"{r['snapshot_bytes']:11,.0f} {r['snapshot_mb']:12.1f} {r['reference_mb']:13.1f} {r['made_s']:7.1f} "
            f"{r['grown_mb']:9.0f} {r['peak_mb']:8.0f}"
        )
    return [
        *lines,
        "rows: segments and the whole model. B: bytes for each row and field. reference: its tables and thresholds.",
        "made: to make the monitor from its reference, thresholds and all.",
        "grown: of the process, by making the monitor and taking in the events. peak: after that, with a snapshot made.",
    ]


def bars(results: list[Result]) -> list[str]:
    """Return one line for each bar."""
    largest = max(state_bytes(r) for r in results)
    met = "met" if largest <= STATE_BYTES_MAX else "MISSED"
    lines = [f"bar <= {STATE_BYTES_MAX:,} B of state for each segment and field: {largest:,.0f}: {met}"]
    for r in results:
        if r["room"] is not None:
            met = "met" if r["rows"] <= r["room"] + 2 else "MISSED"
            lines.append(f"bar {r['segments']:,} segments in {r['room']:,} rows and two more: {r['rows']:,}: {met}")
    return lines


def state_bytes(result: Result) -> float:
    return float(result["window_bytes"] + result["detector_bytes"])


def main() -> None:
    parser = argparse.ArgumentParser(description="Bytes of state of a monitor by its number of segments.")
    parser.add_argument("--segments", type=int, nargs="+", default=list(SEGMENTS))
    arguments = parser.parse_args()
    cases = [[str(n)] for n in arguments.segments] + [[str(EXPLOSION), "--room", str(ROOM)]]
    results = [measure(case) for case in cases]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "state.json").write_text(json.dumps({"machine": facts(), "runs": results}, indent=2) + "\n")
    print("\n".join([*table(results), *bars(results)]))


if __name__ == "__main__":
    main()
