"""Reading a file: defaults, discovery, inheritance, paths, limits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from driftline.config.config import Config
from driftline.config.files import missing_files
from driftline.config.load import default_config, load_config, read_config
from driftline.config.model_spec import FieldOverride, ModelSpec
from driftline.config.problems import ConfigError, Problem
from driftline.config.yaml_text import BYTES_MAX


def _read(text: str) -> Config:
    return read_config(text.encode(), name="driftline.yaml", folder="conf", environ={})


def test_without_a_file_every_model_is_discovered_with_the_defaults_of_a_spec() -> None:
    config = default_config({})
    assert config.discover
    assert config.spec_for("anything") == ModelSpec(name="anything")
    assert config == Config()


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "\ufeffversion: 1\n", "models:\nbroker:\ndefaults:\n"])
def test_an_empty_file_is_no_file(text: str) -> None:
    assert _read(text) == default_config({})


def test_listing_a_model_turns_discovery_off() -> None:
    config = _read("models: {employment: }")
    assert config.spec_for("employment") == ModelSpec(name="employment")
    assert config.spec_for("another") is None


def test_discovery_beside_listed_models_uses_the_defaults() -> None:
    config = _read("discover: true\ndefaults: {dedup: 0}\nmodels: {employment: {dedup: 7}}")
    assert config.models["employment"].dedup == 7
    spec = config.spec_for("another")
    assert spec is not None
    assert (spec.name, spec.dedup) == ("another", 0)


def test_nothing_is_monitored_when_nothing_is_listed_and_discovery_is_off() -> None:
    assert _read("discover: false").spec_for("employment") is None


def test_sections_of_the_defaults_are_merged_and_values_replaced() -> None:
    config = _read(
        "defaults: {windows: [1h], labels: {horizon: 30d, store: redis}, features: {age: {min: 0}}}\n"
        "models: {a: {labels: {store: memory}, windows: [2h], features: {age: {max: 9}}}, b: {labels: }}"
    )
    a, b = config.models["a"], config.models["b"]
    assert (a.windows_ms, a.labels.horizon_ms, a.labels.store) == ((7_200_000,), 30 * 86_400_000, "memory")
    assert a.fields["age"] == FieldOverride(min=0.0, max=9.0)
    assert (b.windows_ms, b.labels.store) == ((3_600_000,), "redis")


def test_null_takes_a_default_back() -> None:
    config = _read("defaults: {events_per_week: 7}\nmodels: {a: {events_per_week: null}, b: }")
    assert config.models["a"].events_per_week is None
    assert config.models["b"].events_per_week == 7


def test_a_model_is_not_inherited_into_when_defaults_or_models_are_no_sections() -> None:
    for text in ("defaults: 7\nmodels: {a: {dedup: x}}", "defaults: {dedup: x}\nmodels: {a: 7}"):
        with pytest.raises(ConfigError) as caught:
            _read(text)
        assert len(caught.value.problems) == 2


def test_relative_paths_start_at_the_folder_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "driftline.yaml"
    file.write_text("models: {a: {reference: refs/a.json, versions: {v2: ../b.json, v3: /srv/c.json}}}")
    spec = load_config(file, environ={}).models["a"]
    assert spec.reference == str(tmp_path / "refs" / "a.json")
    assert dict(spec.references_by_version) == {"v2": str(tmp_path.parent / "b.json"), "v3": "/srv/c.json"}
    config = _read("broker: {security_protocol: SSL, ssl: {ca_file: ca.pem}}")
    assert config.broker.ssl is not None
    assert config.broker.ssl.ca_file == "conf/ca.pem"


def test_yaml_1_1_surprises_are_texts() -> None:
    config = _read("models: {no: {segments: [on, yes, 1:30, 2024-01-01]}}")
    assert config.models["no"].segments == (("on",), ("yes",), ("1:30",), ("2024-01-01",))


def test_categories_are_spelt_as_events_spell_them() -> None:
    spec = _read("models: {a: {features: {x: {categories: [gold, 3, true, 'No']}}}}").models["a"]
    assert spec.fields["x"].categories == ("gold", "3", "true", "No")


def test_a_list_of_columns_is_short_for_columns_that_are_called_what_they_hold() -> None:
    config = _read("models: {a: {columns: {context: [region], measurements: {latency_ms: ms}, probabilities: }}}")
    columns = config.models["a"].columns
    assert dict(columns.context) == {"region": "region"}
    assert dict(columns.measurements) == {"latency_ms": "ms"}
    assert dict(columns.probabilities) == {}


def test_never_idle_is_none() -> None:
    assert _read("models: {a: {idle_after: never}}").models["a"].idle_after_ms is None


def test_a_configuration_can_be_hashed_and_not_be_changed() -> None:
    config = _read("models: {a: {features: {x: {min: 1}}}}")
    assert hash(config) == hash(_read("models: {a: {features: {x: {min: 1.0}}}}"))
    with pytest.raises(AttributeError):
        config.models["a"].name = "b"  # type: ignore[misc]
    with pytest.raises(TypeError):
        config.models["a"].fields["y"] = FieldOverride()  # type: ignore[index]


def test_a_spec_made_by_hand_takes_plain_dictionaries() -> None:
    spec, same = (ModelSpec(name="a", fields={"x": FieldOverride(min=1.0)}) for _ in range(2))
    assert hash(spec) == hash(same)
    assert repr(spec.fields) == f"FrozenMap({{'x': {FieldOverride(min=1.0)!r}}})"
    assert len(spec.fields) == 1


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file or directory; write the path of a YAML file that exists"):
        load_config(tmp_path / "driftline.yaml")


def test_a_file_above_one_mebibyte_is_refused_without_being_parsed(tmp_path: Path) -> None:
    file = tmp_path / "big.yaml"
    file.write_bytes(b"#" * (BYTES_MAX + 1))
    with pytest.raises(ConfigError, match=r"big\.yaml is larger than 1 MiB"):
        load_config(file)


def test_one_problem_is_told_in_the_singular_and_several_with_their_number() -> None:
    one = Problem("models", "gone", "write it")
    assert str(ConfigError([one])) == "the configuration has 1 problem:\n  models: gone; write it"
    assert str(ConfigError([one, Problem("", "odd", "remove it")])).splitlines() == [
        "the configuration has 2 problems:",
        "  models: gone; write it",
        "  odd; remove it",
    ]


def test_files_that_are_named_and_not_there_are_told_apart_from_loading(tmp_path: Path) -> None:
    (tmp_path / "there.json").write_text("{}")
    (tmp_path / "driftline.yaml").write_text(
        "broker: {security_protocol: SASL_SSL, sasl: {username: u, password_file: pw}, ssl: {ca_file: there.json}}\n"
        "models: {a: {reference: there.json}, b: {reference: gone.json, versions: {'2': two.json}}}\n"
    )
    problems = missing_files(load_config(tmp_path / "driftline.yaml", environ={}))
    assert [problem.path for problem in problems] == [
        "models.b.reference",
        'models.b.versions["2"]',
        "broker.sasl.password_file",
    ]
    assert problems[0].what == f"{tmp_path / 'gone.json'} does not exist"


def test_the_core_reads_specifications_without_pydantic_and_without_yaml() -> None:
    modules = "driftline.config.model_spec, driftline.config.fingerprint"
    script = f"import sys, {modules}; print({{'pydantic', 'yaml'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
