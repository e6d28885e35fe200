"""Every detection that river 0.26.1 reproduces, of river's own examples and of other projects' tests, by our detectors.

ADWIN and Page-Hinkley are driven as the monitor drives them: the kernel, with the table of levels replaced by the
distinct values of the stream. The other detectors go through the adapter.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from driftline.processors.arrays import F64, I64
from driftline.processors.detectors.adwin import (
    ADWIN_HEAD,
    ADWIN_MAX_BUCKETS,
    ADWIN_ROWS,
    LOG_WIDTH,
    Adwin,
    adwin_run,
)
from driftline.processors.detectors.cusum import Cusum
from driftline.processors.detectors.page_hinkley import (
    BOTH,
    PAGE_HINKLEY_STATE,
    UP,
    PageHinkley,
    page_hinkley_run,
)
from driftline.processors.detectors.river_adapter import RiverDetector

_FOLDER = Path(__file__).parent.parent / "data" / "oracles"
_ROWS = [
    row
    for row in json.loads((_FOLDER / "detector_oracles.json").read_text())
    if row["river_0_26_1_on_this_stream"] is not None
]
_OURS = {"ADWIN", "PageHinkley"}

# other projects' names for river's parameters and classes
_PARAMETERS = {
    "two_side": "two_sided_test",
    "lambda_": "lambda_val",
    "min_num_instances": "warm_start",
    "warning": "warning_threshold",
    "out": "drift_threshold",
}
_EDDM_PARAMETERS = {"warning": "alpha", "out": "beta", "min_errors": "warm_start"}
_CLASSES = {"HDDM_A": "HDDMA", "HDDM_W": "HDDMW", "FHDDMS": "FHDDM"}


def rows(detectors: set[str], *, ours: bool) -> list[Any]:
    return [pytest.param(row, id=row["name"]) for row in _ROWS if (row["detector"] in detectors) == ours]


@pytest.fixture(scope="module")
def streams() -> Mapping[str, F64]:
    with np.load(_FOLDER / "detector_streams.npz") as archive:
        return {name: archive[name] for name in archive.files}


def page_hinkley_form(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What the kernel takes for one row: scikit-multiflow has the clipped form, frouros other names."""
    form = {
        "min_instances": parameters.get("min_instances", 1),
        "delta": parameters["delta"],
        "threshold": parameters.get("threshold", parameters.get("lambda_")),
        "alpha": parameters["alpha"],
    }
    clipped = parameters.get("mode") == "up only, sum clipped at 0"
    return {**form, "mode": UP if clipped else BOTH, "clipped": clipped}


def kernel_hits(row: Mapping[str, Any], stream: F64) -> list[int]:
    table, levels = np.unique(stream, return_inverse=True)
    levels = levels.astype(np.uint16)
    hits, evidence = np.zeros(100, np.int64), np.zeros((100, 4))
    if row["detector"] == "ADWIN":
        state = (np.zeros((ADWIN_ROWS, ADWIN_MAX_BUCKETS)), np.zeros(ADWIN_ROWS, np.uint8), np.zeros(ADWIN_HEAD))
        n = adwin_run(*state, levels, table, LOG_WIDTH, row["params"]["delta"], hits, evidence)
    else:
        f = page_hinkley_form(row["params"])
        limits = (float(f["min_instances"]), f["delta"], float(f["threshold"]), f["alpha"])
        state_and_latch = (np.zeros(PAGE_HINKLEY_STATE), np.zeros(1, np.uint8))
        form = (f["mode"], f["clipped"], False)
        n = page_hinkley_run(*state_and_latch, levels, table, math.nan, *limits, *form, hits, evidence)
    found: I64 = hits[:n]
    return found.tolist()


def test_all_twenty_rows_are_covered() -> None:
    assert len(_ROWS) == 20
    assert len(rows(_OURS, ours=True)) + len(rows(_OURS, ours=False)) == 20
    assert len(rows(_OURS, ours=True)) == 6


@pytest.mark.parametrize("row", rows(_OURS, ours=True))
def test_our_kernels_alarm_where_river_does(row: dict[str, Any], streams: Mapping[str, F64]) -> None:
    assert kernel_hits(row, streams[row["stream"]]) == row["river_0_26_1_on_this_stream"]


@pytest.mark.parametrize("row", rows(_OURS, ours=True))
def test_our_classes_alarm_where_river_does(row: dict[str, Any], streams: Mapping[str, F64]) -> None:
    detector: Adwin | PageHinkley | Cusum
    if row["detector"] == "ADWIN":
        detector = Adwin(row["params"]["delta"])
    else:
        form = page_hinkley_form(row["params"])
        clipped = form.pop("clipped")
        form["mode"] = "up" if form["mode"] == UP else "both"
        detector = Cusum(mean=None, **form) if clipped else PageHinkley(**form)
    assert detector.update_many(streams[row["stream"]]).tolist() == row["river_0_26_1_on_this_stream"]


@pytest.mark.parametrize("row", rows(_OURS, ours=False))
def test_detectors_of_river_alarm_where_river_does(row: dict[str, Any], streams: Mapping[str, F64]) -> None:
    names = _EDDM_PARAMETERS if row["detector"] == "EDDM" else _PARAMETERS
    parameters = {names.get(name, name): value for name, value in row["params"].items()}
    if row["detector"] == "KSWIN":
        parameters.setdefault("seed", 42)  # scikit-multiflow draws without a seed
    detector = RiverDetector(_CLASSES.get(row["detector"], row["detector"]), parameters)
    assert detector.update_many(streams[row["stream"]]).tolist() == row["river_0_26_1_on_this_stream"]


@pytest.mark.parametrize(
    ("name", "parameters", "first_warning"),
    [
        ("DDM", {}, 1084),
        ("EDDM", {"alpha": 0.8, "beta": 0.75}, 1059),
        ("HDDMA", {}, 451),
        ("HDDMW", {}, 451),
    ],
)
def test_detectors_of_river_warn_where_its_documentation_says(
    name: str, parameters: dict[str, float], first_warning: int, streams: Mapping[str, F64]
) -> None:
    detector = RiverDetector(name, parameters)
    for i, x in enumerate(streams["river_doc_42_binary"].tolist()):
        detector.update(x)
        if detector.warning:
            assert i == first_warning
            return
    pytest.fail("no warning")
