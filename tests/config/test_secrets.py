"""The broker's password: where it may come from, and where it never shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from driftline.config.config import Config
from driftline.config.load import read_config
from driftline.config.problems import ConfigError
from driftline.config.secrets import PASSWORD_VARIABLE, sasl_password
from driftline.config.summary import summarize

LOGIN = b"broker: {security_protocol: SASL_SSL, sasl: {username: driftline%s}}"


def _read(file: bytes, environ: dict[str, str] | None = None, folder: str = "") -> Config:
    return read_config(file, name="driftline.yaml", folder=folder, environ=environ or {})


def _password(config: Config) -> str | None:
    assert config.broker.sasl is not None
    secret = sasl_password(config.broker.sasl)
    return None if secret is None else secret.get_secret_value()


def test_the_password_comes_from_the_environment_and_shows_nowhere() -> None:
    config = _read(LOGIN % b"", {PASSWORD_VARIABLE: "hunter2"})
    assert _password(config) == "hunter2"
    shown = [repr(config), str(config.broker), config.broker.model_dump_json(), repr(summarize(config))]
    assert [text for text in shown if "hunter2" in text] == []


@pytest.mark.parametrize("content", [b"hunter2", b"hunter2\n", b"hunter2\r\n"])
def test_the_password_comes_from_a_file_of_its_own(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pw").write_bytes(content)
    assert _password(_read(LOGIN % b", password_file: pw", folder=str(tmp_path))) == "hunter2"


def test_no_password_is_none() -> None:
    assert _password(_read(LOGIN % b"")) is None


def test_a_password_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    config = _read(LOGIN % b", password_file: pw", folder=str(tmp_path))
    with pytest.raises(ConfigError, match=f"broker.sasl.password_file: cannot be read: .*set {PASSWORD_VARIABLE}"):
        _password(config)
    (tmp_path / "pw").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        _password(config)


def test_two_sources_of_the_password_are_refused() -> None:
    with pytest.raises(ConfigError, match="the password is in the environment too; remove one of the two"):
        _read(LOGIN % b", password_file: pw", {PASSWORD_VARIABLE: "hunter2"})


def test_a_password_in_the_file_is_refused_even_beside_other_problems_and_never_repeated() -> None:
    with pytest.raises(ConfigError) as caught:
        _read(LOGIN % b", passwort: hunter2, password: [hunter2], mechanism: 7")
    text = str(caught.value)
    assert "a secret does not belong into this file" in text
    assert "hunter2" not in text
    assert [problem.path for problem in caught.value.problems] == [
        "broker.sasl.password",
        "broker.sasl.mechanism",
        "broker.sasl.passwort",
    ]


@pytest.mark.parametrize("file", [b"broker: 7", b"broker: {sasl: 7}", b"broker: {sasl: {password: }, ssl: 7}"])
def test_a_login_of_another_shape_is_told_as_such(file: bytes) -> None:
    with pytest.raises(ConfigError) as caught:
        _read(file)
    assert "secret" not in str(caught.value)
