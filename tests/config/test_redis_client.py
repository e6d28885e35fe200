"""Redis as its client wants it: login and TLS against a real server, and a password that shows nowhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import redis

from driftline.config.config import Config
from driftline.config.files import missing_files
from driftline.config.load import read_config
from driftline.config.problems import ConfigError
from driftline.config.redis_client import redis_settings
from driftline.config.secrets import REDIS_PASSWORD_VARIABLE
from driftline.config.summary import summarize
from tests.servers.certificates import make_certificates
from tests.servers.fixtures import StartRedis
from tests.servers.ports import free_ports
from tests.servers.redis_server import arguments_for_tls


def _read(text: str, password: str | None = None, folder: Path | None = None) -> Config:
    environ = {} if password is None else {REDIS_PASSWORD_VARIABLE: password}
    file = f"defaults: {{labels: {{store: redis}}}}\njoin_stores: {{redis: {{{text}}}}}".encode()
    return read_config(file, name="driftline.yaml", folder=str(folder or ""), environ=environ)


def test_without_settings_redis_is_on_this_machine_without_a_login() -> None:
    assert redis_settings(_read("").join_stores.redis) == {
        "host": "localhost", "port": 6379, "db": 0, "protocol": 2, "socket_timeout": 1.0, "socket_connect_timeout": 1.0,
    }  # fmt: skip


def test_an_address_of_ipv6_is_taken_out_of_its_brackets() -> None:
    settings = redis_settings(_read("server: '[::1]:7000', database: 3").join_stores.redis)
    assert (settings["host"], settings["port"], settings["db"]) == ("::1", 7000, 3)


def test_a_login_over_tls_is_let_in(start_redis: StartRedis, tmp_path: Path) -> None:
    made = make_certificates(tmp_path)
    (port,) = free_ports(1)
    server = start_redis(*arguments_for_tls(port, made.certificate, made.key, made.ca))
    server.run("ACL", "SETUSER", "worker", "on", ">hunter2", "~*", "+@all")
    text = f"server: 'localhost:{port}', username: worker, tls: true, ssl: {{ca_file: {made.ca}}}"
    with redis.Redis(**redis_settings(_read(text, "hunter2").join_stores.redis)) as client:
        assert client.acl_whoami() in ("worker", b"worker")  # as the version of the client has it
    strict = f"server: 'localhost:{port}', username: worker, tls: true"  # the authorities of the system do not know it
    with (
        redis.Redis(**redis_settings(_read(strict, "hunter2").join_stores.redis), retry=None) as client,
        pytest.raises(redis.ConnectionError, match="certificate"),
    ):
        client.ping()


def test_the_password_comes_from_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "pw").write_bytes(b"hunter2\n")
    config = _read("username: worker, password_file: pw", folder=tmp_path)
    assert redis_settings(config.join_stores.redis)["password"] == "hunter2"
    assert missing_files(config) == []
    (tmp_path / "pw").unlink()
    assert [problem.path for problem in missing_files(config)] == ["join_stores.redis.password_file"]
    with pytest.raises(ConfigError, match=f"password_file: cannot be read: .*set {REDIS_PASSWORD_VARIABLE}"):
        redis_settings(config.join_stores.redis)


def test_two_sources_of_the_password_are_refused() -> None:
    with pytest.raises(ConfigError, match="the password is in the environment too; remove one of the two"):
        _read("password_file: pw", "hunter2")


def test_a_certificate_that_cannot_be_read_is_named() -> None:
    config = _read("tls: true, ssl: {ca_file: nowhere.pem}")
    with pytest.raises(ConfigError, match=r"join_stores\.redis\.ssl\.ca_file: nowhere\.pem cannot be read"):
        redis_settings(config.join_stores.redis)


def test_the_password_shows_nowhere() -> None:
    config = _read("username: worker", "hunter2")
    shown = [
        repr(config),
        config.join_stores.model_dump_json(),
        json.dumps(config.join_stores.model_dump(mode="json")),
        repr(summarize(config)),
        repr(redis_settings(config.join_stores.redis)),
        repr(redis.Redis(**redis_settings(config.join_stores.redis))),
    ]
    assert [text for text in shown if "hunter2" in text] == []


def test_stores_that_no_model_uses_are_not_asked_for_and_not_shown() -> None:
    config = read_config(
        b"join_stores: {redis: {password_file: nowhere}}", name="driftline.yaml", folder="", environ={}
    )
    assert missing_files(config) == []
    assert [part.heading for part in summarize(config)][-1] == "worker"
    used = _read("")
    assert [part.heading for part in summarize(used)][-1] == "redis"
