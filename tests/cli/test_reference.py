"""`driftline reference build` and `show` as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from driftline.cli.app import build_app

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

CONFIG = """
version: 1
models:
  credit:
    task: binary
    reference: references/credit.json
    columns: {prediction_id: id, timestamp: at, prediction: y, score: p}
    features: {muted: {monitor: false}}
"""


def run(*arguments: str | Path) -> Result:
    # 80 columns: the width of a plain terminal
    return CliRunner().invoke(build_app("reference"), ["reference", *map(str, arguments)], env={"COLUMNS": "80"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "driftline.yaml").write_text(CONFIG)
    rows = [f"{i},2026-01-01 {i % 24:02}:00:00,{i % 2},{i / 300},{i},{i % 7 or ''},1\n" for i in range(300)]
    (tmp_path / "rows.csv").write_text("id,at,y,p,age,visits,muted\n" + "".join(rows))
    return tmp_path


def test_a_reference_is_built_where_the_configuration_says(folder: Path) -> None:
    done = run("build", folder / "rows.csv", "--config", folder / "driftline.yaml")
    assert done.exit_code == 0, done.output
    assert "300 rows, 4 fields" in done.output
    assert "muted is not monitored: the configuration says monitor: false" in done.output
    assert (folder / "references" / "credit.json").is_file()
    assert list(folder.rglob("*.part")) == []


def test_building_for_machines_says_what_became_of_the_rows(folder: Path) -> None:
    out = folder / "r.json"
    done = run("build", folder / "rows.csv", "--config", folder / "driftline.yaml", "--out", out, "--json")
    answer = json.loads(done.stdout)
    assert (answer["out"], answer["n"], answer["rejected"], answer["model"]) == (str(out), 300, {}, "credit")
    assert answer["hash"] == json.loads(out.read_bytes())["hash"]


def test_a_configuration_is_not_needed_for_json_lines(folder: Path) -> None:
    event = {"prediction_id": "1", "model": "a", "timestamp": 1_700_000_000_000, "prediction": 0.5}
    lines = [event, {**event, "model": "b"}, {**event, "timestamp": "soon"}, event]
    (folder / "events.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    done = run("build", folder / "events.jsonl", "--model", "a", "--out", folder / "a.json")
    assert done.exit_code == 0, done.output
    text = " ".join(done.output.split())
    assert "2 rows, 1 field" in text
    assert "passed over 1 record of other models" in text
    assert "1 rejected, bad_timestamp; record 2: " in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rows.csv"], "which model? Add --model NAME"),
        (["rows.csv", "--model", "a"], "where to? Add --out FILE.json, or set reference: in the configuration"),
        (["none.csv", "--model", "a", "--out", "r.json"], "none.csv: does not exist; check the path"),
        (
            ["rows.csv", "--model", "a", "--out", "r.json"],
            "no column 'prediction': set columns.prediction to the column",
        ),
        (
            ["rows.csv", "--config", "driftline.yaml", "--model", "a"],
            "model 'a' is not in the configuration; write one of",
        ),
        (["bad.jsonl", "--model", "a", "--out", "r.json"], "every record was rejected; record 0:"),
        (
            ["other.jsonl", "--model", "a", "--out", "r.json"],
            "holds no event of model 'a'; give the file of that model",
        ),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(folder)
    Path("bad.jsonl").write_text("{}\nnonsense\n")
    Path("other.jsonl").write_text('{"prediction_id":"1","model":"b","timestamp":1700000000000,"prediction":1}\n')
    done = run("build", *arguments)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.split())
    assert not Path("r.json").exists()


@pytest.mark.parametrize("name", ["california", "employment"])
def test_a_reference_is_shown_in_eighty_columns(name: str) -> None:
    done = run("show", EXAMPLES / name / "reference.json")
    assert done.exit_code == 0, done.output
    assert max(map(len, done.output.splitlines())) <= 80
    assert "…" not in done.output, "nothing is cut off"


def test_a_shown_reference_has_shape_and_range_of_every_field(folder: Path) -> None:
    lines = run("show", EXAMPLES / "california" / "reference.json").output.splitlines()
    assert "HouseAge    numeric   5,832  1 to 52, mean 27.72            ▃▃▄▇▅▇▅█▆▄▃▂" in lines
    assert "prediction  category  5,832  0 68%, 1 32%                   █▄" in [line.rstrip() for line in lines]


def test_missing_and_invalid_shares_are_shown_where_there_are_any(folder: Path) -> None:
    run("build", folder / "rows.csv", "--config", folder / "driftline.yaml")
    output = run("show", folder / "references" / "credit.json").output
    (visits,) = [line.split() for line in output.splitlines() if line.startswith("visits")]
    assert visits[:4] == ["visits", "numeric", "257", "14%"]
    assert "missing" in output
    assert "invalid" not in output


def test_showing_for_machines_gives_numbers() -> None:
    answer = json.loads(run("show", EXAMPLES / "employment" / "reference.json", "--json").stdout)
    assert (answer["model"], answer["n"]) == ("employment", 68_785)
    fields = {field["name"]: field for field in answer["fields"]}
    assert fields["AGEP"]["max"] == 94
    assert fields["SEX"]["categories"] == {"2": 35_691, "1": 33_094}
    assert answer["segments"][0] == {"segment_set": ["SEX"], "segment": "SEX=2", "n": 35_691}


def test_showing_what_is_no_reference_says_so(folder: Path) -> None:
    done = run("show", folder / "driftline.yaml")
    assert done.exit_code == 2
    assert "build it again with: driftline reference build" in " ".join(done.stderr.split())


def test_labels_from_a_file_of_their_own_give_the_section_on_performance(folder: Path) -> None:
    labels = folder / "labels.csv"
    labels.write_text("prediction_id,label\n" + "".join(f"{i},{i % 2 if i > 29 else 1 - i % 2}\n" for i in range(300)))
    out = folder / "r.json"
    config = ("--config", folder / "driftline.yaml", "--out", out)
    done = run("build", folder / "rows.csv", *config, "--labels", labels)
    assert done.exit_code == 0, done.output
    assert json.loads(out.read_bytes())["performance"]["metrics"]["accuracy"] == 0.9
    assert "accuracy 0.9" in run("show", out).output
    assert json.loads(run("build", folder / "rows.csv", *config, "--json").stdout)["performance"] is None


def test_the_last_label_of_a_prediction_counts_and_one_taken_back_does_not(folder: Path) -> None:
    events = [{"prediction_id": str(i), "model": "a", "timestamp": i, "prediction": i % 2} for i in range(400)]
    labels = [{"prediction_id": str(i), "model": "a", "timestamp": i, "label": 7} for i in range(400)]
    labels += [{**label, "label": int(label["prediction_id"]) % 2} for label in labels[:300]]
    labels += [{**label, "label": None} for label in labels[300:400]] + [{**labels[0], "model": "b"}]
    for name, lines in (("events", events), ("labels", labels)):
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (folder / "c.yaml").write_text("{version: 1, models: {a: {task: binary}}}")
    options = ("--config", folder / "c.yaml", "--out", folder / "a.json", "--labels", folder / "labels.jsonl")
    done = run("build", folder / "events.jsonl", *options)
    assert done.exit_code == 0, done.output
    section = json.loads((folder / "a.json").read_bytes())["performance"]
    assert (section["n"], section["metrics"]["accuracy"]) == (300, 1.0)


def test_labels_that_say_too_little_are_told_of(folder: Path) -> None:
    (folder / "labels.csv").write_text("prediction_id,label\n1,0\n")
    done = run("build", folder / "rows.csv", "-c", folder / "driftline.yaml", "--labels", folder / "labels.csv")
    assert done.exit_code == 0
    assert "no performance to estimate from: rows with a prediction and a label that fits: 1" in done.output


def test_a_file_without_labels_of_the_model_is_refused(folder: Path) -> None:
    (folder / "labels.jsonl").write_text('{"prediction_id": "1", "model": "credit", "timestamp": 0}\n')
    done = run("build", folder / "rows.csv", "-c", folder / "driftline.yaml", "--labels", folder / "labels.jsonl")
    assert done.exit_code != 0
    assert "holds no label of model 'credit'; the first record: label is not there" in " ".join(done.output.split())
