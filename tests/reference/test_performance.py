"""The section on performance: when a reference has one, what is in it, and what a bad one says."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score, precision_score, recall_score, roc_auc_score

from driftline.cli.reference import Reading, build_from_file
from driftline.config.model_spec import LabelColumns, LabelSpec, ModelSpec
from driftline.processors.reference.build import ReferenceBuilder
from driftline.processors.reference.profile import Reference, decode_reference, encode_reference
from driftline.schemas.errors import BadReference
from tests.estimation.references import labelled_reference, performance_of
from tests.reference.rows import prediction, reference_of


def _binary(n: int = 2_000, seed: int = 1) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    score = rng.uniform(size=n).round(3)
    label = (rng.uniform(size=n) < score).astype(int)
    return (score > 0.4).astype(int), label, score


def test_metrics_of_a_binary_model_are_those_of_scikit_learn() -> None:
    said, label, score = _binary()
    section = performance_of(labelled_reference(said, label, score, task="binary"))
    expected = {
        "accuracy": float(np.mean(said == label)),
        "precision": precision_score(label, said),
        "recall": recall_score(label, said),
        "f1": f1_score(label, said),
        "roc_auc": roc_auc_score(label, score),
    }
    assert section.metrics == pytest.approx(expected, rel=1e-5)
    assert section.confusion == confusion_matrix(label, said).T.tolist(), "rows are what was predicted"
    assert (section.task, section.n, section.classes) == ("binary", 2_000, ["0", "1"])


def test_metrics_of_several_classes_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    names = np.array(["cat", "cow", "dog"])
    said, label = names[rng.integers(0, 3, 500)], names[rng.integers(0, 3, 500)]
    section = performance_of(labelled_reference(said, label))
    assert (section.task, section.classes) == ("multiclass", ["cat", "cow", "dog"])
    assert section.metrics["macro_f1"] == pytest.approx(f1_score(label, said, average="macro"), rel=1e-5)
    assert section.calibration == [], "there were no scores"


def test_spreads_are_the_deviations_of_chunks_in_order() -> None:
    said, label, score = _binary()
    section = performance_of(labelled_reference(said, label, score, task="binary"))
    assert [(spread.rows, spread.chunks) for spread in section.spread] == [(100, 20), (200, 10)]
    of_chunks = (said == label).reshape(10, 200).mean(axis=1)
    assert section.spread[1].sd["accuracy"] == pytest.approx(of_chunks.std(ddof=1), rel=1e-5)


@pytest.mark.parametrize(
    ("predictions", "labels", "task"),
    [
        ([True, False], [1, 0], "binary"),
        (["no", "yes"], ["yes", "no"], "binary"),
        (["a", "b", "c"], ["a", "b", "d"], "multiclass"),
        ([1, 2], [1, 3], "regression"),
    ],
)
def test_the_task_is_found_from_the_predictions(predictions: list[Any], labels: list[Any], task: str) -> None:
    rows = [prediction(i, prediction=predictions[i % len(predictions)]) for i in range(300)]
    builder = ReferenceBuilder(ModelSpec(name="m"))
    builder.add(rows, [labels[i % len(labels)] for i in range(300)])
    assert performance_of(builder.build("test")).task == task


def test_labels_are_spelled_as_they_will_be_when_they_come_later() -> None:
    builder = ReferenceBuilder(ModelSpec(name="m", task="binary"))
    builder.add([prediction(i, prediction=i % 2) for i in range(300)], [("0", "true")[i % 2] for i in range(300)])
    assert performance_of(builder.build("test")).metrics["accuracy"] == 1.0


def test_classes_that_only_labels_have_are_known_too() -> None:
    builder = ReferenceBuilder(ModelSpec(name="m", task="multiclass"))
    builder.add([prediction(i, prediction="ab"[i % 2]) for i in range(300)], ["abc"[i % 3] for i in range(300)])
    section = performance_of(builder.build("test"))
    assert section.classes == ["a", "b", "c"]
    assert section.confusion == [[50, 50, 50], [50, 50, 50], [0, 0, 0]]


def test_rows_without_a_label_are_left_out() -> None:
    said, label, score = _binary(600)
    half = [value if i % 2 else None for i, value in enumerate(label.tolist())]
    rows = [prediction(i, prediction=int(y), score=s) for i, (y, s) in enumerate(zip(said, score, strict=True))]
    builder = ReferenceBuilder(ModelSpec(name="m", task="binary"))
    builder.add(rows[:7]), builder.add(rows[7:], half[7:])
    section = performance_of(builder.build("test"))
    assert section.n == 297
    assert section.metrics["accuracy"] == pytest.approx(np.mean((said == label)[7::2]), rel=1e-5)


def test_labels_stay_with_their_rows_when_a_long_file_is_thinned_out() -> None:
    said = (np.arange(5_000) % 3 == 0).astype(int)
    rows = [prediction(i, prediction=int(y)) for i, y in enumerate(said)]
    builder = ReferenceBuilder(ModelSpec(name="m", task="binary"), max_rows=1_000)
    for at in range(0, 5_000, 700):
        builder.add(rows[at : at + 700], said[at : at + 700].tolist())
    assert performance_of(builder.build("test")).metrics["accuracy"] == 1.0


@pytest.mark.parametrize(
    ("rows", "settings", "reason"),
    [
        (150, {"task": "binary"}, "rows with a prediction and a label that fits: 150, and it takes 200"),
        (300, {"task": "ranking"}, "the performance of a ranking is not estimated"),
    ],
)
def test_labels_that_say_too_little_give_no_section(rows: int, settings: dict[str, Any], reason: str) -> None:
    said, label, _ = _binary(rows)
    builder = ReferenceBuilder(ModelSpec(name="m", **settings))
    builder.add([prediction(i, prediction=int(y)) for i, y in enumerate(said)], label.tolist())
    assert builder.build("test").performance is None
    assert builder.without_performance == reason


def test_too_many_classes_give_no_section() -> None:
    builder = ReferenceBuilder(ModelSpec(name="m", task="multiclass"))
    builder.add([prediction(i, prediction=f"c{i % 101}") for i in range(300)], ["c0"] * 300)
    assert builder.build("test").performance is None
    assert builder.without_performance == "its predictions and labels hold 101 classes, more than 100"


# ---- the file


@pytest.fixture(scope="module")
def references() -> dict[str, Reference]:
    rng = np.random.default_rng(3)
    said, label, score = _binary()
    x = rng.uniform(size=2_000)
    return {
        "binary": labelled_reference(said, label, score, task="binary"),
        "multiclass": labelled_reference(
            np.array(["a", "b"])[said], np.array(["a", "b"])[label], score, task="multiclass"
        ),
        "regression": labelled_reference(x, x + x * rng.normal(size=2_000), features={"x": x.tolist()}),
    }


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_section_comes_back_from_its_file(task: str, references: dict[str, Reference]) -> None:
    data = encode_reference(references[task])
    assert decode_reference(data) == references[task]
    assert encode_reference(decode_reference(data)) == data


def test_the_hash_covers_the_section(references: dict[str, Reference]) -> None:
    document = json.loads(encode_reference(references["binary"]))
    document["performance"]["metrics"]["accuracy"] = 0.99
    with pytest.raises(BadReference, match="edited or damaged"):
        decode_reference(json.dumps(document))


def test_a_file_without_labels_has_no_section_and_reads_as_before() -> None:
    data = encode_reference(reference_of([prediction(i) for i in range(300)]))
    assert b"performance" not in data
    assert decode_reference(data).performance is None


def test_the_file_has_a_line_for_each_curve_and_node(references: dict[str, Reference]) -> None:
    lines = encode_reference(references["regression"]).decode().splitlines()
    assert ' "performance": {' in lines
    nodes = performance_of(references["regression"]).errors
    assert sum(line.strip().startswith('{"field":"x"') for line in lines) == sum(node.field == "x" for node in nodes)


PROBLEMS: dict[str, tuple[str, list[Any], Any, str]] = {
    "another version": ("binary", ["section_version"], 2, "performance.section_version: 2 is not 1; use the driftline"),
    "no rows": ("binary", ["n"], 0, "performance.n: 0 rows; write 1 or more"),
    "one class": ("binary", ["classes"], ["0"], "performance.classes: 1 of a binary model"),
    "a class twice": ("binary", ["classes"], ["0", "0"], "performance.classes: one is named twice"),
    "a confusion too small": ("multiclass", ["confusion"], [[1]], "performance.confusion: is not a row and a column"),
    "two curves": ("binary", ["calibration"], None, "performance.calibration: 2 curves of a binary model; keep one"),
    "a curve of no class": (
        "multiclass",
        ["calibration", 0, "predicted"],
        "z",
        "performance.calibration: a curve is of",
    ),
    "classes of a regression": ("regression", ["classes"], ["a"], "a regression has none; remove them"),
    "an edge too few": ("binary", ["calibration", 0, "edges"], [], "performance.calibration[].rows, events:"),
    "more events than rows": ("binary", ["calibration", 0, "events", 0], 10**6, "a step has more events than rows"),
    "edges that fall": ("binary", ["calibration", 0, "edges", 0], 9.0, "edges: are not strictly ascending"),
    "no errors": ("regression", ["errors"], [], "performance.errors: is empty; build the reference again"),
    "a negative error": ("regression", ["errors", 0, "mean_square"], -1.0, "performance.errors[0].rows, mean_absolute"),
    "a node without a limit": ("regression", ["errors", 0, "at_most"], None, "at_most, equals: write one of the two"),
    "a node that is its own child": ("regression", ["errors", 0, "yes"], 0, "are no later nodes"),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_bad_section_says_where_and_what_to_do(name: str, references: dict[str, Reference]) -> None:
    task, path, value, message = PROBLEMS[name]
    document = json.loads(encode_reference(references[task]))
    del document["hash"]
    place = document["performance"]
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = place[path[-1]] * 2 if name == "two curves" else value
    with pytest.raises(BadReference) as caught:
        decode_reference(json.dumps(document))
    assert message in str(caught.value)


# ---- from files


def _spec(**labels: str) -> ModelSpec:
    return ModelSpec(name="m", task="binary", labels=LabelSpec(columns=LabelColumns(**labels)))


@pytest.mark.parametrize(("column", "settings"), [("label", {}), ("truth", {"label": "truth"})])
def test_the_label_column_of_a_table_is_no_feature(column: str, settings: dict[str, str], tmp_path: Path) -> None:
    said, label, score = _binary(400)
    lines = [f"{y},{s},{t},{i}" for i, (y, s, t) in enumerate(zip(said, score, label, strict=True))]
    path = tmp_path / "rows.csv"
    path.write_text("\n".join([f"prediction,score,{column},x", *lines]))
    reference = build_from_file(path, _spec(**settings), Reading())
    assert performance_of(reference).metrics["accuracy"] == pytest.approx(np.mean(said == label), rel=1e-5)
    assert [f.name for f in reference.fields if f.role == "feature"] == ["x"]


def test_events_may_have_their_label_with_them(tmp_path: Path) -> None:
    said, label, score = _binary(400)
    rows = [
        {"prediction_id": str(i), "model": "m", "timestamp": i, "prediction": bool(y), "score": s, "label": t}
        for i, (y, s, t) in enumerate(zip(said.tolist(), score.tolist(), label.tolist(), strict=True))
    ]
    rows[0]["later"] = 1  # a name from another version of the events: read the long way round
    rows[1]["label"] = None
    rows[2]["label"] = [0]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    reading = Reading()
    section = performance_of(build_from_file(path, _spec(), reading))
    assert (section.n, reading.rejected) == (398, {})
    assert section.metrics["accuracy"] == pytest.approx(np.mean(np.delete(said == label, [1, 2])), rel=1e-5)


def test_scores_that_are_no_numbers_are_left_out_of_the_calibration() -> None:
    said, label, score = _binary(600)
    score = np.where(np.arange(600) < 100, math.nan, score)
    section = performance_of(labelled_reference(said, label, score, task="binary"))
    assert (section.n, sum(section.calibration[0].rows)) == (600, 500)
