from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from driftline.processors.reference.profile import Reference, decode_reference, encode_reference
from driftline.schemas.errors import BadReference
from tests.reference.golden_references import golden_references
from tests.reference.rows import prediction, reference_of


@pytest.fixture(scope="module")
def reference() -> Reference:
    events = [
        prediction(
            i,
            score=i / 300,
            features={"x": i * 0.1, "flag": i % 7 == 0, "colour": "red" if i % 3 else "blue", "id": f"id {i}"},
            context={"region": "eu" if i % 2 else "us"},
        )
        for i in range(300)
    ]
    return reference_of(events, task="binary", segments=(("region",),))


def test_a_reference_comes_back_from_its_file(reference: Reference) -> None:
    data = encode_reference(reference)
    assert decode_reference(data) == reference
    assert encode_reference(decode_reference(data)) == data


def test_the_file_has_a_line_for_each_list(reference: Reference) -> None:
    lines = encode_reference(reference).decode().splitlines()
    assert lines[1] == ' "format_version": 1,'
    (head,) = [line for line in lines if '"name": "x"' in line]
    assert head.startswith('  {"name": "x", "role": "feature", "kind": "numeric", "value_type": "number", "n": 300')
    assert lines[lines.index(head) + 1].startswith('   "edges": [0.15,0.25')
    assert lines[-2:] == [f' "hash": "{reference.hash}"', "}"]


def test_the_hash_does_not_depend_on_how_the_file_is_formatted(reference: Reference) -> None:
    document = json.loads(encode_reference(reference))
    for data in (json.dumps(document), json.dumps(document, indent=4, sort_keys=True)):
        assert decode_reference(data).hash == reference.hash


def test_a_file_of_a_later_version_with_more_fields_is_read(reference: Reference) -> None:
    del_hash = {**json.loads(encode_reference(reference)), "calibration": {"kappa": 1.5}}
    del del_hash["hash"]
    hashed = decode_reference(json.dumps(del_hash)).hash
    later = decode_reference(json.dumps({**del_hash, "hash": hashed}))
    assert later.hash == hashed != reference.hash
    assert later.fields == reference.fields


def test_an_edited_file_is_refused_until_its_hash_is_deleted(reference: Reference) -> None:
    document = json.loads(encode_reference(reference))
    document["fields"][0]["contract"]["maximum"] = 1000
    with pytest.raises(BadReference, match=r"edited or damaged. Build it again, or delete the hash line to accept"):
        decode_reference(json.dumps(document))
    del document["hash"]
    edited = decode_reference(json.dumps(document))
    assert edited.fields[0].contract.maximum == 1000
    assert edited.hash != reference.hash


X, SCORE, FLAG, COLOUR, PREDICTION = range(5)
"""The fields of the reference above, in their order."""


