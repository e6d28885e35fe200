"""DLE of regressions: the tree against the rule it is grown by, its kernels against their twins, estimates against truth."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from driftline.config.model_spec import FieldOverride, ModelSpec
from driftline.processors.arrays import F64
from driftline.processors.codes import INVALID_CODE, MISSING_CODE
from driftline.processors.estimation import dle
from driftline.processors.estimation.estimator import Estimator, sums_of
from driftline.processors.estimation.realised import regression_metrics
from driftline.processors.performance.task_layout import REGRESSION
from driftline.processors.reference.fit import fitted
from driftline.processors.reference.layout import layout_of
from driftline.processors.reference.performance import ErrorNode
from driftline.processors.reference.profile import Reference
from tests.estimation.references import estimates, estimator, labelled_reference, performance_of

KINDS = ("sofa", "lamp", "desk")


def _drawn(rng: np.random.Generator, n: int, low: float = 0.0) -> tuple[dict[str, list[Any]], F64, F64]:
    """Features, predictions and labels; the error grows with x and is three times as large for lamps."""
    x, kind = rng.uniform(low, 4.0, n), rng.integers(0, 3, n)
    prediction = 10 + x
    label = prediction + rng.normal(size=n) * (0.2 + 0.3 * x) * np.where(kind == 1, 3.0, 1.0)
    return {"x": x.tolist(), "kind": [KINDS[k] for k in kind], "noise": rng.normal(size=n).tolist()}, prediction, label


def _reference(rng: np.random.Generator, n: int = 5_000) -> Reference:
    features, prediction, label = _drawn(rng, n)
    return labelled_reference(prediction, label, features=features, task="regression")


def _matrices(reference: Reference, features: dict[str, list[Any]], prediction: F64) -> tuple[F64, Any]:
    """As PredictionBatch has them."""
    layout = layout_of(reference, ModelSpec(name="m"))
    columns = {**{k: v for k, v in features.items() if k != "kind"}, "prediction": prediction.tolist()}
    numeric = np.stack([np.array(columns[f.name], np.float64) for f in layout.numeric_fields], axis=1)
    codes = [[f.categories.index(value) for value in features["kind"]] for f in layout.category_fields]
    return numeric, np.array(codes, np.uint16).T.copy()


def test_the_tree_finds_what_the_error_depends_on() -> None:
    nodes = performance_of(_reference(np.random.default_rng(5))).errors
    assert nodes[0].equals == "lamp", "the root asks for what matters most"
    assert {nodes[nodes[0].yes].field, nodes[nodes[0].no].field} <= {"x", "prediction"}, "which are the same here"
    leaves = [node for node in nodes if not node.field]
    assert sum(leaf.rows for leaf in leaves) == nodes[0].rows == 5_000
    assert min(leaf.rows for leaf in leaves) >= 50
    assert nodes[0].mean_absolute == pytest.approx(sum(n.rows * n.mean_absolute for n in leaves) / 5_000)


def test_an_error_that_depends_on_nothing_gives_hardly_any_leaves() -> None:
    leaves = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x, noise = rng.uniform(size=(2, 1_000))
        nodes = performance_of(labelled_reference(x, x + noise, features={"x": x, "y": noise[::-1]})).errors
        leaves.append(sum(not node.field for node in nodes))
    assert np.mean(leaves) <= 2.5, "a cut by chance now and then"


def test_missing_values_go_where_they_fit() -> None:
    rng = np.random.default_rng(6)
    x = rng.uniform(size=3_000)
    wide = (x > 0.5) | (rng.uniform(size=3_000) < 0.2)
    features = {"x": [None if w and v < 0.5 else v for w, v in zip(wide, x.tolist(), strict=True)]}
    error = rng.normal(size=3_000) * np.where(wide, 5.0, 0.5)
    reference = labelled_reference(error * 0 + 1.5, 1.5 + error, features=features, task="regression")
    nodes = performance_of(reference).errors
    assert (nodes[0].field, nodes[0].missing_yes) == ("x", False)
    finder = dle.LeafFinder(nodes, layout_of(reference, ModelSpec(name="m")))
    column = [field.name for field in layout_of(reference, ModelSpec(name="m")).numeric_fields].index("x")
    numeric = np.full((3, 2), 1.5)
    numeric[:, column] = (0.1, math.nan, math.inf)
    low, missing, invalid = finder.leaves(numeric, np.zeros((3, 0), np.uint16)).astype(int)
    assert missing == invalid != low
    assert nodes[missing].mean_absolute > 3 > 1 > nodes[low].mean_absolute


def test_leaves_of_a_batch_are_those_of_the_plain_walk() -> None:
    rng = np.random.default_rng(7)
    reference = _reference(rng)
    nodes = performance_of(reference).errors
    features, prediction, _ = _drawn(rng, 300)
    numeric, category = _matrices(reference, features, prediction)
    found = dle.LeafFinder(nodes, layout_of(reference, ModelSpec(name="m"))).leaves(numeric, category)
    for i in range(300):
        values = {("feature", name): column[i] for name, column in features.items()}
        values["prediction", "prediction"] = prediction[i]
        assert found[i] == dle.leaf_plain(nodes, values)


@pytest.mark.parametrize("code", [INVALID_CODE, MISSING_CODE])
def test_a_category_that_is_none_counts_as_missing(code: int) -> None:
    reference = _reference(np.random.default_rng(5))
    nodes = performance_of(reference).errors
    finder = dle.LeafFinder(nodes, layout_of(reference, ModelSpec(name="m")))
    leaf = finder.leaves(np.full((1, 3), 2.0), np.array([[code]], np.uint16))
    values = {("feature", "x"): 2.0, ("feature", "noise"): 2.0, ("prediction", "prediction"): 2.0}
    assert leaf[0] == dle.leaf_plain(nodes, values)


def test_a_field_that_is_not_monitored_any_more_counts_as_missing() -> None:
    reference = _reference(np.random.default_rng(5))
    spec = ModelSpec(name="m", fields={"kind": FieldOverride(monitor=False)})
    layout = layout_of(fitted(reference, spec), spec)
    nodes = performance_of(reference).errors
    leaf = dle.LeafFinder(nodes, layout).leaves(np.full((1, 3), 2.0), np.zeros((1, 0), np.uint16))
    values = {("feature", "x"): 2.0, ("feature", "noise"): 2.0, ("prediction", "prediction"): 2.0}
    assert leaf[0] == dle.leaf_plain(nodes, values)


NODES = [
    ErrorNode(field="x", at_most=1.0, yes=1, no=2, rows=200, mean_absolute=1.0, mean_square=2.0, sd_square=3.0),
    ErrorNode(rows=100, mean_absolute=0.3, mean_square=0.2, sd_square=0.4),
    ErrorNode(rows=100, mean_absolute=1.7, mean_square=3.8, sd_square=2.0),
]


def test_sums_equal_their_plain_twin_and_merge_exactly() -> None:
    rng = np.random.default_rng(8)
    leaves = rng.choice([1.0, 2.0, math.nan], 60)
    estimate = Estimator(REGRESSION, dle.WIDTH, dle.tables_of(NODES), 200)
    expected = np.zeros(dle.WIDTH)
    whole = sums_of(estimate, np.zeros(60, np.int64), np.ones(60), leaves)
    parts = sums_of(estimate, rng.integers(0, 7, 60), np.ones(60), leaves)
    for leaf in leaves:
        dle.add_plain(expected, 1.0, leaf, NODES)
    assert whole[0] == pytest.approx(expected, rel=1e-5)
    assert parts.sum(axis=0).tolist() == whole[0].tolist()


def test_a_window_without_predictions_has_no_estimate() -> None:
    assert all(math.isnan(value[0]) for value in dle.metrics(np.zeros((1, dle.WIDTH)), 100).values())


@pytest.mark.parametrize("low", [0.0, 2.0])
def test_estimates_are_within_three_standard_errors_where_inputs_move(low: float, test_seed: int) -> None:
    rng = np.random.default_rng(test_seed)
    reference = _reference(rng, 20_000)
    estimate = estimator(reference)
    outside = {"mae": 0, "rmse": 0}
    for _ in range(50):
        features, prediction, label = _drawn(rng, 1_000, low)
        leaves = estimate.scores(np.full(1_000, np.nan), *_matrices(reference, features, prediction))
        found, real = estimates(estimate, prediction, leaves), regression_metrics(prediction - label)
        for name in outside:
            outside[name] += abs(found[name] - real[name]) > 3 * found[f"{name}_se"]
    assert max(outside.values()) <= 3, (test_seed, outside)
