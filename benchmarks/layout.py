"""Where the benchmarks keep what they make: all of it in folders that git ignores."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))  # for servers and processes that tests start too: tests.servers, tests.streaming
DATA = HERE / "data"
RESULTS = HERE / "results"

# in the folder of generated data
PREDICTIONS, REFERENCE, CONFIG, PROFILE = "predictions.jsonl", "reference.jsonl", "driftline.yaml", "reference.json"
