"""What is written into the server.properties of a Kafka for tests: one node that is broker and controller (KRaft)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.servers.certificates import Certificates

CONTROLLER: Final = "CONTROLLER"


@dataclass(frozen=True)
class Security:
    """A Kafka with logins and access control. Whoever comes through PLAINTEXT may do anything; users have no rights."""

    users: Mapping[str, str]
    """passwords by name, for PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512"""
    certificates: Certificates
    listeners: tuple[str, ...] = field(default=("PLAINTEXT", "SASL_PLAINTEXT", "SASL_SSL", "SSL"), init=False)
    """SSL asks clients for a certificate"""


def server_properties(
    folder: Path, ports: Mapping[str, int], security: Security | None, options: Mapping[str, str]
) -> dict[str, str]:
    """ports: by listener, which has the name of its protocol. options: win over everything here."""
    clients = [name for name in ports if name != CONTROLLER]
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{ports[CONTROLLER]}",
        "controller.listener.names": CONTROLLER,
        "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items()),
        "listener.security.protocol.map": ",".join([f"{CONTROLLER}:PLAINTEXT", *(f"{n}:{n}" for n in clients)]),
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(folder / "data"),
        **_ONE_SMALL_NODE,
        **({} if security is None else _security(folder, security)),
        **options,
    }


_ONE_SMALL_NODE: Final = {
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    # tests replay logs of past years: retention goes by record time, and with CreateTime would delete them at once
    "log.retention.ms": "-1",
    "log.retention.check.interval.ms": "1000",
    "log.cleaner.backoff.ms": "500",
    "log.cleaner.dedupe.buffer.size": "16777216",
    "log.index.size.max.bytes": "1048576",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    # after kill -9 the controller admits the same broker only when its last session is over (default 9 s)
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "250",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
}


def _security(folder: Path, security: Security) -> dict[str, str]:
    certificates = security.certificates
    identity = folder / "server.pem"
    identity.write_bytes(certificates.key.read_bytes() + certificates.certificate.read_bytes())
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    users = " ".join(f'user_{name}="{password}"' for name, password in security.users.items())
    properties = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
        "listener.name.ssl.ssl.client.auth": "required",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(identity),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(certificates.ca),
    }
    for listener in ("sasl_plaintext", "sasl_ssl"):
        properties |= {
            f"listener.name.{listener}.plain.sasl.jaas.config": (
                f"org.apache.kafka.common.security.plain.PlainLoginModule required {users};"
            ),
            f"listener.name.{listener}.scram-sha-256.sasl.jaas.config": scram,
            f"listener.name.{listener}.scram-sha-512.sasl.jaas.config": scram,
        }
    return properties
