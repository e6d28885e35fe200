"""NannyML's CBPE and DLE, next to what its own calculator of realised performance says of the same chunks.

    python nannyml_estimates.py TASK REFERENCE.parquet ANALYSIS.parquet CHUNK_ROWS METRICS FEATURES

Run inside NannyML's own environment. Both files have `prediction`, `score` (classifiers; `probability_<class>` for several
classes), `label` and features; metrics and features are comma-separated. Prints one JSON object: seconds, and per metric the
estimates of the chunks of CHUNK_ROWS rows in order, the last, shorter one included.
"""

import json
import os
import sys
import time

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"

import nannyml
import pandas as pd
from nannyml.chunk import SizeBasedChunker

NAMES = {"macro_f1": "f1"}


def main(task: str, reference: str, analysis: str, rows: str, metrics: str, features: str) -> None:
    baseline, current = pd.read_parquet(reference), pd.read_parquet(analysis)
    chunker = SizeBasedChunker(int(rows), incomplete="keep")
    wanted = metrics.split(",")
    common = {
        "y_pred": "prediction",
        "y_true": "label",
        "chunker": chunker,
        "metrics": [NAMES.get(m, m) for m in wanted],
    }
    started = time.perf_counter()
    if task == "regression":
        estimator = nannyml.DLE(feature_column_names=features.split(","), **common)
    elif task == "multiclass":
        columns = {name.removeprefix("probability_"): name for name in baseline if name.startswith("probability_")}
        estimator = nannyml.CBPE(problem_type="classification_multiclass", y_pred_proba=columns, **common)
    else:
        estimator = nannyml.CBPE(problem_type="classification_binary", y_pred_proba="score", **common)
    estimator.fit(baseline)
    found = estimator.estimate(current.drop(columns="label")).filter(period="analysis").to_df()
    estimates = {name: [float(v) for v in found[NAMES.get(name, name)]["value"]] for name in wanted}
    print(
        json.dumps({"version": nannyml.__version__, "seconds": time.perf_counter() - started, "estimates": estimates})
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
