"""Join stores: labels a second that they could serve, and what a prediction costs that waits.

    python benchmarks/join_stores.py                                        # a million pending in each; two minutes
    python benchmarks/join_stores.py --stores rocksdb --pending 10000000    # does memory stay flat?

Each store runs in a process of its own. First predictions are put until as many wait as asked for; then, for some seconds,
every batch brings as many new predictions as labels of predictions that wait, drawn from all of them alike: the worst case
for a cache. A batch is read, changed and put as the outcome side does it, the changes of a second go to the database behind
the overlay, and what is old leaves. Only the calls of the store are timed, so this is the store's part of a join. Records
have the size of two segment sets. Redis is a real one on this machine, and shares its cores.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

from layout import HERE, RESULTS
from machine import facts
from measured import run
from process_figures import memory_mb

Result: TypeAlias = dict[str, Any]

STORES: Final = ("memory", "rocksdb", "redis")
WIDTH: Final = 89  # a fact with version and two segment sets
SEQUENCE_AT: Final = 1
BATCH: Final = 4_096
FLUSH_EVERY: Final = 16  # batches: about a second's worth of 60,000 labels and as many predictions
KEEP_MS: Final = 7 * 86_400_000
CACHE_MB: Final = 64
SAMPLES: Final = 10
# The bars: labels a second, and bytes for each pending prediction in memory.
RATES_MIN: Final = {"memory": 60_000, "rocksdb": 60_000, "redis": 30_000}
BYTES_MAX: Final = 120
# Of resident memory, from the fourth tenth of the records to the last; with fewer records the cache is still being filled.
GROWTH_MAX: Final = 0.25
FLAT_FROM: Final = 5_000_000


def measure(kind: str, pending: int, seconds: float) -> Result:
    """Fill one store and let labels come; to be called in a process of its own."""
    sys.path.insert(0, str(HERE.parent))
    with tempfile.TemporaryDirectory() as folder, store_of(kind, Path(folder), pending) as (store, held_bytes):
        traffic = Traffic(store, pending)
        empty_mb = memory_mb(os.getpid())["rss_mb"]
        samples = []
        while traffic.predictions < pending:
            traffic.batch(labels=False)
            if traffic.predictions * SAMPLES // pending > len(samples):
                samples.append(memory_mb(os.getpid())["rss_mb"])
        fill = {"predictions": traffic.predictions, "store_s": traffic.store_s}
        held = held_bytes()
        traffic.store_s, started = 0.0, time.perf_counter()
        while time.perf_counter() - started < seconds:
            traffic.batch(labels=True)
        return {
            "store": kind,
            "pending": fill["predictions"],
            "filled_per_s": fill["predictions"] / fill["store_s"],
            "labels_per_s": traffic.labels / traffic.store_s,
            "bytes_per_pending": held / fill["predictions"],
            "rss_mb": [round(mb - empty_mb, 1) for mb in samples],
        }


@contextlib.contextmanager
def store_of(kind: str, folder: Path, pending: int) -> Iterator[tuple[Any, Any]]:
    """A store, and a function that says how many bytes it holds, wherever it holds them."""
    from driftline.processors.outcomes.memory_store import MemoryStore
    from driftline.processors.outcomes.write_behind import WriteBehind

    if kind == "memory":
        store = MemoryStore(WIDTH, SEQUENCE_AT, pending)
        yield store, lambda: store.nbytes
    elif kind == "rocksdb":
        from driftline.sinks.join_stores.rocks_database import block_cache
        from driftline.sinks.join_stores.rocksdb import RocksStore

        rocks = RocksStore(folder / "db", WIDTH, KEEP_MS, block_cache(CACHE_MB))
        yield WriteBehind(rocks), lambda: sum(file.stat().st_size for file in (folder / "db").glob("*"))
        rocks.close()
    else:
        from driftline.sinks.join_stores.redis import RedisStore
        from tests.servers.redis_server import RedisServer

        with RedisServer(folder / "redis") as server:
            client = server.client(socket_timeout=10, protocol=2)
            redis = RedisStore(client, "driftline:{benchmark}", WIDTH, KEEP_MS, 86_400_000)
            used = int(server.run("INFO", "memory")["used_memory"])
            yield WriteBehind(redis), lambda: int(server.run("INFO", "memory")["used_memory"]) - used


class Traffic:
    """Predictions numbered from 0 on, spread evenly over `KEEP_MS` in merged time for each `pending` of them."""

    def __init__(self, store: Any, pending: int) -> None:
        import numpy as np

        self.np, self.store, self.pending = np, store, pending
        self.rng = np.random.default_rng(1)
        self.predictions = self.labels = self.batches = 0
        self.store_s = 0.0
        store.open()

    def batch(self, *, labels: bool) -> None:
        """New predictions, and as many labels of earlier ones."""
        np = self.np
        new = np.arange(self.predictions, self.predictions + BATCH)
        old = new[:0]
        if labels:
            old = np.unique(self.rng.integers(max(0, self.predictions - self.pending + BATCH), self.predictions, BATCH))
        self.predictions += BATCH
        numbers = np.concatenate([old, new])
        keys = self._keys(numbers)
        started = time.perf_counter()
        found, records = self.store.get(keys)
        self.store_s += time.perf_counter() - started
        assert found[: len(old)].all() and not found[len(old) :].any()
        records[:, SEQUENCE_AT : SEQUENCE_AT + 8] = numbers.astype("<i8").view(np.uint8).reshape(-1, 8)
        records[:, SEQUENCE_AT + 8 :] = self.rng.integers(0, 256, (len(keys), WIDTH - SEQUENCE_AT - 8), np.uint8)
        self.labels += len(old)
        self.batches += 1
        position, merged_ms = b"%d" % self.batches, self.predictions * KEEP_MS // self.pending
        started = time.perf_counter()
        self.store.put(keys, records)
        if self.batches % FLUSH_EVERY == 0:
            self.store.commit(position, merged_ms)
            self.store.flush(position)
        self.store_s += time.perf_counter() - started

    def _keys(self, numbers: Any) -> Any:
        """SplitMix64 (Steele, Lea and Flood 2014) of the numbers: as spread as keyed hashes of ids are."""
        np = self.np
        z = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def table(results: list[Result]) -> list[str]:
    """Return the lines of the table; ratios are to the first store."""
    head = f"{'store':>8} {'pending':>11} {'filled/s':>9} {'labels/s':>9} {'ratio':>6} {'B/pending':>10} RSS in MB"
    lines = [head, "-" * len(head)]
    for r in results:
        ratio = r["labels_per_s"] / results[0]["labels_per_s"]
        lines.append(
            f"{r['store']:>8} {r['pending']:11,} {r['filled_per_s']:9,.0f} {r['labels_per_s']:9,.0f} {ratio:6.2f} "
            f"{r['bytes_per_pending']:10.1f} {' '.join(f'{mb:.0f}' for mb in r['rss_mb'])}"
        )
    return [
        *lines,
        "labels/s: while as many predictions come; time in the store alone. B/pending: in memory, on disk, in Redis.",
        "RSS: of the worker's process, grown since the start, at each tenth of the filling.",
    ]


def bars(results: list[Result]) -> list[str]:
    """Return one line for each bar."""
    lines = []
    for r in results:
        least = RATES_MIN[r["store"]]
        met = "met" if r["labels_per_s"] >= least else "MISSED"
        lines.append(f"bar {r['store']} >= {least:,} labels/s: {r['labels_per_s']:,.0f}: {met}")
        if r["store"] == "memory":
            met = "met" if r["bytes_per_pending"] <= BYTES_MAX else "MISSED"
            lines.append(f"bar memory <= {BYTES_MAX} B a pending prediction: {r['bytes_per_pending']:.1f}: {met}")
        if r["store"] == "rocksdb" and r["pending"] >= FLAT_FROM:
            grown = r["rss_mb"][-1] / max(r["rss_mb"][3], 1.0) - 1
            met = "met" if grown <= GROWTH_MAX else "MISSED"
            lines.append(f"bar rocksdb memory flat over {r['pending']:,} pending: {100 * grown:+.0f} %: {met}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description="Rates and sizes of the join stores.")
    parser.add_argument("--stores", nargs="+", choices=STORES, default=list(STORES))
    parser.add_argument("--pending", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=15.0, help="of labels, for each store")
    parser.add_argument("--case", choices=STORES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case is not None:
        print(json.dumps(measure(arguments.case, arguments.pending, arguments.seconds)))
        return
    results = []
    for store in arguments.stores:
        print(f"{store} ...", file=sys.stderr, flush=True)
        options = ["--case", store, "--pending", str(arguments.pending), "--seconds", str(arguments.seconds)]
        results.append(json.loads(run([sys.executable, str(HERE / "join_stores.py"), *options]).output))
    RESULTS.mkdir(exist_ok=True)
    said = bars(results)
    text = json.dumps({"machine": facts(), "runs": results, "bars": said}, indent=2)
    (RESULTS / "join_stores.json").write_text(text + "\n")
    print("\n".join([*table(results), *said]))


if __name__ == "__main__":
    main()
