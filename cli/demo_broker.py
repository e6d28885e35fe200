"""The broker of a demo, and topics of the demo's own on it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from driftline.cli.broker_option import settings_with
from driftline.config.broker_settings import BrokerSettings, TopicSettings
from driftline.producers.embedded_broker import PARTITIONS, EmbeddedBroker
from driftline.sinks.topic_admin import TopicAdmin
from driftline.sinks.topic_plan import wanted_topics

_HORIZON_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Broker:
    """settings: how it is reached. told: what it is, for people."""

    settings: BrokerSettings
    topics: TopicSettings
    told: str


@contextmanager
def open_broker(bootstrap_servers: str | None) -> Iterator[Broker]:
    """The embedded broker, or that at an address, with the topics of a demo; they are gone afterwards.

    Raises KafkaRefused when a broker cannot be reached or does not allow it.
    """
    if bootstrap_servers is None:
        topics = TopicSettings()
        with EmbeddedBroker() as embedded:
            embedded.use(name for _, name in topics)
            servers = embedded.bootstrap_servers
            settings = BrokerSettings(bootstrap_servers=servers)
            yield Broker(settings, topics, f"embedded in this process, on {servers}")
        return
    own = f"driftline-demo-{secrets.token_hex(3)}"
    topics = TopicSettings(**{use: f"{own}.{name.partition('.')[2]}" for use, name in TopicSettings()})
    settings = settings_with(None, bootstrap_servers).broker
    admin = TopicAdmin(settings)
    admin.create(wanted_topics(topics, PARTITIONS, _HORIZON_MS))
    try:
        yield Broker(settings, topics, f"{bootstrap_servers}, topics {own}.*")
    finally:
        admin.delete(name for _, name in topics)
