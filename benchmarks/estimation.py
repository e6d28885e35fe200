"""Estimates without labels against what the labels then said, beside NannyML's on the same chunks.

    python benchmarks/estimation.py                # about four minutes; makes the environment of NannyML the first time
    python benchmarks/estimation.py --no-peers
    python benchmarks/estimation.py --only california

Both learn from the same reference with labels; the labels of the analysis part only judge. A chunk is so many rows in
order, as NannyML cuts them. Raw results go to benchmarks/results/estimation.json. Ends with code 1 if a bar is missed: on
each of the two real classifiers, in row order, the mean absolute error of accuracy may not be above NannyML's by more than
0.0001. "By chance" is the mean absolute error of an estimate that is right, given how labels fall (by our standard errors).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))  # the modules beside this script

import numpy as np
from estimation_data import DataSet, california, employment, multiclass, regression, shuffled
from layout import DATA, RESULTS
from machine import facts
from peers.environments import python_of
from rich.console import Console
from rich.table import Table

from driftline.config.model_spec import ModelSpec
from driftline.processors.arrays import F64, U16
from driftline.processors.estimation.estimator import estimator_of, sums_of
from driftline.processors.estimation.realised import (
    binary_metrics,
    confusion_matrix,
    multiclass_metrics,
    regression_metrics,
)
from driftline.processors.reference.build import ReferenceBuilder
from driftline.processors.reference.layout import layout_of
from driftline.processors.reference.profile import Reference, decode_reference, encode_reference
from driftline.schemas.events import Prediction

BARS = ("california", "employment")
TOLERANCE = 1e-4
"""Of an accuracy: a tenth of what one prediction moves in a chunk of 1,000."""
SYNTHETIC_RUNS = 5
PEER_SECONDS_MAX = 600

Estimates = dict[str, list[float]]


def reference_of(data: DataSet) -> Reference:
    """What `driftline reference build` makes of the reference rows, read back from its file."""
    builder = ReferenceBuilder(ModelSpec(name="m", task=data.task))
    frame = data.reference
    scores = frame["score"].tolist() if "score" in frame else [None] * len(frame)
    columns = [frame[name].tolist() for name in data.features]
    rows = [
        Prediction(
            prediction_id=str(i),
            model="m",
            timestamp_ms=i * 60_000,
            prediction=prediction,
            score=score,
            features=dict(zip(data.features, values, strict=True)),
        )
        for i, (prediction, score, *values) in enumerate(
            zip(frame["prediction"].tolist(), scores, *columns, strict=True)
        )
    ]
    builder.add(rows, frame["label"].tolist())
    return decode_reference(encode_reference(builder.build(data.name)))


def our_estimates(data: DataSet, reference: Reference, rows: int) -> Estimates:
    """By metric, standard errors among them; one value a chunk."""
    assert reference.performance is not None
    classes = reference.performance.classes
    estimator = estimator_of(reference.performance, layout_of(reference, ModelSpec(name="m")), classes)
    frame = data.analysis
    prediction, label = frame["prediction"], frame.get("score", frame["prediction"])
    if data.task == "multiclass":
        prediction = prediction.map({name: c for c, name in enumerate(classes)})
    scores = estimator.scores(label.to_numpy(np.float64), *_matrices(data, reference))
    chunk = np.arange(len(frame)) // rows
    sums = sums_of(estimator, chunk, prediction.to_numpy(np.float64), scores)
    return {name: values.tolist() for name, values in estimator.metrics(sums).items()}


def _matrices(data: DataSet, reference: Reference) -> tuple[F64, U16]:
    """As PredictionBatch has them; only numbers, as only regression asks for them."""
    layout = layout_of(reference, ModelSpec(name="m"))
    if data.task != "regression":
        return np.zeros((len(data.analysis), 0)), np.zeros((len(data.analysis), 0), np.uint16)
    numeric = np.stack([data.analysis[field.name].to_numpy(np.float64) for field in layout.numeric_fields], axis=1)
    return numeric, np.zeros((len(numeric), 0), np.uint16)


def realised(data: DataSet, rows: int) -> Estimates:
    """What the labels say of each chunk."""
    chunks = [data.analysis[at : at + rows] for at in range(0, len(data.analysis), rows)]
    found = []
    for chunk in chunks:
        if data.task == "binary":
            said, was = chunk["prediction"].to_numpy() == 1, chunk["label"].to_numpy() == 1
            found.append(binary_metrics(said, chunk["score"].to_numpy(np.float64), was))
        elif data.task == "multiclass":
            code = {name: c for c, name in enumerate(sorted({*data.reference["label"], *data.analysis["label"]}))}
            said, was = (chunk[name].map(code).to_numpy(np.int64) for name in ("prediction", "label"))
            found.append(multiclass_metrics(confusion_matrix(said, was, len(code))))
        else:
            found.append(regression_metrics((chunk["prediction"] - chunk["label"]).to_numpy(np.float64)))
    return {name: [metrics[name] for metrics in found] for name in data.metrics}


def peer_estimates(data: DataSet, rows: int) -> dict[str, Any]:
    """NannyML's on the same chunks."""
    folder = DATA / "estimation"
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{data.name.replace(', ', '_')}_{part}.parquet" for part in ("reference", "analysis")]
    for file, frame in zip(files, (data.reference, data.analysis), strict=True):
        frame.to_parquet(file, index=False)
    script = Path(__file__).resolve().parent / "peers" / "nannyml_estimates.py"
    arguments = [data.task, *map(str, files), str(rows), ",".join(data.metrics), ",".join(data.features)]
    done = subprocess.run(
        [python_of("nannyml"), str(script), *arguments],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # a warning for every chunk that has but one class
        text=True,
        timeout=PEER_SECONDS_MAX,
    )
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def compared(data: DataSet, rows: int, with_peers: bool) -> dict[str, Any]:
    """All figures of one data set in chunks of one size."""
    started = time.perf_counter()
    ours = our_estimates(data, reference_of(data), rows)
    seconds = time.perf_counter() - started
    return {
        "data": data.name,
        "chunk_rows": rows,
        "seconds": seconds,
        "ours": ours,
        "realised": realised(data, rows),
        "nannyml": peer_estimates(data, rows) if with_peers else None,
    }


