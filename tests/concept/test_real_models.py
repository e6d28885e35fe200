"""Two real classifiers: one whose errors stay as they were but for one stretch, one that decays."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest

from driftline.processors.arrays import F64
from driftline.processors.concept.error_stream import reference_of
from driftline.processors.concept.settings import ErrorSettings
from driftline.processors.concept.watch import ErrorWatch
from driftline.processors.reference.performance import ReferencePerformance
from tests.concept.streams import rises, said_by

pytestmark = pytest.mark.compiled

EXAMPLES = Path(__file__).parents[2] / "examples"
DATA = EXAMPLES / "data"


def watch_against(model: str, arl: float = 1e6) -> ErrorWatch:
    profile = msgspec.json.decode((EXAMPLES / model / "reference.json").read_bytes())
    performance = msgspec.convert(profile["performance"], ReferencePerformance)
    reference = reference_of(performance)
    assert reference is not None
    settings = ErrorSettings(values="binary", rates=(1.0 / arl,), dependence=reference.dependence)
    watch = ErrorWatch(settings)
    watch.give_reference(0, 0, reference)
    return watch


def employment() -> F64:
    predicted = pyarrow.parquet.read_table(DATA / "employment_MA_analysis.parquet")
    true = pyarrow.parquet.read_table(DATA / "employment_MA_analysis_target.parquet")
    assert predicted["id"].equals(true["id"])
    return (predicted["prediction"].to_numpy() != true["employed"].to_numpy()).astype(np.float64)


def california() -> F64:
    predicted = pyarrow.csv.read_csv(DATA / "california_housing_analysis.csv")
    true = pyarrow.csv.read_csv(DATA / "california_housing_analysis_gt.csv")
    assert predicted["id"].equals(true["id"])
    return (predicted["y_pred"].to_numpy() != true["clf_target"].to_numpy()).astype(np.float64)


def test_a_model_that_decays_is_found_though_its_errors_come_in_clusters() -> None:
    """Its rows are ordered by place: the accuracy of 100 of them varies 20 times as much as that of independent ones."""
    watch = watch_against("california")
    assert 15 < watch.settings.dependence < 25
    assert [i // 1_000 for i in rises(said_by(watch, california()))] == [3]


def test_a_model_that_stays_as_it_was_is_only_said_to_fail_where_it_does() -> None:
    """Rows 134,000 to 144,000 are people in group quarters, of whom the model is wrong nearly twice as often at first."""
    errors = employment()
    assert [i // 1_000 for i in rises(said_by(watch_against("employment"), errors))] == [133]


def test_with_its_rows_in_any_order_it_raises_no_alarm(test_seed: int) -> None:
    errors = np.random.default_rng(test_seed).permutation(employment())
    found = rises(said_by(watch_against("employment", arl=1e10), errors))
    assert found == [], f"seed {test_seed}"
