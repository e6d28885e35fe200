"""How Kafka is reached, and the names of the topics. Secrets come from the environment or from files of their own."""

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, SecretStr, WithJsonSchema, model_validator

from driftline.config.name_settings import Text
from driftline.config.problems import Finding, Refusal, quoted, refuse_any
from driftline.config.section import Section, setting

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]

_SERVER: Final = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")
_TOPIC: Final = re.compile(r"[A-Za-z0-9._-]{1,249}")  # Kafka's own rule (org.apache.kafka.common.internals.Topic)


def _servers(text: str) -> str:
    servers = [server.strip() for server in text.split(",")]
    for server in servers:
        match = _SERVER.fullmatch(server)
        if match is None or not 1 <= int(match[2]) <= 65_535:
            raise Refusal(Finding(f"{quoted(server)} is not a server", "write host:port, several with commas between"))
    return ",".join(servers)


def _topic(name: str) -> str:
    if _TOPIC.fullmatch(name) is None or name in (".", ".."):
        remedy = "write 1 to 249 of the characters A-Z a-z 0-9 . _ -"
        raise Refusal(Finding(f"{quoted(name)} is no name that Kafka takes for a topic", remedy))
    return name


Servers = Annotated[str, AfterValidator(_servers), WithJsonSchema({"type": "string", "x-type": "host:port, ..."})]
Topic = Annotated[str, AfterValidator(_topic), WithJsonSchema({"type": "string", "x-type": "topic"})]


class SslSettings(Section):
    ca_file: Text | None = setting(
        None,
        "Certificates of the authorities to trust (PEM). Without it: those of the system.",
        example="/etc/ssl/kafka-ca.pem",
    )
    certificate_file: Text | None = setting(
        None, "The worker's own certificate (PEM), for mutual TLS.", example="/etc/ssl/worker.pem"
    )
    key_file: Text | None = setting(
        None, "Private key of the worker's certificate (PEM).", example="/etc/ssl/worker.key"
    )

    @model_validator(mode="after")
    def _certificate_and_key_go_together(self) -> "SslSettings":
        if (self.certificate_file is None) != (self.key_file is None):
            given, absent = ("key_file", "certificate_file") if self.key_file else ("certificate_file", "key_file")
            refuse_any([Finding(f"stands without {absent}", f"write {absent} too", (given,))])
        return self


class SaslSettings(Section):
    mechanism: SaslMechanism = setting("SCRAM-SHA-512", "How the worker proves who it is.")
    username: Text | None = setting(None, "Name that the worker logs in with.", example="driftline")
    password: SecretStr | None = setting(
        None,
        "Password, from the environment only: DRIFTLINE_BROKER__SASL__PASSWORD.",
        place="environment",
    )
    password_file: Text | None = setting(
        None, "File that holds the password and nothing else.", example="/run/secrets/kafka-password"
    )

    @model_validator(mode="after")
    def _one_password(self) -> "SaslSettings":
        if self.password is not None and self.password_file is not None:
            what = "the password is in the environment too"
            refuse_any([Finding(what, "remove one of the two", ("password_file",))])
        return self


class BrokerSettings(Section):
    bootstrap_servers: Servers = setting(
        "localhost:9092",
        "Kafka servers to ask first, host:port with commas between.",
        example="kafka-1:9092,kafka-2:9092",
    )
    security_protocol: SecurityProtocol = setting("PLAINTEXT", "Whether to encrypt (SSL) and log in (SASL).")
    sasl: SaslSettings | None = setting(None, "Login, for SASL_PLAINTEXT and SASL_SSL.")
    ssl: SslSettings | None = setting(None, "Certificates, for SSL and SASL_SSL.")

    @model_validator(mode="after")
    def _sections_fit_the_protocol(self) -> "BrokerSettings":
        protocol = self.security_protocol
        findings = []
        if protocol.startswith("SASL") and (self.sasl is None or self.sasl.username is None):
            what = f"{protocol} needs a login"
            findings.append(Finding(what, "write username under broker.sasl", ("security_protocol",)))
        if self.sasl is not None and not protocol.startswith("SASL"):
            what = f"is not used with security_protocol {protocol}"
            findings.append(Finding(what, "write security_protocol: SASL_SSL, or remove it", ("sasl",)))
        if self.ssl is not None and not protocol.endswith("SSL"):
            what = f"is not used with security_protocol {protocol}"
            findings.append(Finding(what, "write security_protocol: SSL or SASL_SSL, or remove it", ("ssl",)))
        refuse_any(findings)
        return self


class TopicSettings(Section):
    predictions: Topic = setting("driftline.predictions", "Read: one event for each prediction.")
    labels: Topic = setting("driftline.labels", "Read: labels, as they become known.")
    alerts: Topic = setting("driftline.alerts", "Written: incidents as CloudEvents.")
    windows: Topic = setting("driftline.windows", "Written: statistics of every closed window.")
    dead_letters: Topic = setting("driftline.dead-letters", "Written: records that could not be read.")
    snapshots: Topic = setting("driftline.snapshots", "Written and read: the worker's state.")

    @model_validator(mode="after")
    def _each_topic_has_its_own_name(self) -> "TopicSettings":
        user: dict[str, str] = {}
        findings = []
        for use in type(self).model_fields:
            topic = getattr(self, use)
            if topic in user:
                what = f"{quoted(topic)} is the topic of {user[topic]} already"
                findings.append(Finding(what, "write a name of its own", (use,)))
            user.setdefault(topic, use)
        refuse_any(findings)
        return self