def pooled(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Runs of one data set, in chunks of one size, as one: the chunks of the one behind those of the other."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for result in results:
        key = result["data"], result["chunk_rows"]
        before = found.get(key)
        estimates = None if result["nannyml"] is None else result["nannyml"]["estimates"]
        parts = {"ours": result["ours"], "realised": result["realised"], "nannyml": estimates}
        if before is not None:
            parts = {who: part and _behind(before[who], part) for who, part in parts.items()}
        found[key] = {"data": key[0], "chunk_rows": key[1], **parts}
    return list(found.values())


def _behind(first: Estimates, second: Estimates) -> Estimates:
    return {name: [*values, *second[name]] for name, values in first.items()}


def mean_error(estimates: list[float], real: list[float]) -> float:
    """Mean absolute error over the chunks."""
    return float(np.nanmean(np.abs(np.array(estimates) - np.array(real))))


def table_of(results: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("data", "chunk", "chunks", "metric", "realised", "by chance"):
        table.add_column(name, justify="right" if name != "data" else "left")
    table.add_column("driftline", justify="right", style="bold")
    table.add_column("NannyML", justify="right")
    for result in results:
        for name, real in result["realised"].items():
            se = result["ours"].get(f"{name}_se")
            peer = result["nannyml"]
            table.add_row(
                result["data"],
                f"{result['chunk_rows']:,}",
                str(len(real)),
                name,
                f"{np.nanmin(real):.3f} to {np.nanmax(real):.3f}",
                "" if se is None else f"{np.nanmean(se) * np.sqrt(2 / np.pi):.4f}",
                f"{mean_error(result['ours'][name], real):.4f}",
                "" if peer is None else f"{mean_error(peer[name], real):.4f}",
            )
    return table


def missed(results: list[dict[str, Any]]) -> list[str]:
    """Bars that were missed."""
    found = []
    for result in results:
        if result["data"] in BARS and result["nannyml"] is not None:
            real = result["realised"]["accuracy"]
            ours, theirs = (mean_error(e["accuracy"], real) for e in (result["ours"], result["nannyml"]))
            if ours > theirs + TOLERANCE:
                found.append(f"{result['data']}, chunks of {result['chunk_rows']}: {ours:.5f} > {theirs:.5f}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="Estimates without labels against realised performance.")
    parser.add_argument("--no-peers", action="store_true", help="leave NannyML out")
    parser.add_argument("--only", help="one data set: california, employment, multiclass, regression")
    parser.add_argument("--seed", type=int, default=101)
    options = parser.parse_args()
    sets = [california(), employment(), shuffled(california(), options.seed), shuffled(employment(), options.seed)]
    sets += [make(options.seed + i) for make in (multiclass, regression) for i in range(SYNTHETIC_RUNS)]
    results = [
        compared(data, rows, not options.no_peers)
        for data in sets
        if options.only in (None, data.name)
        for rows in data.chunk_rows
    ]
    together = pooled(results)
    Console(width=120).print(table_of(together))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "estimation.json").write_text(json.dumps({"machine": facts(), "results": results}, indent=1))
    for line in missed(together):
        print(f"bar missed: {line}")
    return 1 if missed(together) else 0


if __name__ == "__main__":
    sys.exit(main())
