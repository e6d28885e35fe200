"""JSON lines of prediction events -> pandas frames of their features, in the fastest way that was found for both peers.

pyarrow's reader with a schema given and all other fields ignored takes half the time of orjson with one dict per
event, and less memory. It parses on all cores. Only the features are read: neither peer looks at time, context or ids.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.json

BLOCK_BYTES = 1 << 22


def feature_types(path: Path) -> dict[str, pa.DataType]:
    """Return the Arrow type of each feature, as the first event of the file has them."""
    with path.open("rb") as file:
        features = json.loads(file.readline())["features"]
    by_type = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    return {name: by_type[type(value)] for name, value in features.items()}


def read_frame(path: Path) -> pd.DataFrame:
    """Return the features of all events of the file."""
    table = pyarrow.json.read_json(path, *_options(path, BLOCK_BYTES))
    return _frame(pa.Table.from_struct_array(table["features"]))


def read_frames(path: Path, block_bytes: int) -> Iterator[pd.DataFrame]:
    """Yield the features of the file's events, one frame for every `block_bytes` of the file."""
    with pyarrow.json.open_json(path, *_options(path, block_bytes)) as batches:
        for batch in batches:
            yield _frame(pa.Table.from_struct_array(batch.column("features")))


def _options(path: Path, block_bytes: int) -> tuple[pyarrow.json.ReadOptions, pyarrow.json.ParseOptions]:
    schema = pa.schema([("features", pa.struct(list(feature_types(path).items())))])
    return (
        pyarrow.json.ReadOptions(block_size=block_bytes),
        pyarrow.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
    )


def _frame(table: pa.Table) -> pd.DataFrame:
    return table.to_pandas(split_blocks=True)
