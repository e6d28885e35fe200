"""Evidently's DataDriftPreset with its defaults over one file of events; run inside Evidently's own environment.

    python evidently_drift.py PREDICTIONS REFERENCE

Prints one JSON object: rows, seconds of parsing the predictions, seconds of computing the report, columns found drifted.
"""

import json
import sys
import time
from pathlib import Path

import evidently
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset
from parsing import read_frame


def main(predictions: Path, reference: Path) -> None:
    baseline = read_frame(reference)
    definition = DataDefinition(
        numerical_columns=[name for name in baseline if pd.api.types.is_numeric_dtype(baseline[name])],
        categorical_columns=[name for name in baseline if not pd.api.types.is_numeric_dtype(baseline[name])],
    )
    started = time.perf_counter()
    current = read_frame(predictions)
    parsed = time.perf_counter()
    snapshot = Report([DataDriftPreset()]).run(
        Dataset.from_pandas(current, data_definition=definition),
        Dataset.from_pandas(baseline, data_definition=definition),
    )
    report = snapshot.dict()
    computed = time.perf_counter()
    drifted = next(metric["value"] for metric in report["metrics"] if "DriftedColumnsCount" in metric["metric_name"])
    result = {
        "name": "evidently",
        "version": evidently.__version__,
        "rows": len(current),
        "columns": current.shape[1],
        "parse_s": parsed - started,
        "compute_s": computed - parsed,
        "found": f"{drifted['count']:.0f} drifted columns",
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
