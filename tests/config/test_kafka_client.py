"""TLS and SASL as each Kafka client wants them, and passwords that show nowhere."""

from __future__ import annotations

import json
import logging
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka import Producer

from driftline.config.broker_settings import BrokerSettings
from driftline.config.kafka_client import Secret, aiokafka_settings, librdkafka_settings, redacted, tls_context
from driftline.config.load import read_config
from driftline.config.problems import ConfigError
from driftline.config.secrets import PASSWORD_VARIABLE
from tests.servers.certificates import Certificates, make_certificates

PASSWORD = "hunter2"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def _broker(text: str, password: str | None = PASSWORD, folder: Path | None = None) -> BrokerSettings:
    environ = {} if password is None else {PASSWORD_VARIABLE: password}
    file = f"broker: {{bootstrap_servers: 'kafka-1:9092,kafka-2:9092', {text}}}".encode()
    return read_config(file, name="driftline.yaml", folder=str(folder or ""), environ=environ).broker


def _tls(certificates: Certificates) -> str:
    files = f"ca_file: {certificates.ca}, certificate_file: {certificates.certificate}, key_file: {certificates.key}"
    return f"security_protocol: SSL, ssl: {{{files}}}"


def test_a_plain_broker_needs_its_servers_only() -> None:
    broker = BrokerSettings()
    assert librdkafka_settings(broker) == {"bootstrap.servers": "localhost:9092", "security.protocol": "PLAINTEXT"}
    assert aiokafka_settings(broker) == {"bootstrap_servers": "localhost:9092", "security_protocol": "PLAINTEXT"}


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "SASL_SSL"])
def test_a_login_reaches_both_clients(protocol: str, mechanism: str) -> None:
    broker = _broker(f"security_protocol: {protocol}, sasl: {{mechanism: {mechanism}, username: driftline}}")
    assert librdkafka_settings(broker) == {
        "bootstrap.servers": "kafka-1:9092,kafka-2:9092",
        "security.protocol": protocol,
        "sasl.mechanism": mechanism,
        "sasl.username": "driftline",
        "sasl.password": PASSWORD,
    }
    settings = aiokafka_settings(broker)
    assert (settings.pop("ssl_context", None) is not None) == (protocol == "SASL_SSL")
    assert settings == {
        "bootstrap_servers": "kafka-1:9092,kafka-2:9092",
        "security_protocol": protocol,
        "sasl_mechanism": mechanism,
        "sasl_plain_username": "driftline",
        "sasl_plain_password": PASSWORD,
    }


def test_certificates_reach_both_clients(certificates: Certificates) -> None:
    broker = _broker(_tls(certificates), None)
    settings = librdkafka_settings(broker)
    assert settings["ssl.ca.location"] == str(certificates.ca)
    assert settings["ssl.certificate.location"] == str(certificates.certificate)
    assert settings["ssl.key.location"] == str(certificates.key)
    Producer(settings).flush(0)  # librdkafka has loaded all three, or would have refused them
    context = aiokafka_settings(broker)["ssl_context"]
    assert [dict(pair[0] for pair in ca["subject"])["commonName"] for ca in context.get_ca_certs()] == ["test-ca"]
    assert context.verify_mode == ssl.CERT_REQUIRED and context.check_hostname


def test_tls_without_certificates_of_its_own_trusts_those_of_the_system() -> None:
    broker = _broker("security_protocol: SSL", None)
    assert "ssl.ca.location" not in librdkafka_settings(broker)
    context = tls_context(broker)
    assert context is not None and context.verify_mode == ssl.CERT_REQUIRED


def test_a_password_file_is_read_when_a_client_is_made(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("before\n", encoding="utf-8")
    login = "security_protocol: SASL_SSL, sasl: {username: driftline, password_file: password}"
    broker = _broker(login, None, tmp_path)
    assert librdkafka_settings(broker)["sasl.password"] == "before"
    file.write_text("after\n", encoding="utf-8")
    assert aiokafka_settings(broker)["sasl_plain_password"] == "after"


def test_a_login_without_a_password_says_where_to_put_one() -> None:
    broker = _broker("security_protocol: SASL_SSL, sasl: {username: driftline}", None)
    for settings in (librdkafka_settings, aiokafka_settings):
        with pytest.raises(ConfigError, match=f"needs a password; write password_file, or set {PASSWORD_VARIABLE}"):
            settings(broker)


def test_certificates_that_cannot_be_used_are_told_by_setting(certificates: Certificates, tmp_path: Path) -> None:
    missing = _broker(f"security_protocol: SSL, ssl: {{ca_file: {tmp_path}/none.pem}}", None)
    for settings in (librdkafka_settings, aiokafka_settings):
        with pytest.raises(ConfigError, match=r"broker.ssl.ca_file: .*none.pem cannot be read: No such file"):
            settings(missing)
    text = tmp_path / "text.pem"
    text.write_text("not a certificate", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"broker.ssl.ca_file: holds no certificate"):
        tls_context(_broker(f"security_protocol: SSL, ssl: {{ca_file: {text}}}", None))
    encrypted = f"certificate_file: {certificates.certificate}, key_file: {certificates.encrypted_key}"
    with pytest.raises(ConfigError, match="the key without a passphrase"):
        tls_context(_broker(f"security_protocol: SSL, ssl: {{{encrypted}}}", None))


def test_a_password_shows_in_no_repr_and_no_log_but_reaches_the_client(caplog: pytest.LogCaptureFixture) -> None:
    broker = _broker("security_protocol: SASL_PLAINTEXT, sasl: {username: driftline}")
    for settings in (librdkafka_settings(broker), aiokafka_settings(broker)):
        merged = {**settings, "client.id": "worker"}
        logging.getLogger("test").warning("settings %s %r", merged, settings)
        shown = [repr(settings), str(settings), repr(merged), json.dumps(redacted(merged)), caplog.text]
        assert [text for text in shown if PASSWORD in text] == []
        assert "'***'" in repr(settings)
        assert redacted(merged)["client.id"] == "worker"
    assert Secret(PASSWORD).encode() == PASSWORD.encode()


def test_secrets_that_were_added_by_hand_are_redacted_by_their_name() -> None:
    by_hand = {"ssl.key.password": PASSWORD, "sasl.oauthbearer.client.secret": PASSWORD, "sasl.jaas.config": PASSWORD}
    assert set(redacted(by_hand).values()) == {"***"}


def test_settings_of_clients_are_made_without_any_client() -> None:
    program = (
        "import sys, driftline.config.kafka_client;"
        "print([name for name in ('aiokafka', 'confluent_kafka', 'faust') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
