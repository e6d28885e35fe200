"""`driftline topics` against a real Kafka: created, compared, listed, and clear about what is missing."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ConfigResource,
    ResourcePatternType,
    ResourceType,
)
from typer.testing import CliRunner, Result

from driftline.cli.app import build_app
from driftline.config.broker_settings import TopicSettings
from driftline.config.secrets import PASSWORD_VARIABLE
from tests.servers.certificates import make_certificates
from tests.servers.fixtures import Kafka, StartKafka
from tests.servers.kafka_properties import Security


def _run(config: Path, *arguments: str, password: str | None = None) -> Result:
    environ = {"COLUMNS": "100", PASSWORD_VARIABLE: password}
    return CliRunner().invoke(build_app("topics"), ["topics", *arguments, "--config", str(config)], env=environ)


def _write(folder: Path, names: TopicSettings, broker: str) -> Path:
    file = folder / "driftline.yaml"
    topics = ", ".join(f"{use}: {name}" for use, name in names)
    file.write_text(f"broker: {{{broker}}}\ntopics: {{{topics}}}\n", encoding="utf-8")
    return file


@pytest.fixture
def config(kafka: Kafka, topic_names: TopicSettings, tmp_path: Path) -> Path:
    return _write(tmp_path, topic_names, f'bootstrap_servers: "{kafka.bootstrap_servers}"')


def _settings(admin: AdminClient, topic: str) -> dict[str, str]:
    (future,) = admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, topic)]).values()
    return {name: entry.value for name, entry in future.result().items()}


def test_topics_are_created_as_planned_and_a_second_time_nothing_happens(
    kafka: Kafka, topic_names: TopicSettings, config: Path
) -> None:
    assert _run(config, "list").exit_code == 1
    done = _run(config, "create", "--partitions", "3", "--replication", "1")
    assert done.exit_code == 0, done.output
    assert f"created {topic_names.predictions}  3 partitions" in done.output
    again = _run(config, "create")
    assert (again.exit_code, again.output) == (0, "all topics are there, and as they should be\n")
    admin = kafka.admin()
    metadata = admin.list_topics(timeout=10).topics
    counts = {use: len(metadata[name].partitions) for use, name in topic_names}
    assert counts == {"predictions": 3, "labels": 3, "alerts": 1, "windows": 3, "dead_letters": 1, "snapshots": 3}
    assert _settings(admin, topic_names.predictions)["message.timestamp.type"] == "LogAppendTime"
    snapshots = _settings(admin, topic_names.snapshots)
    assert (snapshots["cleanup.policy"], snapshots["max.message.bytes"]) == ("compact", "2097152")


def test_the_list_shows_every_topic_and_json_the_same_for_machines(topic_names: TopicSettings, config: Path) -> None:
    assert "missing" in _run(config, "list").output
    assert json.loads(_run(config, "list", "--json").stdout)["topics"][0]["exists"] is False
    assert json.loads(_run(config, "create", "--json").stdout)["created"] == [name for _, name in topic_names]
    shown = _run(config, "list")
    assert shown.exit_code == 0, shown.output
    assert [line.split()[1] for line in shown.output.splitlines()[1:]] == [name for _, name in topic_names]
    assert "compacted" in shown.output
    listed = json.loads(_run(config, "list", "--json").stdout)
    assert listed["ok"] is True and listed["findings"] == []
    assert listed["topics"][0]["partitions"] == 8


def test_topics_that_exist_and_are_wrong_are_told_and_nothing_is_created(
    kafka: Kafka, topic_names: TopicSettings, config: Path
) -> None:
    kafka.create_topics({topic_names.predictions: 4, topic_names.labels: 2})
    kafka.create_topics({topic_names.snapshots: 4}, {"cleanup.policy": "delete"})
    done = _run(config, "create")
    assert done.exit_code == 1
    assert f"error {topic_names.labels}: has 2 partitions, 4 are needed" in done.output
    assert f"error {topic_names.snapshots}: has cleanup.policy=delete" in done.output
    assert f"warning {topic_names.predictions}: has the record times of its producers" in done.output
    assert "nothing was created" in done.output
    assert topic_names.alerts not in kafka.admin().list_topics(timeout=10).topics


def test_a_broker_that_does_not_answer_is_told_within_ten_seconds(topic_names: TopicSettings, tmp_path: Path) -> None:
    with socket.socket() as silent:  # takes connections and says nothing
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        config = _write(tmp_path, topic_names, f'bootstrap_servers: "{address}"')
        begin = time.monotonic()
        done = _run(config, "create")
        took_s = time.monotonic() - begin
    assert done.exit_code == 2
    assert f"Kafka does not answer at {address}" in done.stderr
    assert "check broker.bootstrap_servers" in done.stderr
    assert took_s < 30  # 8 s, on a machine that is not busy


def test_logins_and_rights_are_those_of_a_real_kafka(
    start_kafka: StartKafka, topic_names: TopicSettings, tmp_path: Path
) -> None:
    """One Kafka for all of it, because each costs seconds: wrong password, no rights, rights one by one, TLS."""
    certificates = make_certificates(tmp_path)
    server = start_kafka(security=Security({"worker": "right"}, certificates))
    login = f"bootstrap_servers: '{server.address('SASL_PLAINTEXT')}', security_protocol: SASL_PLAINTEXT"
    config = _write(tmp_path, topic_names, f"{login}, sasl: {{mechanism: PLAIN, username: worker}}")

    wrong = _run(config, "create", password="wrong")
    assert wrong.exit_code == 2
    assert "does not let us log in" in wrong.stderr and "broker.sasl" in wrong.stderr
    assert "wrong" not in wrong.stderr

    for operation in ("Describe", "Create"):
        refused = _run(config, "create", password="right")
        assert refused.exit_code == 2
        assert f"the user worker lacks the ACL operation {operation} on {topic_names.predictions}" in refused.stderr
        grant = f"--add --allow-principal User:worker --operation {operation} --topic {topic_names.predictions}"
        assert grant in refused.stderr
        _allow(server.admin(), operation, topic_names)
    created = _run(config, "create", password="right")
    assert created.exit_code == 0, created.output
    assert "lacks the ACL operation DescribeConfigs" in _run(config, "list", password="right").stderr
    _allow(server.admin(), "Describe_Configs", topic_names)
    assert _run(config, "list", password="right").exit_code == 0

    tls = f"bootstrap_servers: '{server.address('SASL_SSL')}', security_protocol: SASL_SSL"
    scram = "sasl: {mechanism: SCRAM-SHA-512, username: worker}"
    trusting = _write(tmp_path, topic_names, f"{tls}, {scram}, ssl: {{ca_file: {certificates.ca}}}")
    assert _run(trusting, "list", password="right").exit_code == 0
    distrusting = _write(tmp_path, topic_names, f"{tls}, {scram}")
    assert "no TLS with Kafka" in _run(distrusting, "list", password="right").stderr

    # the worker comes through aiokafka: with the same login, and with a certificate in the place of one
    files = f"ca_file: {certificates.ca}, certificate_file: {certificates.certificate}, key_file: {certificates.key}"
    mutual = f"bootstrap_servers: '{server.address('SSL')}', security_protocol: SSL, ssl: {{{files}}}"
    _let_in_aiokafka(_write(tmp_path, topic_names, f"{tls}, {scram}, ssl: {{ca_file: {certificates.ca}}}"), "right")
    _let_in_aiokafka(_write(tmp_path, topic_names, mutual))


LET_IN = """
import asyncio, sys
from aiokafka.client import AIOKafkaClient
from driftline.config.kafka_client import aiokafka_settings
from driftline.config.load import load_config

