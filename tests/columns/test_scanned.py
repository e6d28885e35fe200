"""Lines that a kernel scans give what the exact path gives, and it takes all that are plain."""

from __future__ import annotations

import json

import pytest

from driftline.processors.columns import Columnizer
from driftline.processors.columns_reader import PredictionReader
from driftline.processors.columns_scan import TOKENS_MAX
from driftline.schemas.layout import EventLayout, FieldLayout
from tests.columns.records import LAYOUTS, RecordMaker, assert_equal, exact_results


def read_and_compare(columnizer: Columnizer, lines: list[bytes], offset: int = 0) -> None:
    records = [line for line in b"\n".join(lines).split(b"\n") if line.strip(b" \t\r")]
    decoded = columnizer.predictions_from_lines(b"\n".join(lines), offset)
    assert_equal(decoded, exact_results(records), len(records), first_offset=offset)


def warm(maker: RecordMaker, model: str = "credit") -> Columnizer:
    """A columnizer that has met the model: from the next call on it scans."""
    columnizer = Columnizer(LAYOUTS.get)
    columnizer.predictions_from_lines(b"\n".join(maker.compact(model) for _ in range(20)), 0)
    return columnizer


@pytest.mark.compiled
@pytest.mark.parametrize("model", ["credit", "price", "crédit \u202e"])
def test_thirty_thousand_mutated_lines_are_scanned_alike(model: str, test_seed: int) -> None:
    maker = RecordMaker(test_seed)
    columnizer = warm(maker, model)
    for _ in range(100):
        odd = maker.draw.choice([0.02, 0.1, 0.4])
        lines = [maker.any_record(model) if maker.draw.random() < odd else maker.good(model) for _ in range(100)]
        read_and_compare(columnizer, lines)


def test_a_few_mutated_lines_are_scanned_alike(test_seed: int) -> None:
    maker = RecordMaker(test_seed)
    columnizer = warm(maker)
    for _ in range(5):
        read_and_compare(columnizer, [maker.any_record("credit") if i % 4 == 0 else maker.good() for i in range(20)])


