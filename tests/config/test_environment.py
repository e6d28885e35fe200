"""Environment variables over the file: which setting they mean, how values are read, what is refused."""

from __future__ import annotations

import pytest

from driftline.config.config import Config
from driftline.config.load import default_config, read_config
from driftline.config.problems import ConfigError

FILE = b"""
models:
  employment:
    windows: [10m, 1h]
    features:
      "age (years)": {min: 0}
    versions: {"2.1": a.json}
  fraud-eu.v2:
"""


def _read(environ: dict[str, str], file: bytes = FILE) -> Config:
    return read_config(file, name="driftline.yaml", folder="", environ=environ)


def _problems(environ: dict[str, str], file: bytes = FILE) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        _read(environ, file)
    return [str(problem) for problem in caught.value.problems]


def test_a_variable_replaces_what_the_file_says() -> None:
    config = _read({"DRIFTLINE_MODELS__EMPLOYMENT__LATENESS": "90s"})
    assert config.models["employment"].lateness_ms == 90_000
    assert config.models["fraud-eu.v2"].lateness_ms == 60_000


def test_a_value_can_be_a_list_as_in_the_file() -> None:
    config = _read({"DRIFTLINE_MODELS__EMPLOYMENT__WINDOWS": "[1h, 1d]"})
    assert config.models["employment"].windows_ms == (3_600_000, 86_400_000)


def test_names_with_other_characters_are_matched_with_underscores() -> None:
    config = _read(
        {
            "DRIFTLINE_MODELS__FRAUD_EU_V2__TASK": "binary",
            "DRIFTLINE_MODELS__EMPLOYMENT__FEATURES__AGE_YEARS__MAX": "120",
            "DRIFTLINE_MODELS__EMPLOYMENT__VERSIONS__2_1": "b.json",
        }
    )
    assert config.models["fraud-eu.v2"].task == "binary"
    assert config.models["employment"].fields["age (years)"].max == 120
    assert config.models["employment"].references_by_version["2.1"] == "b.json"


def test_sections_that_the_file_does_not_have_can_be_set() -> None:
    config = _read({"DRIFTLINE_BROKER__BOOTSTRAP_SERVERS": "kafka:9092", "DRIFTLINE_DEFAULTS__LABELS__HORIZON": "30d"})
    assert config.broker.bootstrap_servers == "kafka:9092"
    assert config.models["employment"].labels.horizon_ms == 30 * 86_400_000


def test_without_a_file_the_environment_still_counts() -> None:
    config = default_config({"DRIFTLINE_DEFAULTS__FALSE_ALARMS": "1/month", "DRIFTLINE_DISCOVER": "true"})
    assert str(config.defaults.false_alarms) == "1/month"


def test_texts_are_taken_as_they_stand() -> None:
    environ = {
        "DRIFTLINE_BROKER__SECURITY_PROTOCOL": "SASL_SSL",
        "DRIFTLINE_BROKER__SASL__USERNAME": "007",
        "DRIFTLINE_BROKER__SASL__PASSWORD": "1e5: #secret",
    }
    sasl = default_config(environ).broker.sasl
    assert sasl is not None
    assert sasl.username == "007"
    assert sasl.password is not None
    assert sasl.password.get_secret_value() == "1e5: #secret"


def test_an_empty_variable_counts_as_absent() -> None:
    assert _read({"DRIFTLINE_MODELS__EMPLOYMENT__LATENESS": ""}).models["employment"].lateness_ms == 60_000


@pytest.mark.parametrize(
    "variable",
    [
        "DRIFTLINE_PORT",
        "DRIFTLINE_SERVICE_HOST",
        "DRIFTLINE_VERSION",
        "DRIFTLINE_TEST_SEED",
        "driftline_a__b",
        "PATH",
    ],
)
def test_variables_of_others_are_left_alone(variable: str) -> None:
    assert _read({variable: "tcp://10.0.0.1:9092"}).models.keys() == {"employment", "fraud-eu.v2"}


