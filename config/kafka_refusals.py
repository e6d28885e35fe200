"""What to say when Kafka cannot be reached, does not let us in, or lacks a right for us; the same words everywhere."""

from collections.abc import Iterable
from typing import Literal

from driftline.config.broker_settings import BrokerSettings
from driftline.schemas.errors import DriftlineError

Obstacle = Literal["login", "tls", "network"]


class KafkaRefused(DriftlineError):
    """Kafka cannot be reached, does not let us in, or refuses what was asked; the message says what to change."""


def unreachable(broker: BrokerSettings, obstacle: Obstacle, detail: str) -> KafkaRefused:
    """Nothing can be asked of Kafka. detail: what the client says of it, or nothing."""
    servers = broker.bootstrap_servers
    if obstacle == "login":
        remedy = "check username, password and mechanism under broker.sasl"
        return KafkaRefused(f"Kafka at {servers} does not let us log in: {detail}; {remedy}")
    if obstacle == "tls":
        return KafkaRefused(f"no TLS with Kafka at {servers}: {detail}; check the files under broker.ssl")
    why = f" ({detail})" if detail else ""
    remedy = "check broker.bootstrap_servers and broker.security_protocol, and that it runs"
    return KafkaRefused(f"Kafka does not answer at {servers}{why}; {remedy}")


def missing_right(broker: BrokerSettings, operation: str, topics: Iterable[str]) -> KafkaRefused:
    """An ACL operation such as `Read` is not granted on these topics."""
    user = None if broker.sasl is None else broker.sasl.username
    who = f"the user {user}" if user else "this client"
    topics = list(topics)
    grants = "".join(
        f"\n  kafka-acls --add --allow-principal User:{user or 'NAME'} --operation {operation} --topic {topic}"
        for topic in topics
    )
    named = ", ".join(topics)
    return KafkaRefused(
        f"{who} lacks the ACL operation {operation} on {named}; let an administrator of Kafka run:{grants}"
    )
