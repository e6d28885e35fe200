"""Writes the input of the benchmarks: prediction events, a reference sample of the day before, and a configuration.

    python benchmarks/generate.py --rows 1000000
    python benchmarks/generate.py --rows 100000 --drift none --out events

The same arguments give the same bytes, on one version of numpy. The events of a day are spread evenly over its 24
hours, whatever their number; from 70 % of them on, one feature is shifted (`--drift`).
"""

import argparse
import time
from pathlib import Path

from events import DAY_MS, DRIFTS, FIRST_DAY_MS, MODEL, blocks
from layout import CONFIG, DATA, PREDICTIONS, PROFILE, REFERENCE

REFERENCE_ROWS = 50_000
DRIFT_AT = 0.7

CONFIG_TEXT = """\
version: 1
models:
  {model}:
    task: binary
    reference: {profile}
    windows: [10m, 1h, 1d]
    segments: [region, [region, device]]
    false_alarms: 1/week
    # The reference is a sample: the stream has this many events a week.
    events_per_week: {events_per_week}
"""


def generate(out: Path, rows: int, seed: int, drift: str | None) -> None:
    """Write predictions.jsonl, reference.jsonl and driftline.yaml into the folder `out`."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / REFERENCE).open("wb") as file:
        file.writelines(blocks(seed, 0, FIRST_DAY_MS, REFERENCE_ROWS, None, 0))
    with (out / PREDICTIONS).open("wb") as file:
        file.writelines(blocks(seed, 1, FIRST_DAY_MS + DAY_MS, rows, drift, int(rows * DRIFT_AT)))
    text = CONFIG_TEXT.format(model=MODEL, profile=PROFILE, events_per_week=7 * rows)
    (out / CONFIG).write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the input of the benchmarks.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--drift", choices=[*DRIFTS, "none"], default="amount", help="the feature that shifts at 70 %%")
    parser.add_argument("--out", type=Path, default=DATA, help="folder (default: %(default)s)")
    arguments = parser.parse_args()
    started = time.perf_counter()
    generate(arguments.out, arguments.rows, arguments.seed, None if arguments.drift == "none" else arguments.drift)
    took_s = time.perf_counter() - started
    size = (arguments.out / PREDICTIONS).stat().st_size
    print(f"{arguments.rows:,} events of {size / arguments.rows:.0f} bytes in {took_s:.1f} s: {arguments.out}")


if __name__ == "__main__":
    main()
