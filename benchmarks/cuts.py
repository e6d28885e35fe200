"""What a cut of a large partition costs: how long it holds up the records, how much it writes, how long that takes.

    python benchmarks/cuts.py --segments 10000 --active 0.05

One model, windows of 10 min, 1 h and 1 d, the fields of the generated events, every segment with a row of its own. Between
two cuts the active segments get four events each. About a minute and 2 GB.
"""

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from events import DAY_MS, FIRST_DAY_MS, MODEL, blocks
from layout import RESULTS
from machine import facts
from state_of_segments import reference_of

from driftline.config.model_spec import ModelSpec
from driftline.processors.log_partition import LogPartition
from driftline.processors.recovery.cut import Cut, StoredCut, StoredPart
from driftline.processors.state import nbytes
from driftline.schemas.inputs import Input
from driftline.schemas.log_records import LogRecords

Result: TypeAlias = dict[str, Any]

EVENTS_PER_ACTIVE = 4
RUN_RECORDS = 1_000
# The bar: a cut holds up the records of a partition for at most this long.
STALL_S_MAX = 0.1


class Feed:
    """Plays generated events, round the given segments, into a partition."""

    def __init__(self, partition: LogPartition, events: int) -> None:
        self.partition = partition
        self._lines = self._events(events)
        self._offset = 0

    @staticmethod
    def _events(n: int) -> Iterator[bytes]:
        for block in blocks(1, 1, FIRST_DAY_MS + DAY_MS, n, None, 0):
            yield from (line.partition(b',"context":')[0] for line in block.splitlines())

    def play(self, segments: Sequence[int]) -> float:
        """One event a segment; the seconds it took."""
        started = time.perf_counter()
        for start in range(0, len(segments), RUN_RECORDS):
            values = [
                b'%s,"context":{"segment":"%d"}}' % (next(self._lines), segment)
                for segment in segments[start : start + RUN_RECORDS]
            ]
            offsets = list(range(self._offset, self._offset + len(values)))
            self._offset += len(values)
            record_ms = [FIRST_DAY_MS + 2 * DAY_MS] * len(values)
            run = self.partition.decode(Input.PREDICTIONS, LogRecords(values, offsets, record_ms))
            self.partition.apply(run)
        return time.perf_counter() - started


def measure(segments: int, active: float, rounds: int) -> list[Result]:
    """A full cut, then `rounds` incremental ones, then a way back."""
    spec = ModelSpec(
        name=MODEL,
        task="binary",
        windows_ms=(600_000, 3_600_000, DAY_MS),
        segments=(("segment",),),
        segments_max=segments,
        events_per_week=7e6,
    )
    references = {MODEL: {"": reference_of(spec, 0)}}
    partition = LogPartition({MODEL: spec}, references, partition=0, next_offsets=dict.fromkeys(Input, 0))
    rng, some = random.Random(1), int(active * segments)
    feed = Feed(partition, segments + rounds * some * EVENTS_PER_ACTIVE)
    print(f"{segments:,} segments ...", file=sys.stderr, flush=True)
    feed.play(range(segments))
    scope = partition.monitors[MODEL].scopes[0]
    state_mb = (
        (nbytes(scope.window_state) + nbytes(scope.detectors)) / 1e6 * len(scope.rows) / len(scope.detectors.seen)
    )
    cut, result = measured(partition, "full")
    results = [{**result, "state_mb": state_mb}]
    stored = {part.name: StoredPart(part.fingerprint, part.encode()) for part in cut.parts if part.encode is not None}
    del cut
    for i in range(rounds):
        chosen = rng.sample(range(segments), some)
        feed.play([segment for _ in range(EVENTS_PER_ACTIVE) for segment in chosen])
        results.append(measured(partition, f"{active:.0%} active, {i + 1}")[1])
    results.append(measured(partition, "full, again")[1])
    started = time.perf_counter()
    LogPartition.restore(
        {MODEL: spec}, references, StoredCut(0, partition.next, tuple(partition.monitors), stored)
    )  # of the full cut
    results[0]["restore_s"] = time.perf_counter() - started
    return results


def measured(partition: LogPartition, name: str) -> tuple[Cut, Result]:
    """One cut, and what it cost."""
    started = time.perf_counter()
    cut = partition.cut(full=name.startswith("full"))
    stall_s = time.perf_counter() - started
    written = [part.encode for part in cut.parts if part.encode is not None]
    started = time.perf_counter()
    sizes = [len(encode()) for encode in written]
    return cut, {
        "cut": name,
        "stall_s": stall_s,
        "encode_s": time.perf_counter() - started,
        "parts": len(cut.parts),
        "written_parts": len(sizes),
        "written_mb": sum(sizes) / 1e6,
        "largest_part_kb": max(sizes, default=0) / 1e3,
    }


def table(results: list[Result]) -> list[str]:
    """Return the lines of the table."""
    head = f"{'cut':>16} {'stall ms':>9} {'encode ms':>10} {'parts':>8} {'written':>8} {'MB':>8} {'largest KB':>11}"
    lines = [head, "-" * len(head)]
    for r in results:
        lines.append(
            f"{r['cut']:>16} {1e3 * r['stall_s']:9.1f} {1e3 * r['encode_s']:10.1f} {r['parts']:8,} "
            f"{r['written_parts']:8,} {r['written_mb']:8.1f} {r['largest_part_kb']:11.1f}"
        )
    full, others = results[0], results[1:-1]
    stall_s = statistics.median(r["stall_s"] for r in others)
    met = "met" if stall_s <= STALL_S_MAX else "MISSED"
    return [
        *lines,
        f"state {full['state_mb']:.0f} MB; the full cut read back in {full['restore_s']:.1f} s.",
        "stall: the thread that applies records waits. encode: on another thread, from copies.",
        f"bar <= {1e3 * STALL_S_MAX:.0f} ms of stall (median of the incremental cuts): {1e3 * stall_s:.1f}: {met}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="What a cut of a large partition costs.")
    parser.add_argument("--segments", type=int, default=10_000)
    parser.add_argument("--active", type=float, default=0.05, help="share of the segments with events between two cuts")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    results = measure(arguments.segments, arguments.active, arguments.rounds)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "cuts.json").write_text(json.dumps({"machine": facts(), "runs": results}, indent=2) + "\n")
    print("\n".join(table(results)))


if __name__ == "__main__":
    main()
