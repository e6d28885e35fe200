"""The references of the examples are what the command builds from the data beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from driftline.cli.reference import Reading, build_from_file
from driftline.config.load import load_config
from driftline.processors.reference.profile import decode_reference, encode_reference

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
DATA = {"california": "california_housing_reference.csv", "employment": "employment_MA_reference.parquet"}
SIZES = {"california": 30_000, "employment": 25_000}


@pytest.mark.compiled
@pytest.mark.parametrize("name", DATA)
def test_building_an_example_again_gives_the_same_bytes(name: str) -> None:
    spec = load_config(EXAMPLES / name / "config.yaml", environ={}).models[name]
    reading = Reading()
    data = encode_reference(build_from_file(EXAMPLES / "data" / DATA[name], spec, reading))
    assert data == (EXAMPLES / name / "reference.json").read_bytes(), (
        f"run: driftline reference build examples/data/{DATA[name]} --config examples/{name}/config.yaml"
    )
    assert reading.counts() == {"other_models": 0, "rejected": {}}


@pytest.mark.parametrize("name", DATA)
def test_the_reference_of_an_example_is_small_and_readable(name: str) -> None:
    data = (EXAMPLES / name / "reference.json").read_bytes()
    assert len(data) < SIZES[name]
    assert decode_reference(data).model == name


def test_employment_has_its_year_spread_and_its_segments() -> None:
    reference = decode_reference((EXAMPLES / "employment" / "reference.json").read_bytes())
    year_ms = 365 * 86_400_000
    assert reference.first_ms == 1_420_070_400_000
    assert reference.last_ms == 1_420_070_400_000 + (reference.n - 1) * year_ms // reference.n
    assert [segment.label for segment in reference.segments[:3]] == ["SEX=2", "SEX=1", "SEX=2,CIT=1"]
    assert [field.name for field in reference.fields if field.kind == "numeric"] == ["AGEP", "score"]
