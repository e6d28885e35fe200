"""Labels joined a second while as many predictions flow, from the bytes of both logs to performance windows: one thread.

    python benchmarks/labels.py            # 400,000 predictions and as many labels; half a minute

Predictions have 10 features and two segment sets, 100 a second; each gets its label up to half an hour later. The same log
is first played without labels: the ratio is what labels cost. Facts wait in memory.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from layout import HERE, RESULTS
from machine import facts

Result: TypeAlias = dict[str, Any]

LABELS_MIN: Final = 60_000
"""The bar: labels a second in one process."""

BATCH: Final = 8_192
START_MS: Final = 1_767_225_600_000
STEP_MS: Final = 10
DELAY_MS_MAX: Final = 30 * 60_000
REFERENCE_ROWS: Final = 2_000
FEATURES: Final = 10


def prediction(rng: random.Random, i: int) -> dict[str, Any]:
    return {
        "prediction_id": f"prediction-{i:08d}",
        "model": "m",
        "model_version": "v1",
        "timestamp": START_MS + i * STEP_MS,
        "prediction": int(rng.random() < 0.3),
        "score": round(rng.random(), 4),
        "features": {f"f{k}": round(rng.random(), 6) for k in range(FEATURES)},
        "context": {"region": rng.choice(("eu", "us", "asia")), "device": rng.choice(("ios", "web"))},
    }


def logs(n: int) -> tuple[list[bytes], list[bytes]]:
    """JSON lines of n predictions and of their labels, each in the order of its log."""
    rng = random.Random(1)
    predictions = [json.dumps(prediction(rng, i)).encode() + b"\n" for i in range(n)]
    known = sorted((START_MS + i * STEP_MS + rng.randrange(DELAY_MS_MAX), i) for i in range(n))
    labels = [
        json.dumps(
            {"prediction_id": f"prediction-{i:08d}", "model": "m", "timestamp": ms, "label": i % 3 == 0}
        ).encode()
        for ms, i in known
    ]
    return predictions, [label + b"\n" for label in labels]


def partition(labelled: bool) -> Any:
    """A fresh partition with the one model."""
    from driftline.config.model_spec import ModelSpec
    from driftline.processors.partition import Partition
    from driftline.processors.reference.build import build_reference
    from driftline.schemas.codec import PredictionDecoder

    rng, decoder = random.Random(2), PredictionDecoder()
    rows = [decoder.decode(json.dumps(prediction(rng, i)).encode()).event for i in range(REFERENCE_ROWS)]  # type: ignore[union-attr]
    spec = ModelSpec(name="m", task="binary", segments=(("region",), ("region", "device")))
    return Partition({"m": spec}, {"m": {"": build_reference(spec, rows, "benchmark")}}, outcomes=labelled)


def play(predictions: list[bytes], labels: list[bytes], labelled: bool) -> Result:
    """Seconds in decoding and applying of each log; both are read side by side, as a replay of files does."""
    where = partition(labelled)
    spent: dict[str, float] = dict.fromkeys(("decode", "apply", "decode_labels", "apply_labels"), 0.0)

    def step(log: list[bytes], start: int, decode: Callable[..., Any], apply: Callable[..., Any], names: Any) -> int:
        block = b"".join(log[start : start + BATCH])
        started = time.perf_counter()
        decoded = decode(block, start)
        between = time.perf_counter()
        apply(decoded)
        spent[names[0]] += between - started
        spent[names[1]] += time.perf_counter() - between
        return min(start + BATCH, len(log))

    p = q = 0
    while p < len(predictions):
        p = step(predictions, p, where.decode_lines, where.apply, ("decode", "apply"))
        if labelled and q < len(labels):
            q = step(labels, q, where.decode_label_lines, where.apply_labels, ("decode_labels", "apply_labels"))
    total = sum(spent.values())
    result: Result = {"predictions": p, "labels": q, "seconds": spent, "predictions_per_s": p / total}
    if labelled:
        where.finish()
        counters = where.outcomes.counters()
        result["joined"] = counters.joined + counters.claimed
        result |= {"labels_per_s": q / total}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description="Labels joined a second, from bytes to windows.")
    parser.add_argument("--events", type=int, default=400_000)
    arguments = parser.parse_args()
    sys.path.insert(0, str(HERE.parent))
    predictions, labels = logs(arguments.events)
    play(predictions[: 4 * BATCH], labels[:BATCH], True)  # compiled, and pages touched
    alone, both = play(predictions, labels, False), play(predictions, labels, True)
    assert both["joined"] == len(labels), "every label finds its prediction"
    met = "met" if both["labels_per_s"] >= LABELS_MIN else "MISSED"
    said = f"bar >= {LABELS_MIN:,} labels/s with as many predictions: {both['labels_per_s']:,.0f}: {met}"
    RESULTS.mkdir(exist_ok=True)
    runs = {"predictions_alone": alone, "with_labels": both}
    (RESULTS / "labels.json").write_text(
        json.dumps({"machine": facts(), "runs": runs, "bars": [said]}, indent=2) + "\n"
    )
    print(f"predictions alone: {alone['predictions_per_s']:,.0f}/s")
    print(f"with labels: {both['predictions_per_s']:,.0f}/s, and {both['labels_per_s']:,.0f} labels/s")
    print("seconds: " + ", ".join(f"{name} {s:.2f}" for name, s in both["seconds"].items()))
    print(said)


if __name__ == "__main__":
    main()
