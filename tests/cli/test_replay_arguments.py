"""What is wrong with the arguments of `driftline replay` is one sentence on standard error, and exit code 2."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.replays import CALIFORNIA, EXAMPLES, HOUSES, event, replay, run, write_events

CONFIG = """
version: 1
models:
  credit:
    task: binary
    {reference}
    columns: {{prediction_id: id, timestamp: at, prediction: y}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration, rows, and a labels file, each right; a test spoils one of them."""
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text(CONFIG.format(reference=""))
    Path("rows.csv").write_text("id,at,y,x\n" + "".join(f"{i},2026-01-01T00:00:{i:02}Z,1,{i}\n" for i in range(60)))
    Path("labels.csv").write_text("prediction_id,timestamp,label\n1,2026-01-02T00:00:00Z,1\n")
    write_events(Path("log.jsonl"), [event("m", i, x=float(i)) for i in range(5)])
    return tmp_path


def refused(*arguments: str | Path, predictions: str = "rows.csv") -> str:
    """The sentence with which a replay is refused."""
    done = replay(Path(predictions), Path("out"), *arguments)
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert not Path("out").exists(), "nothing is written for a run that never began"
    return done.stderr.removeprefix("error: ")


def test_what_is_right_is_replayed(folder: Path) -> None:
    done = replay(Path("rows.csv"), Path("out"), "--config", "c.yaml", "--labels", "labels.csv")
    assert done.exit_code == 0, done.output


def test_a_file_that_is_not_there(folder: Path) -> None:
    assert refused("--config", "c.yaml", predictions="none.csv") == "none.csv: does not exist; check the path\n"


def test_a_folder_in_place_of_a_file(folder: Path) -> None:
    assert refused("--config", "c.yaml", predictions=".") == ".: is a folder; give one file in it\n"


def test_a_name_that_says_no_format(folder: Path) -> None:
    Path("rows.xls").write_text("")
    assert "its name does not say its format; name it with one of .jsonl" in refused(predictions="rows.xls")


def test_a_column_that_is_not_there_with_the_remedy(folder: Path) -> None:
    Path("rows.csv").write_text("id,when,y\n1,2026-01-01T00:00:00Z,1\n")
    text = refused("--config", "c.yaml")
    assert "column 'at' is not in the file: set columns.timestamp" in text
    assert "columns of the file: id, when, y" in text


def test_columns_that_nothing_maps_with_the_remedy(folder: Path) -> None:
    assert "no column 'prediction_id': set columns.prediction_id to the column that holds it" in refused()


def test_a_label_file_without_labels(folder: Path) -> None:
    Path("labels.csv").write_text("prediction_id,timestamp\n1,2026-01-02T00:00:00Z\n")
    text = refused("--config", "c.yaml", "--labels", "labels.csv")
    assert "no column 'label': set labels.columns.label to the column that holds it" in text


def test_labels_that_are_not_there(folder: Path) -> None:
    assert refused("--config", "c.yaml", "--labels", "l.csv") == "l.csv: does not exist; check the path\n"


@pytest.mark.parametrize("as_of", ["yesterday", "2026-01-31", "2026-01-31T12:00:00", ""])
def test_a_limit_of_the_future_that_is_no_time(folder: Path, as_of: str) -> None:
    text = refused("--config", "c.yaml", "--as-of", as_of)
    assert text.startswith(f"--as-of {as_of!r}: write RFC 3339 with an offset, such as 2026-01-31T12:00:00Z")


def test_a_model_that_is_not_configured(folder: Path) -> None:
    text = refused("--config", "c.yaml", "--model", "debit")
    assert text == "--model 'debit': is not in the configuration; models are credit\n"


def test_a_configuration_that_is_not_there(folder: Path) -> None:
    assert "none.yaml" in refused("--config", "none.yaml")


def test_a_configuration_with_problems_names_each_with_its_remedy(folder: Path) -> None:
    Path("c.yaml").write_text("version: 1\nmodels: {credit: {windws: [10m], task: binry}}\n")
    text = refused("--config", "c.yaml")
    assert "models.credit.windws: unknown setting; write windows" in text
    assert "models.credit.task" in text


def test_a_reference_that_is_not_there_with_the_command_that_makes_it(folder: Path) -> None:
    Path("c.yaml").write_text(CONFIG.format(reference="reference: r.json"))
    assert "build it with `driftline reference build DATA --config C --out r.json`" in refused("--config", "c.yaml")


def test_the_reference_of_another_model(folder: Path) -> None:
    Path("r.json").write_bytes((EXAMPLES / "california" / "reference.json").read_bytes())
    Path("c.yaml").write_text(CONFIG.format(reference="reference: r.json"))
    assert "is the profile of model 'california', not of 'credit'; build one for it" in refused("--config", "c.yaml")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[: len(text) // 2], "build it again with: driftline reference build"),
        (lambda text: text.replace('"n": 5832', '"n": 5833', 1), "it was edited or damaged"),
        (lambda text: "{}", "build it again with: driftline reference build"),
    ],
    ids=["cut off", "edited", "empty"],
)  # fmt: skip
def test_a_damaged_reference(folder: Path, damage: object, message: str) -> None:
    whole = (EXAMPLES / "california" / "reference.json").read_text()
    assert callable(damage)
    Path("r.json").write_text(damage(whole))
    Path("c.yaml").write_text(CONFIG.format(reference="reference: r.json").replace("credit", "california"))
    assert message in refused("--config", "c.yaml")


def test_a_folder_for_results_that_is_a_file(folder: Path) -> None:
    Path("out.txt").write_text("")
    done = replay(Path("rows.csv"), Path("out.txt"), "--config", "c.yaml")
    assert done.exit_code == 2
    assert done.stderr == "error: out.txt: File exists\n"


@pytest.mark.parametrize("missing", ["--predictions", "--out"])
def test_an_argument_that_is_left_out(missing: str) -> None:
    given = {"--predictions": str(HOUSES), "--out": "out"}
    del given[missing]
    done = run("replay", *[word for pair in given.items() for word in pair])
    assert done.exit_code == 2
    assert missing in done.stderr


def test_an_error_is_said_on_standard_error_with_json_too(folder: Path) -> None:
    assert "does not exist" in refused("--json", predictions="none.csv")


def test_json_lines_need_no_model(folder: Path) -> None:
    done = replay(Path("log.jsonl"), Path("out"), "--json")
    assert json.loads(done.stdout)["counters"]["applied"] == 5


def test_events_of_models_that_are_not_listed_are_filtered_and_counted(folder: Path) -> None:
    done = replay(Path("log.jsonl"), Path("out"), "--config", "c.yaml", "--json")
    assert json.loads(done.stdout)["counters"] == {
        "consumed": 5, "applied": 0, "duplicate": 0, "late": 0, "rejected": 0, "filtered": 5, "labels": 0,
    }  # fmt: skip


def test_times_after_the_limit_of_the_future_are_rejected(folder: Path) -> None:
    done = replay(HOUSES, Path("out"), "--config", CALIFORNIA, "--as-of", "2021-06-01T00:00:00Z", "--json")
    counters = json.loads(done.stdout)["counters"]
    assert (counters["applied"], counters["rejected"]) == (1, 8_231)
