"""Where the benchmarks keep what they make: all of it in folders that git ignores."""

from pathlib import Path

HERE = Path(__file__).resolve().parent
DATA = HERE / "data"
RESULTS = HERE / "results"

# in the folder of generated data
PREDICTIONS, REFERENCE, CONFIG, PROFILE = "predictions.jsonl", "reference.jsonl", "driftline.yaml", "reference.json"