async def main():
    client = AIOKafkaClient(**aiokafka_settings(load_config(sys.argv[1]).broker))
    await client.bootstrap()
    await client.close()

asyncio.run(main())
"""


def _let_in_aiokafka(config: Path, password: str | None = None) -> None:
    """In a process of its own: aiokafka closes TLS connections in the background, after its close()."""
    environ = {**os.environ, **({} if password is None else {PASSWORD_VARIABLE: password})}
    done = subprocess.run([sys.executable, "-c", LET_IN, str(config)], env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _allow(admin: AdminClient, operation: str, names: TopicSettings) -> None:
    kind, pattern, who = ResourceType.TOPIC, ResourcePatternType.LITERAL, "User:worker"
    right, allow = AclOperation[operation.upper()], AclPermissionType.ALLOW
    bindings = [AclBinding(kind, name, pattern, who, "*", right, allow) for _, name in names]
    for future in admin.create_acls(bindings).values():
        future.result()
    # the controller has them; the broker learns of them a moment later
    wanted = AclBindingFilter(kind, None, pattern, who, None, right, allow)
    deadline = time.monotonic() + 30
    while len(admin.describe_acls(wanted).result()) < len(bindings):
        assert time.monotonic() < deadline, "the broker did not learn of the rights"
        time.sleep(0.02)
