"""Plays events of many segments into one monitor and prints what it holds, as one JSON object. Started by state.py.

python benchmarks/state_of_segments.py 1000
python benchmarks/state_of_segments.py 10000 --room 1000
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from events import DAY_MS, FIRST_DAY_MS, MODEL, blocks
from msgspec.structs import replace

from driftline.config.model_spec import ModelSpec
from driftline.processors.codes import CELLS, cell_of_bin
from driftline.processors.partition import Partition
from driftline.processors.reference.build import build_reference
from driftline.processors.reference.profile import FieldProfile, Reference, SegmentProfile
from driftline.processors.state import DetectorState, WindowState, arrays_of, nbytes
from driftline.schemas.codec import PredictionDecoder
from driftline.schemas.rejections import Rejection

EVENTS_PER_SEGMENT = 10
EVENTS_MIN = 2_000
REFERENCE_ROWS = 5_000
# Small batches: what is measured is the state, and not the windows of many segments that one large batch would close.
BATCH_EVENTS = 1_000


def measure(segments: int, room: int | None) -> dict[str, Any]:
    """Play the events. `room` None: all segments are in the reference; else none is, and this many rows are free."""
    spec = ModelSpec(
        name=MODEL,
        task="binary",
        windows_ms=(600_000, 3_600_000, DAY_MS),
        segments=(("segment",),),
        segments_max=1 if room is None else room,
        events_per_week=7e6,
    )
    reference = reference_of(spec, segments if room is None else 0)
    before, started = resident_bytes(), time.perf_counter()
    partition = Partition({MODEL: spec}, {MODEL: {"": reference}})
    made_s = time.perf_counter() - started
    for offset, block in segmented_events(segments):
        partition.apply(partition.decode_lines(block, offset))
    monitor = partition.monitors[MODEL]
    scope = monitor.scopes[0]
    rows, fields = len(scope.rows), scope.tables.n_fields
    after = resident_bytes()
    snapshot = monitor.snapshot()
    places = rows * fields
    return {
        "segments": segments,
        "room": room,
        "rows": rows,
        "fields": fields,
        "events": monitor.counters.applied,
        "window_bytes": bytes_per_row(scope.window_state) / fields,
        "detector_bytes": bytes_per_row(scope.detectors) / fields,
        "allocated_mb": (nbytes(scope.window_state) + nbytes(scope.detectors)) / 1e6,
        "reference_mb": (array_bytes(scope.tables) + array_bytes(scope.thresholds.judges)) / 1e6,
        "snapshot_bytes": len(snapshot) / places,
        "snapshot_mb": len(snapshot) / 1e6,
        "made_s": made_s,
        "grown_mb": (after - before) / 1e6,
    }


def reference_of(spec: ModelSpec, segments: int) -> Reference:
    """Return a reference of generated events in which each segment has the profile of the whole."""
    decoder = PredictionDecoder()
    lines = b"".join(blocks(1, 0, FIRST_DAY_MS, REFERENCE_ROWS, None, 0)).splitlines()
    decoded = [decoder.decode(line) for line in lines]
    events = [read.event for read in decoded if not isinstance(read, Rejection)]
    whole = build_reference(spec, events, source="generated")
    cells = [whole_cells(field) for field in whole.fields]
    profiles = [
        SegmentProfile(segment_set=("segment",), label=f"segment={i}", n=whole.n, cells=cells) for i in range(segments)
    ]
    return replace(whole, segments=profiles)


def whole_cells(field: FieldProfile) -> list[int]:
    """Return the histogram cells of a field over the whole reference."""
    cells = np.zeros(CELLS, np.int64)
    if field.kind == "numeric":
        counts = np.asarray(field.bin_counts)
        np.add.at(cells, cell_of_bin(counts), counts)
    else:
        cells[: len(field.category_counts)] = field.category_counts
    return [int(count) for count in cells]


def segmented_events(segments: int) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, lines) of generated events that go round the segments in turn."""
    n = max(EVENTS_MIN, EVENTS_PER_SEGMENT * segments)
    offset = 0
    for block in blocks(1, 1, FIRST_DAY_MS + DAY_MS, n, None, 0):
        heads = [line.partition(b',"context":')[0] for line in block.splitlines()]
        for start in range(0, len(heads), BATCH_EVENTS):
            batch = heads[start : start + BATCH_EVENTS]
            yield offset, b"".join(_with_segment(head, (offset + i) % segments) for i, head in enumerate(batch))
            offset += len(batch)


def _with_segment(head: bytes, segment: int) -> bytes:
    return b'%s,"context":{"segment":"%d"}}\n' % (head, segment)


def bytes_per_row(state: WindowState | DetectorState) -> float:
    """Bytes of one segment in all arrays of a state."""
    return sum((array.nbytes / array.shape[0] for _, array in arrays_of(state)), 0.0)


def array_bytes(holder: Any) -> int:
    """Bytes of the numpy arrays that are attributes of an object, or items of a named tuple."""
    values = holder if isinstance(holder, tuple) else vars(holder).values()
    return sum(value.nbytes for value in values if isinstance(value, np.ndarray))


def resident_bytes() -> int:
    """Memory of this process that is in use now."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


def main() -> None:
    parser = argparse.ArgumentParser(description="What a monitor of many segments holds.")
    parser.add_argument("segments", type=int)
    parser.add_argument(
        "--room", type=int, default=None, help="segments beyond it are pooled; none is in the reference"
    )
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.segments, arguments.room)))


if __name__ == "__main__":
    main()