def test_a_problem_names_the_variable_and_the_setting() -> None:
    assert _problems({"DRIFTLINE_MODELS__EMPLOYMENT__WINDOWS": "[10m, 25m]"}) == [
        "DRIFTLINE_MODELS__EMPLOYMENT__WINDOWS: models.employment.windows[1]: 25m does not follow 10m; "
        "write 20m or 30m: each window must be a whole multiple of the one before it"
    ]


@pytest.mark.parametrize(
    ("variable", "problem"),
    [
        (
            "DRIFTLINE_MODELS__EMPLOYMENT__LATENES",
            "names no setting; write LATENESS after DRIFTLINE_MODELS__EMPLOYMENT__",
        ),
        (
            "DRIFTLINE_MODELS__CHURN__LATENESS",
            "names no setting; write EMPLOYMENT or FRAUD_EU_V2 after DRIFTLINE_MODELS__; "
            "a variable changes only what the file lists",
        ),
        ("DRIFTLINE_BROKR__SSL__CA_FILE", "names no setting; write BROKER after DRIFTLINE_"),
        (
            "DRIFTLINE_BROKER__SSL",
            "names no setting; write CA_FILE, CERTIFICATE_FILE or KEY_FILE after DRIFTLINE_BROKER__SSL__",
        ),
        ("DRIFTLINE_DISCOVER__ALL", "names no setting; write DRIFTLINE_DISCOVER: it is a single value"),
        (
            "DRIFTLINE_MODELS_EMPLOYMENT_LATENESS",
            "names no setting; write two underscores between levels: DRIFTLINE_MODELS__EMPLOYMENT__LATENESS",
        ),
    ],
)
def test_a_variable_that_names_no_setting_is_told_the_right_name(variable: str, problem: str) -> None:
    (told,) = _problems({variable: "1"})
    assert told.startswith(f"{variable}: {problem}")


def test_two_names_that_look_alike_in_a_variable_are_refused() -> None:
    (told,) = _problems({"DRIFTLINE_MODELS__A_B__DEDUP": "0"}, b"models: {a-b: , a.b: }")
    assert told == (
        'DRIFTLINE_MODELS__A_B__DEDUP: can mean models.a-b.dedup and models["a.b"].dedup; '
        "remove it and write the value in the file"
    )


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("[10m", "DRIFTLINE_MODELS__EMPLOYMENT__WINDOWS:1:5: expected ',' or ']', but got '<stream end>'"),
        ("!!set {}", 'DRIFTLINE_MODELS__EMPLOYMENT__WINDOWS:1: the tag "!!set" is not read here'),
        ("{a: 1}", "DRIFTLINE_MODELS__EMPLOYMENT__WINDOWS: models.employment.windows: not a list"),
        ("\udcff", "DRIFTLINE_MODELS__EMPLOYMENT__WINDOWS: byte 0 is not UTF-8"),
    ],
)
def test_a_value_that_cannot_be_read_is_told(value: str, problem: str) -> None:
    told = _problems({"DRIFTLINE_MODELS__EMPLOYMENT__WINDOWS": value})
    assert told[0].startswith(problem)


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        (b"broker: 7", "driftline.yaml:1: broker: 7 is not a section"),
        (b"broker: {sasl: [7]}", "driftline.yaml:1: broker.sasl: this value is not a section"),
    ],
)
def test_a_variable_below_something_that_is_no_section_leaves_it_to_the_file_to_be_told(
    file: bytes, problem: str
) -> None:
    (told,) = _problems({"DRIFTLINE_BROKER__SASL__USERNAME": "driftline"}, file)
    assert told.startswith(problem)


def test_problems_of_the_file_come_first_by_line_then_those_of_the_environment() -> None:
    file = b"models:\n  a: {dedup: x}\n  b: {dedup: y}\nzzz: 1\n"
    told = _problems({"DRIFTLINE_MODELS__B__TASK": "?", "DRIFTLINE_DISCOVER": "maybe"}, file)
    assert [problem.split(": ")[0] for problem in told] == [
        "driftline.yaml:2",
        "driftline.yaml:3",
        "driftline.yaml:4",
        "DRIFTLINE_DISCOVER",
        "DRIFTLINE_MODELS__B__TASK",
    ]


def test_the_environment_of_the_process_is_read_when_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFTLINE_DISCOVER", "false")
    assert not default_config().discover