PROBLEMS = {
    "an empty model": (["model"], "", "model: is empty; write the name of the model"),
    "no rows": (["n"], 0, "n: 0 of 300 rows; write 1 <= n <= rows_read"),
    "another format": (["format_version"], 2, "format_version: 2 is not 1; use the driftline that wrote it"),
    "a rate of nothing": (["events_per_week"], 0, "events_per_week: 0.0 is not a rate; write a number above 0"),
    "times that run backwards": (["first_ms"], 2**42, "first_ms: 4398046511104 is after last_ms"),
    "no fields": (["fields"], [], "fields: is empty; a reference needs at least one monitored field"),
    "a field twice": (["fields", SCORE, "name"], "x", None),
    "an order of its own": (
        ["fields", X, "kind"],
        "categorical",
        "fields[score]: numeric fields come before the others",
    ),
    "rows that are missing": (["fields", X, "missing"], 1, "fields[x]: n + missing + invalid is 301, not 300"),
    "a negative count": (["fields", X, "missing"], -1, "fields[x]: n, missing and invalid cannot be negative"),
    "two value types": (
        ["fields", X, "contract", "value_type"],
        "string",
        "value_type: string does not fit; write number",
    ),
    "texts that are numeric": (["fields", X, "value_type"], "string", "fields[x].value_type: string cannot be numeric"),
    "edges that fall": (["fields", X, "edges", 0], 99.0, "fields[x].edges: are not strictly ascending finite numbers"),
    "too many edges": (
        ["fields", X, "edges"],
        list(range(256)),
        "fields[x].edges: 256 are too many; write at most 255",
    ),
    "a bin too few": (["fields", X, "bin_counts"], [300], "fields[x].bin_counts: 1 do not fit 255 edges"),
    "a bin below zero": (["fields", X, "bin_counts", 0], -1, "fields[x].bin_counts: -1 is negative"),
    "bins that hold too much": (["fields", X, "bin_counts", 0], 99, "fields[x].bin_counts: they add up to"),
    "too many cells": (
        ["fields", X, "cell_means"],
        [0.0] * 65,
        "fields[x].cell_means: write at most 64 finite numbers",
    ),
    "an empty range": (["fields", X, "contract", "minimum"], 99.0, "fields[x].contract: minimum 99.0 is above maximum"),
    "no mean": (["fields", X, "mean"], None, "fields[x].mean, sd, min, max: one is missing"),
    "too many categories": (
        ["fields", COLOUR, "categories"],
        [f"c{i}" for i in range(64)],
        "fields[colour].categories: 64 are too many; write at most 63 and pool the others",
    ),
    "a category twice": (["fields", COLOUR, "pooled"], ["red"], "fields[colour].categories: 'red' is named twice"),
    "yes and no": (["fields", FLAG, "categories"], ["no", "yes"], 'has exactly ["false", "true"]; write these'),
    "a count too few": (
        ["fields", COLOUR, "category_counts"],
        [300],
        "category_counts: 1 for 2 categories; write one each",
    ),
    "a pool too full": (["fields", COLOUR, "pooled_count"], 9, "category_counts: they add up to 309, not to n = 300"),
    "a segment twice": (["segments", 1, "label"], "region=eu", "segments[region=eu]: is there twice; keep one"),
    "a segment of other fields": (["segments", 0, "cells"], [], "segments[region=eu].cells: 0 rows for 5 fields"),
    "a segment that counts less": (
        ["segments", 0, "n"],
        7,
        "segments[region=eu].cells: a row does not add up to n = 7",
    ),
    "a segment with too many cells": (["segments", 0, "cells", 0], [0] * 67, "cells: a row has at most 66 counts"),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_bad_file_says_where_and_what_to_write_instead(name: str, reference: Reference) -> None:
    path, value, message = PROBLEMS[name]
    document: Any = json.loads(encode_reference(reference))
    del document["hash"]
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    if name == "a field twice":
        place["role"] = "feature"
        message = "fields[x]: is there twice as a feature; keep one"
    with pytest.raises(BadReference) as caught:
        decode_reference(json.dumps(document), name="r.json")
    assert str(caught.value).startswith("r.json: ")
    assert message in str(caught.value)


def test_all_problems_are_said_at_once(reference: Reference) -> None:
    document = json.loads(encode_reference(reference))
    document |= {"model": "", "n": 0}
    with pytest.raises(BadReference, match=r"r\.json: \d+ problem") as caught:
        decode_reference(json.dumps(document), name="r.json")
    assert {"hash:", "model:", "n:"} <= set(str(caught.value).split())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("{", "r.json: Input data was truncated"),
        ("[]", "r.json: Expected `object`, got `array`"),
        ('{"model": 7}', "r.json: Expected `str`, got `int` - at `$.model`"),
        (b"\xff", "r.json: "),
    ],
)
def test_what_is_no_reference_is_refused(data: str | bytes, message: str) -> None:
    with pytest.raises(BadReference) as caught:
        decode_reference(data, name="r.json")
    assert str(caught.value).startswith(message)
    assert "build it again with: driftline reference build" in str(caught.value)


GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", golden_references())
def test_files_of_earlier_versions_stay_readable(name: str) -> None:
    data = (GOLDEN / f"{name}.json").read_bytes()
    expected = golden_references()[name]
    assert decode_reference(data) == expected, "an edit of a golden file, or a reference that is built differently now"
    assert encode_reference(expected) == data
