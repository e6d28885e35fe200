"""Whatever a record holds, the fast ways of reading give what the exact one gives; nothing crashes."""

from __future__ import annotations

import pytest

from driftline.processors.columns import Columnizer
from driftline.processors.columns_reader import PredictionReader
from driftline.schemas.rejections import RejectionReason
from tests.columns.records import LAYOUTS, RecordMaker, assert_equal, exact_results
from tests.schemas.bad_records import BAD_RECORDS, NOT_REJECTED


def _blank(line: bytes) -> bool:
    return not line.strip(b" \t\r")


@pytest.mark.compiled
def test_100_000_mutated_records_are_read_alike_by_both_paths(test_seed: int) -> None:
    maker = RecordMaker(test_seed)
    columnizer = Columnizer(LAYOUTS.get)
    reasons: set[RejectionReason] = set()
    left = 100_000
    while left:
        records = [maker.any_record() for _ in range(min(left, maker.draw.choice([1, 7, 300, 3_000])))]
        offsets = range(100_000 - left, 100_000 - left + len(records))
        decoded = columnizer.predictions(records, offsets, [1] * len(records))
        expected = exact_results(records)
        assert_equal(decoded, expected, len(records), first_offset=offsets[0])
        reasons |= set(expected[1].values())
        left -= len(records)
    assert len(reasons) >= 10, "the generator has become too tame"


def test_mutated_lines_are_read_alike_by_both_paths(test_seed: int) -> None:
    maker = RecordMaker(test_seed)
    columnizer = Columnizer(LAYOUTS.get)
    offset = 0
    for _ in range(40):
        share_of_odd = maker.draw.choice([0.0, 0.0, 0.01, 0.3])
        lines = [maker.any_record() if maker.draw.random() < share_of_odd else maker.compact() for _ in range(40)]
        buffer = b"\n".join(lines) + maker.draw.choice([b"", b"\n", b"\r\n", b"\n\n"])
        records = [line for line in buffer.split(b"\n") if not _blank(line)]
        decoded = columnizer.predictions_from_lines(buffer, offset)
        assert_equal(decoded, exact_results(records), len(records), first_offset=offset)
        offset += len(records)


ODD_BUT_TYPED = {
    "bad timestamps": {"timestamp": '"soon"'},
    "fractions of milliseconds": {"timestamp": "1769860800250.5"},
    "texts in numeric fields": {"features": '{"income":"5","age":null,"rooms":"3","channel":7}'},
    "booleans in numeric fields": {"features": '{"income":true,"age":false,"rooms":true,"rate":true}'},
    "unknown names": {"features": '{"tenure":5,"income":1}', "trace": '"x"', "measurements": '{"tokens":1}'},
    "no objects at all": {"features": "{}", "context": "{}"},
    "another version on every line": {"model_version": '"@"'},
    "another model": {"model": '"price"', "prediction": "1.5"},
    "a broken line": {"score": "1.."},
}


@pytest.mark.parametrize("share", [0.02, 0.5, 1.0])
@pytest.mark.parametrize("oddity", sorted(ODD_BUT_TYPED))
def test_whole_blocks_with_oddities_are_read_alike_by_both_paths(oddity: str, share: float, test_seed: int) -> None:
    maker = RecordMaker(test_seed)
    columnizer = Columnizer(LAYOUTS.get)
    offset = 0
    for block in range(12):
        changes = {name: text.replace("@", str(block)) for name, text in ODD_BUT_TYPED[oddity].items()}
        odd = [maker.draw.random() < share for _ in range(50)]
        lines = [maker.compact(**changes) if is_odd else maker.compact() for is_odd in odd]
        decoded = columnizer.predictions_from_lines(b"\n".join(lines), offset)
        assert_equal(decoded, exact_results(lines), len(lines), first_offset=offset)
        offset += len(lines)


def test_lines_that_all_fit_are_read_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fast way must not be lost unnoticed: no test of results would see it."""
    maker = RecordMaker(4)
    columnizer = Columnizer(LAYOUTS.get)
    buffer = b"".join(maker.compact() + b"\n" for _ in range(100))
    columnizer.predictions_from_lines(buffer, 0)
    monkeypatch.delattr(PredictionReader, "read_records")
    monkeypatch.delattr(PredictionReader, "_read_exact")
    assert columnizer.predictions_from_lines(buffer, 100).consumed == 100


@pytest.mark.parametrize("surrounded_by", ["good records", "nothing"])
def test_the_corpus_of_bad_records_is_read_alike_by_both_paths(surrounded_by: str) -> None:
    columnizer = Columnizer(LAYOUTS.get)
    good = [RecordMaker(1).good()] if surrounded_by == "good records" else []
    for record in [*(bad.record for bad in BAD_RECORDS.values()), *NOT_REJECTED.values()]:
        records = [*good, record, *good]
        decoded = columnizer.predictions(records, range(len(records)), [1] * len(records))
        assert_equal(decoded, exact_results(records), len(records))


@pytest.mark.parametrize(
    "lines",
    [
        b'{"a":1}{"b":2}\n{"c"\n:3}\n',
        b'{"a":\n1}\n{"b":2}\n',
        b'{"a":1}\n\n{"b":2}\n',
        b'\n{"a":1}\n{"b":2}',
        b'{"a":1}\n{"b":2}}\n{{"c":3}\n',
        b'{"a":{}\n{}}\n',
    ],
)
def test_a_line_is_a_record_whatever_a_lenient_reader_would_make_of_it(lines: bytes) -> None:
    """Values that share a line, or span several, must not shift the numbers of the records that follow."""
    maker = RecordMaker(2)
    columnizer = Columnizer(LAYOUTS.get)
    first = maker.good() + b"\n"
    columnizer.predictions_from_lines(first * 3, 0)
    buffer = first + lines + first
    records = [line for line in buffer.split(b"\n") if not _blank(line)]
    assert_equal(columnizer.predictions_from_lines(buffer, 0), exact_results(records), len(records))


def test_two_good_records_on_one_line_are_trailing_data_even_where_the_counts_fit() -> None:
    """As many values as lines, but not one on each: two share a line and one spans two."""
    maker = RecordMaker(3)
    columnizer = Columnizer(LAYOUTS.get)
    good = maker.compact(measurements="{}")
    for spanning in (good, good.replace(b',"context"', b',\n"context"')):
        columnizer.predictions_from_lines(good + b"\n", 0)
        buffer = good + good + b"\n" + spanning + b"\n" + good
        records = buffer.split(b"\n")
        assert_equal(columnizer.predictions_from_lines(buffer, 0), exact_results(records), len(records))


def test_rows_are_in_log_order_though_a_record_names_two_models() -> None:
    """The model is guessed from the first name; of two, the last one counts."""
    maker = RecordMaker(5)
    first, second = maker.compact("nobody"), maker.compact("nobody")
    disguised = maker.compact()[:-1] + b',"model":"nobody"}'
    unmasked = maker.compact("nobody")[:-1] + b',"model":"credit"}'
    records = [first, disguised, second, unmasked, maker.compact(), unmasked]
    for times in ([1, 2], [2, 1]):
        columnizer = Columnizer(LAYOUTS.get)
        for time in times:
            decoded = columnizer.predictions(records * time, range(6 * time), [1] * 6 * time)
            assert_equal(decoded, exact_results(records * time), 6 * time)
