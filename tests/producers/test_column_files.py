"""CSV and Parquet: the same rows become the same events."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from driftline.config.model_spec import ColumnMapping, LabelColumns
from driftline.producers.files import has_times, read_events, read_labels
from driftline.schemas.codec import LabelDecoder, PredictionDecoder
from driftline.schemas.errors import InputError
from driftline.schemas.rejections import Rejection

PLAIN = ColumnMapping(prediction_id="id", timestamp="ts", prediction="y")


def events(path: Path, mapping: ColumnMapping = PLAIN, **options: Any) -> list[dict[str, Any]]:
    blocks = read_events(path, mapping, "m", **options)
    return [json.loads(line) for block in blocks for line in block.splitlines()]


def csv_file(folder: Path, text: str, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def parquet_file(folder: Path, **columns: Any) -> Path:
    path = folder / "rows.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def features_of(path: Path, mapping: ColumnMapping = PLAIN) -> list[dict[str, Any]]:
    return [event["features"] for event in events(path, mapping)]


# ---- one row, both formats


def test_a_row_becomes_an_event(tmp_path: Path) -> None:
    mapping = ColumnMapping(
        prediction_id="id",
        timestamp="ts",
        prediction="y",
        score="p",
        model_version="version",
        context={"region": "where"},
        measurements={"latency_ms": "took"},
        probabilities={"yes": "p_yes", "no": "p_no"},
        ignore=("target", "not there"),
    )
    expected = {
        "prediction_id": "007",
        "model": "m",
        "timestamp": 1_622_505_600_000,
        "prediction": 1,
        "model_version": "2.0",
        "score": 0.75,
        "features": {"age": 42, "income": 1.5, "colour": "red", "member": True, "gap": None},
        "probabilities": {"yes": 0.75, "no": 0.25},
        "context": {"region": "12"},
        "measurements": {"latency_ms": 3.5},
    }
    text = (
        "id,ts,y,p,version,where,took,p_yes,p_no,target,age,income,colour,member,gap\n"
        "007,2021-06-01 00:00:00,1,0.75,2.0,12,3.5,0.75,0.25,1,42,1.5,red,true,\n"
    )
    assert events(csv_file(tmp_path, text), mapping) == [expected]
    columns = {
        "id": ["007"],
        "ts": [datetime(2021, 6, 1)],
        "y": [1],
        "p": [0.75],
        "version": ["2.0"],
        "where": [12],
        "took": [3.5],
        "p_yes": [0.75],
        "p_no": [0.25],
        "target": [1],
        "age": [42],
        "income": [1.5],
        "colour": pa.array(["red"]).dictionary_encode(),
        "member": [True],
        "gap": pa.array([None], pa.float64()),
    }
    assert events(parquet_file(tmp_path, **columns), mapping) == [expected]


def test_what_is_not_mapped_is_found_by_its_own_name(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "prediction_id,timestamp,prediction,score,x\na,2021-06-01T00:00:00Z,1,0.5,3\n")
    (event,) = events(path, ColumnMapping())
    assert (event["prediction_id"], event["score"], event["features"]) == ("a", 0.5, {"x": 3})


def test_only_listed_features_are_read(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "id,ts,y,a,b\n1,2021-06-01,1,2,3\n")
    mapping = ColumnMapping(prediction_id="id", timestamp="ts", prediction="y", features=("b",))
    assert features_of(path, mapping) == [{"b": 3}]


def test_every_event_of_a_file_is_readable_or_rejected_with_a_reason(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "id,ts,y\na,2021-06-01,1\n,2021-06-01,1\nb,yesterday,1\nc,2021-06-01,\n")
    decoder = PredictionDecoder()
    lines = b"".join(read_events(path, PLAIN, "m")).splitlines()
    read = [decoder.decode(line) for line in lines]
    assert [r.reason if isinstance(r, Rejection) else r.event.prediction_id for r in read] == [
        "a",
        "missing_field",
        "bad_timestamp",
        "missing_field",
    ]


def test_blocks_are_bounded_and_in_order(tmp_path: Path) -> None:
    rows = "".join(f"{i},2021-06-01,1,{i}\n" for i in range(20_000))
    blocks = list(read_events(csv_file(tmp_path, "id,ts,y,x\n" + rows), PLAIN, "m"))
    assert max(block.count(b"\n") for block in blocks) == 8_192
    assert [json.loads(line)["features"]["x"] for b in blocks for line in b.splitlines()] == list(range(20_000))
    table = {"id": range(20_000), "ts": [date(2021, 6, 1)] * 20_000, "y": [1] * 20_000, "x": range(20_000)}
    path = parquet_file(tmp_path, **{name: list(values) for name, values in table.items()})
    assert list(read_events(path, PLAIN, "m")) == blocks


def test_progress_ends_at_the_size_of_the_file(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    rows = "".join(f"{i},2021-06-01,1\n" for i in range(9_000))
    for path in (
        csv_file(tmp_path, "id,ts,y\n" + rows),
        parquet_file(tmp_path, id=list(range(9_000)), ts=["2021-06-01"] * 9_000, y=[1] * 9_000),
    ):
        seen.clear()
        list(read_events(path, PLAIN, "m", progress=lambda done, total: seen.append((done, total))))
        assert seen == sorted(seen)
        assert seen[-1] == (path.stat().st_size, path.stat().st_size)


# ---- CSV: the types of cells


def _column(tmp_path: Path, *cells: str) -> list[Any]:
    rows = "".join(f'{i},2021-06-01,1,"{cell}"\n' for i, cell in enumerate(cells))
    return [row["x"] for row in features_of(csv_file(tmp_path, "id,ts,y,x\n" + rows))]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1", "-2", "+3"], [1, -2, 3]),
        (["1.0", "2", "1e3", ".5", "2."], [1.0, 2, 1000.0, 0.5, 2.0]),
        (["1", "", "NaN", "NA", "null", "None"], [1, None, None, None, None, None]),
        (["1", "inf", "-Infinity", "1e999"], [1, "inf", "-Infinity", "1e999"]),
        (["007", "12"], ["007", "12"]),
        (["US", "NA", "", "12"], ["US", "NA", None, "12"]),
        (["true", "False", "", "TRUE"], [True, False, None, True]),
        (["true", "1"], ["true", "1"]),
        (["12345678901234567890"], [12345678901234567000.0]),
        (["1_000", "2"], ["1_000", "2"]),
        (["", ""], [None, None]),
        (["a,b", 'say ""hi""', "two\nlines"], ["a,b", 'say "hi"', "two\nlines"]),
        (["grün"], ["grün"]),
    ],
)
def test_a_column_has_the_type_of_its_cells(tmp_path: Path, cells: list[str], values: list[Any]) -> None:
    assert _column(tmp_path, *cells) == values


def test_a_text_that_comes_late_in_a_column_of_numbers_stays_a_text(tmp_path: Path) -> None:
    values = _column(tmp_path, *["1"] * 8_192, "broken", "2")
    assert values[-2:] == ["broken", 2]


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_the_separator_is_found_in_the_header(tmp_path: Path, separator: str) -> None:
    text = "id,ts,y,x\n1,2021-06-01,1,2.5\n".replace(",", separator)
    assert features_of(csv_file(tmp_path, text)) == [{"x": 2.5}]


def test_line_ends_blank_lines_and_a_byte_order_mark_do_not_matter(tmp_path: Path) -> None:
    assert features_of(csv_file(tmp_path, "\ufeffid,ts,y,x\r\n1,2021-06-01,1,2\r\n\r\n")) == [{"x": 2}]


def test_the_row_numbers_of_pandas_are_no_feature(tmp_path: Path) -> None:
    assert features_of(csv_file(tmp_path, ",id,ts,y,x\n0,1,2021-06-01,1,2\n")) == [{"x": 2}]


def test_a_packed_csv_is_unpacked_on_the_way(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(gzip.compress(b"id,ts,y,x\n1,2021-06-01,1,2\n"))
    assert features_of(path) == [{"x": 2}]


# ---- Parquet: the types of columns


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (pa.array([1, None], pa.int32()), [1, None]),
        (pa.array([1.5, float("nan"), None]), [1.5, None, None]),
        (pa.array([1.5, float("inf"), None]), [1.5, "inf", None]),
        (pa.array([True, None]), [True, None]),
        (pa.array(["a", None, "a"]).dictionary_encode(), ["a", None, "a"]),
        (pa.array([Decimal("1.25"), None]), [1.25, None]),
        (pa.array([2**64 - 1], pa.uint64()), [2**64 - 1]),
        (pa.array([[1, 2]]), [[1, 2]]),
        (pa.array([b"\xff"]), ["b'\\xff'"]),
        (pa.array([date(2021, 6, 1)]), ["2021-06-01"]),
    ],
)
def test_a_parquet_value_becomes_its_json(tmp_path: Path, column: pa.Array, values: list[Any]) -> None:
    n = len(column)
    path = parquet_file(tmp_path, id=list(range(n)), ts=["2021-06-01"] * n, y=[1] * n, x=column)
    assert [row["x"] for row in features_of(path)] == values


def test_whole_numbers_are_ids_however_pandas_stores_them(tmp_path: Path) -> None:
    path = parquet_file(tmp_path, id=[1.0, float("nan"), 3.0], ts=["2021-06-01"] * 3, y=[1] * 3)
    assert [event["prediction_id"] for event in events(path)] == ["1", None, "3"]


# ---- times


def _times(path: Path, **settings: Any) -> list[Any]:
    mapping = ColumnMapping(prediction_id="id", timestamp="ts", prediction="y", **settings)
    return [event["timestamp"] for event in events(path, mapping)]


@pytest.mark.parametrize(
    ("cell", "timezone", "expected"),
    [
        ("2021-06-01 00:00:00", "UTC", datetime(2021, 6, 1, tzinfo=UTC)),
        ("2021-06-01", "UTC", datetime(2021, 6, 1, tzinfo=UTC)),
        ("2021-06-01T02:00:00+02:00", "Asia/Tokyo", datetime(2021, 6, 1, tzinfo=UTC)),
        ("2021-06-01 09:00:00.25", "Asia/Tokyo", datetime(2021, 6, 1, 0, 0, 0, 250_000, tzinfo=UTC)),
        ("2021-10-31 02:30:00", "Europe/Berlin", datetime(2021, 10, 31, 0, 30, tzinfo=UTC)),
    ],
)
def test_times_without_an_offset_are_of_the_time_zone_of_the_mapping(
    tmp_path: Path, cell: str, timezone: str, expected: datetime
) -> None:
    path = csv_file(tmp_path, f"id,ts,y\n1,{cell},1\n")
    assert _times(path, timezone=timezone) == [int(expected.timestamp() * 1000)]


def test_times_of_parquet_columns_of_every_unit_and_zone(tmp_path: Path) -> None:
    moment = datetime(2021, 6, 1, 12, 0, 0, 250_999)
    for kind in (pa.timestamp("s"), pa.timestamp("ms"), pa.timestamp("us"), pa.timestamp("ns", "Europe/Berlin")):
        column = pa.array([moment.replace(tzinfo=UTC) if kind.tz else moment]).cast(kind, safe=False)
        path = parquet_file(tmp_path, id=[1], ts=column, y=[1])
        assert _times(path) == [1_622_548_800_000 + (0 if kind.unit == "s" else 250)]


def test_numbers_are_epochs_in_the_unit_of_the_mapping(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "id,ts,y\n1,1622505600,1\n2,1622505600.25,1\n")
    assert _times(path, timestamp_unit="s") == [1_622_505_600_000, 1_622_505_600_250]
    path = csv_file(tmp_path, "id,ts,y\n1,1622505600000,1\n")
    assert _times(path) == [1_622_505_600_000]


def test_rows_are_spread_evenly_over_the_year_they_name(tmp_path: Path) -> None:
    start, end = datetime(2015, 1, 1, tzinfo=UTC), datetime(2016, 1, 1, tzinfo=UTC)
    quarter = (end - start) / 4
    expected = [int((start + k * quarter).timestamp() * 1000) for k in range(4)]
    expected.insert(2, int(end.timestamp() * 1000))  # a row of 2016 in between does not disturb the others
    path = csv_file(tmp_path, "id,ts,y\n1,2015,1\n2,2015,1\n3,2016,1\n4,2015,1\n5,2015,1\n")
    assert _times(path, timestamp_spread="year") == expected
    path = parquet_file(tmp_path, id=range(5), ts=[2015, 2015, 2016, 2015, 2015], y=[1] * 5)
    assert _times(path, timestamp_spread="year") == expected


@pytest.mark.parametrize(
    ("spread", "cell", "first", "second"),
    [
        ("month", "2020-02", "2020-02-01T00:00:00", "2020-02-15T12:00:00"),
        ("month", "2020-12-24", "2020-12-01T00:00:00", "2020-12-16T12:00:00"),
        ("day", "2020-02-29", "2020-02-29T00:00:00", "2020-02-29T12:00:00"),
    ],
)
def test_rows_are_spread_over_months_and_days(tmp_path: Path, spread: str, cell: str, first: str, second: str) -> None:
    path = csv_file(tmp_path, f"id,ts,y\n1,{cell},1\n2,{cell},1\n")
    expected = [int(datetime.fromisoformat(t + "Z").timestamp() * 1000) for t in (first, second)]
    assert _times(path, timestamp_spread=spread) == expected


def test_a_year_that_is_none_is_handed_on_to_be_rejected(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "id,ts,y\n1,2015,1\n2,soon,1\n3,,1\n4,2015-01,1\n")
    assert _times(path, timestamp_spread="month") == ["2015", "soon", None, 1_420_070_400_000]


def test_rows_of_a_training_set_need_no_id_and_no_time(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "y,x\n1,2\n0,3\n")
    mapping = ColumnMapping(prediction="y")
    assert not has_times(path, mapping)
    first, second = events(path, mapping, identified=False)
    assert (first["prediction_id"], second["prediction_id"], first["timestamp"]) == ("row-0", "row-1", 0)


# ---- what is wrong with a file


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (
            ColumnMapping(prediction_id="id", timestamp="ts", prediction="y_pred"),
            "column 'y_pred' is not in the file: set columns.prediction (to 'y_pre'?)",
        ),
        (
            ColumnMapping(prediction_id="id", prediction="y_pre"),
            "no column 'timestamp': set columns.timestamp to the column that holds it",
        ),
        (
            ColumnMapping(prediction_id="id", timestamp="ts", prediction="y_pre", context={"region": "regoin"}),
            "column 'regoin' is not in the file: set columns.context.region (to 'region'?)",
        ),
        (
            ColumnMapping(prediction_id="id", timestamp="ts", prediction="y_pre", features=("ag",)),
            "column 'ag' is not in the file: change columns.features (to 'age'?)",
        ),
    ],
)
def test_a_missing_column_is_named_with_the_setting_that_mends_it(
    tmp_path: Path, mapping: ColumnMapping, message: str
) -> None:
    path = csv_file(tmp_path, "id,ts,y_pre,region,age\n")
    with pytest.raises(InputError) as caught:
        read_events(path, mapping, "m")
    assert str(caught.value) == f"{path}: {message}\n  columns of the file: id, ts, y_pre, region, age"


def test_all_missing_columns_are_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_events(csv_file(tmp_path, "a,b\n"), ColumnMapping(), "m")
    for setting in ("columns.prediction_id", "columns.timestamp", "columns.prediction"):
        assert f"set {setting} to the column that holds it" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.csv", b"", "has no header line; write the column names in the first line"),
        ("rows.csv", b"id,ts,y,x,x\n", "column 'x' is there twice; give each column a name of its own"),
        ("rows.csv", b"id,ts,y\n1,2,3\n1,2\n", "row 2 has 2 cells, the header has 3; quote cells that hold"),
        ("rows.csv", b"id,ts,y\n1,\xff,3\n", "is not UTF-8 (invalid start byte); save it as UTF-8"),
        ("rows.csv", b'id,ts,y\n1,2,"' + b"x" * 200_000 + b'"\n', "is no CSV (field larger than field limit"),
        ("rows.parquet", b"PAR0 this is none", "is no Parquet file"),
        ("rows.xlsx", b"", "its name does not say its format; name it with one of .jsonl, .ndjson, .json, .csv"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_a_remedy(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        list(read_events(path, PLAIN, "m"))
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


def test_a_path_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist; check the path"):
        read_events(tmp_path / "none.csv", PLAIN, "m")
    with pytest.raises(InputError, match="is a folder; give one file in it"):
        read_events(tmp_path, PLAIN, "m")


# ---- labels


def test_a_row_becomes_a_label(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "id,known,truth,who,w\n007,2021-06-01,1,review,2.5\n8,2021-06-01,,,\n")
    columns = LabelColumns(prediction_id="id", timestamp="known", label="truth", source="who", weight="w")
    lines = b"".join(read_labels(path, columns, ColumnMapping(), "m")).splitlines()
    reads = [LabelDecoder().decode(line) for line in lines]
    labels = [read.event for read in reads if not isinstance(read, Rejection)]
    assert [(x.prediction_id, x.timestamp_ms, x.label, x.source, x.weight) for x in labels] == [
        ("007", 1_622_505_600_000, 1, "review", 2.5),
        ("8", 1_622_505_600_000, None, "outcome", 1.0),
    ]


def test_labels_need_a_time(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no column 'timestamp': set labels\.columns\.timestamp to the column"):
        read_labels(csv_file(tmp_path, "id,truth\n"), LabelColumns(prediction_id="id", label="truth"), PLAIN, "m")