def test_plain_lines_are_scanned_and_nothing_else_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fastest way must not be lost unnoticed: no test of results would see it."""
    maker = RecordMaker(4)
    columnizer = warm(maker)
    buffer = b"".join(maker.compact() + b"\n" for _ in range(100))
    for way in ("_read_whole", "_read_typed", "read_records", "_read_exact"):
        monkeypatch.delattr(PredictionReader, way)
    assert columnizer.predictions_from_lines(buffer, 0).consumed == 100


def test_an_odd_line_leaves_the_others_to_the_scanner(monkeypatch: pytest.MonkeyPatch) -> None:
    maker = RecordMaker(5)
    columnizer = warm(maker)
    lines = [maker.compact() for _ in range(50)]
    lines[20:22] = [b"{", maker.compact(score='"high"')]
    expected = exact_results(lines)
    monkeypatch.delattr(PredictionReader, "_read_whole")
    monkeypatch.delattr(PredictionReader, "read_records")
    decoded = columnizer.predictions_from_lines(b"\n".join(lines), 0)
    assert_equal(decoded, expected, 50)


@pytest.mark.parametrize(
    "changes",
    [
        {"features": '{"income":0.1234567890123456789,"age":-0,"rate":1E+2}'},
        {"features": '{"income":0.00012345678901234567,"age":1e-5}'},
        {"features": '{"income":9007199254740993,"age":12345678901234567890123}'},
        {"features": '{"income":null,"age":"old","owner":null,"channel":null}'},
        {"features": '{"income":true,"rooms":false,"rate":"2"}'},
        {"features": '{"income":1,"income":2}'},
        {"features": '{"income":1,}'},
        {"features": '{"income":01}'},
        {"features": '{"income":1.}'},
        {"features": '{"income":1e}'},
        {"features": '{"income":-}'},
        {"features": '{"income":1}}'},
        {"features": '{"features":{"income":1}}'},
        {"features": '{"channel":"wéb","region":"é"}'},
        {"context": '{"region":"\\u0065u","device":"i\\\\os"}'},
        {"context": '{"region":null,"device":7}'},
        {"context": "{}"},
        {"features": "{ }", "context": "null"},
        {"prediction": "null"},
        {"score": "null"},
        {"score": "true"},
        {"model_version": "null"},
        {"model_version": "7"},
        {"model_version": '"' + "v" * 129 + '"'},
        {"schema_version": "0"},
        {"schema_version": "2"},
        {"prediction_id": '""'},
        {"prediction_id": '"' + "i" * 129 + '"'},
        {"prediction_id": '"é"'},
        {"timestamp": '"2026-01-31T12:00:00.5+01:00"'},
        {"timestamp": "1769860800250.0"},
        {"timestamp": "01769860800250"},
        {"timestamp": "9999999999999999"},
        {"timestamp": "-1"},
        {"probabilities": '{"yes":0.5}'},
    ],
    ids=lambda changes: " ".join(f"{name} {text[:40]}" for name, text in changes.items()),
)
def test_what_is_not_quite_plain_is_read_as_the_rules_say(changes: dict[str, str]) -> None:
    maker = RecordMaker(6)
    for odd in (maker.compact(**changes), maker.good(**changes)):
        read_and_compare(warm(maker), [maker.compact(), odd, maker.compact()])


@pytest.mark.parametrize("model", [b'"other"', b'"credit', b"credit", b'"credits"', b'"credi"', b"null"])
def test_only_the_models_own_name_is_scanned(model: bytes) -> None:
    maker = RecordMaker(12)
    read_and_compare(warm(maker), [maker.compact(), maker.compact().replace(b'"credit"', model), maker.compact()])


def test_bytes_that_are_no_text_are_rejected_wherever_a_string_stands() -> None:
    maker = RecordMaker(7)
    for place in (b'"web"', b'"eu"', b'"yes"', b'"7"', b'"income"'):
        good = maker.compact(features='{"income":1,"channel":"web"}', context='{"region":"eu"}', prediction='"yes"')
        good = good[:-1] + b',"model_version":"7"}' if b"model_version" not in good else good.replace(b'"8"', b'"7"')
        read_and_compare(warm(maker), [good, good.replace(place, place[:-1] + b'\xff"'), good])


def test_a_model_whose_name_needs_escapes_is_not_scanned() -> None:
    """Its bytes between two quotes would be taken for the name, and are no JSON."""
    layouts = {'a"b': LAYOUTS["credit"]}
    maker = RecordMaker(8)
    columnizer = Columnizer(layouts.get)
    good = maker.compact('a"b')
    bad = good.replace(b'"a\\"b"', b'"a"b"')
    columnizer.predictions_from_lines(good, 0)
    decoded = columnizer.predictions_from_lines(b"\n".join([good, bad, good]), 0)
    assert [r.offset for r in decoded.rejected] == [1]
    assert decoded.batches[0].offsets.tolist() == [0, 2]


@pytest.mark.compiled
def test_more_tokens_than_are_remembered_are_read_all_the_same() -> None:
    maker = RecordMaker(9)
    columnizer = warm(maker)
    numbers = iter(range(3 * TOKENS_MAX))
    for count in (10, TOKENS_MAX + 10, 10, 10):
        lines = [maker.compact(context=f'{{"region":"r{next(numbers)}","device":"d"}}') for _ in range(count)]
        read_and_compare(columnizer, lines)


def test_a_category_that_was_not_known_keeps_its_meaning_when_it_comes_again() -> None:
    maker = RecordMaker(10)
    columnizer = warm(maker)
    for _ in range(3):
        read_and_compare(columnizer, [maker.compact(features=f'{{"channel":"c{i % 3}"}}') for i in range(12)])


def test_names_in_another_order_and_unknown_ones_are_read() -> None:
    maker = RecordMaker(11)
    columnizer = warm(maker)
    for _ in range(6):
        lines = [maker.compact(extra="1", features='{"age":3,"surprise":"x","income":2}') for _ in range(8)]
        read_and_compare(columnizer, [*lines, maker.compact()])


def test_a_model_of_very_many_categories_is_read_without_a_scanner() -> None:
    names = [f"flag{i}" for i in range(300)]
    layout = EventLayout(tuple(FieldLayout(name, "feature", "categorical", "string", ("a", "b")) for name in names))
    columnizer = Columnizer({"wide": layout}.get)
    features = json.dumps(dict.fromkeys(names, "b"))
    line = f'{{"prediction_id":"p","model":"wide","timestamp":1769860800250,"prediction":1,"features":{features}}}'
    for _ in range(3):
        decoded = columnizer.predictions_from_lines(line.encode(), 0)
        assert decoded.batches[0].category.tolist() == [[1] * 300]
