"""A whylogs profile of one file of events, built block by block; run inside whylogs' own environment.

    python whylogs_profile.py PREDICTIONS

Prints one JSON object: rows, seconds of parsing, seconds of profiling. The profile is all that is asked of whylogs:
comparing it with that of a reference would come on top.
"""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

from parsing import read_frames
from whylogs.core import DatasetProfile

# 8 MB are about 13,000 events, the fastest of 4, 8, 32 and 128 MB: smaller blocks pay for the work per call, larger ones
# give pyarrow less to read ahead on the other core.
BLOCK_BYTES = 1 << 23


def main(predictions: Path) -> None:
    profile = DatasetProfile()
    rows, parse_s, compute_s = 0, 0.0, 0.0
    frames = read_frames(predictions, BLOCK_BYTES)
    while True:
        started = time.perf_counter()
        frame = next(frames, None)
        parsed = time.perf_counter()
        parse_s += parsed - started
        if frame is None:
            break
        profile.track(pandas=frame)
        compute_s += time.perf_counter() - parsed
        rows += len(frame)
    started = time.perf_counter()
    summary = profile.view().to_pandas()
    compute_s += time.perf_counter() - started
    result = {
        "name": "whylogs",
        "version": version("whylogs"),
        "rows": rows,
        "columns": len(summary),
        "parse_s": parse_s,
        "compute_s": compute_s,
        "found": f"{len(summary)} column profiles",
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
