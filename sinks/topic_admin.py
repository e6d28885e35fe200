"""Topics on a real broker: look at them and create them, with errors that say which right or which setting is missing."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, wait
from typing import Any, Final, TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic  # type: ignore[attr-defined]

from driftline.config.broker_settings import BrokerSettings
from driftline.config.kafka_client import librdkafka_settings
from driftline.config.kafka_refusals import KafkaRefused, Obstacle, missing_right, unreachable
from driftline.sinks.topic_plan import ExistingTopic, WantedTopic

_ANSWER_S_MAX: Final = 8.0
_POLL_S: Final = 0.05

_HOPELESS: Final[dict[int, Obstacle]] = {KafkaError._AUTHENTICATION: "login", KafkaError._SSL: "tls"}
"""What no waiting mends; librdkafka tries again and again."""

_FORBIDDEN: Final = {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED}
_BROKER_DEFAULT: Final = -1
_COPIES_FOR_TWO_IN_SYNC: Final = 3

T = TypeVar("T")


class TopicAdmin:
    """One connection for looking at topics, creating and deleting them.

    Raises ConfigError when the settings cannot be used; its methods raise KafkaRefused, at the latest after 10 s.
    """

    def __init__(self, broker: BrokerSettings) -> None:
        self._broker = broker
        self._error: KafkaError | None = None
        settings: dict[str, Any] = {**librdkafka_settings(broker), "error_cb": self._note, "log_level": 0}
        try:
            self._client = AdminClient(settings)
        except KafkaException as error:
            raise KafkaRefused(f"the settings of the broker cannot be used: {error.args[0].str()}") from None

    def existing(self, names: Iterable[str]) -> dict[str, ExistingTopic]:
        """Those of the topics that exist, by name."""
        # a topic that we may not see looks like one that is not there, unless we ask for it by its name
        answers = self._client.describe_topics(TopicCollection(list(names)), request_timeout=_ANSWER_S_MAX)
        found, errors = self._settle(answers)
        self._refuse("Describe", errors, but={KafkaError.UNKNOWN_TOPIC_OR_PART})
        settings = self._settings(found)
        return {
            name: ExistingTopic(name, len(topic.partitions), len(topic.partitions[0].replicas), settings[name])
            for name, topic in found.items()
        }

    def create(self, topics: Iterable[WantedTopic], replication: int | None = None) -> None:
        """Create topics; one that somebody else creates in the same moment is left as it is.

        replication: copies of each partition; None = the broker's default. From 3 on, two have to confirm each record.
        """
        in_sync = {"min.insync.replicas": "2"} if (replication or 0) >= _COPIES_FOR_TWO_IN_SYNC else {}
        new = [
            NewTopic(t.name, t.partitions, replication or _BROKER_DEFAULT, config={**t.settings, **in_sync})
            for t in topics
        ]
        if new:
            asked = self._client.create_topics(new, operation_timeout=_ANSWER_S_MAX, request_timeout=_ANSWER_S_MAX)
            _, errors = self._settle(asked)
            self._refuse("Create", errors, but={KafkaError.TOPIC_ALREADY_EXISTS})

    def delete(self, names: Iterable[str]) -> None:
        """Delete topics with all they hold; one that is not there is no error."""
        asked = self._client.delete_topics(list(names), operation_timeout=_ANSWER_S_MAX, request_timeout=_ANSWER_S_MAX)
        _, errors = self._settle(asked)
        self._refuse("Delete", errors, but={KafkaError.UNKNOWN_TOPIC_OR_PART})

    def _settings(self, names: Iterable[str]) -> dict[str, dict[str, str]]:
        resources = {name: ConfigResource(ConfigResource.Type.TOPIC, name) for name in names}
        if not resources:
            return {}
        answers = self._client.describe_configs(list(resources.values()), request_timeout=_ANSWER_S_MAX)
        found, errors = self._settle({resource.name: future for resource, future in answers.items()})
        self._refuse("DescribeConfigs", errors)
        return {
            name: {setting: entry.value for setting, entry in entries.items() if entry.value is not None}
            for name, entries in found.items()
        }

    def _settle(self, answers: Mapping[str, Future[Any]]) -> tuple[dict[str, Any], dict[str, KafkaError]]:
        """Answers and errors by topic."""
        deadline = time.monotonic() + _ANSWER_S_MAX
        waiting = set(answers.values())
        while waiting:
            waiting = wait(waiting, _POLL_S).not_done
            self._client.poll(0)  # serves _note
            if waiting and ((self._error and self._error.code() in _HOPELESS) or time.monotonic() > deadline):
                raise self._unreachable()
        failed = {name: error.args[0] for name, future in answers.items() if (error := _kafka_error(future))}
        return {name: future.result() for name, future in answers.items() if name not in failed}, failed

    def _refuse(self, operation: str, errors: Mapping[str, KafkaError], but: Iterable[int] = ()) -> None:
        wrong = {name: error for name, error in errors.items() if error.code() not in set(but)}
        if any(error.code() in {KafkaError._TIMED_OUT, KafkaError._TRANSPORT} for error in wrong.values()):
            raise self._unreachable()
        forbidden = [name for name, error in wrong.items() if error.code() in _FORBIDDEN]
        if forbidden:
            raise missing_right(self._broker, operation, forbidden)
        if wrong:
            lines = "".join(f"\n  {name}: {error.str()}" for name, error in wrong.items())
            raise KafkaRefused(f"Kafka at {self._broker.bootstrap_servers} refuses:{lines}")

    def _unreachable(self) -> KafkaRefused:
        error = self._error
        if error is None:
            return unreachable(self._broker, "network", "")
        return unreachable(self._broker, _HOPELESS.get(error.code(), "network"), error.str())

    def _note(self, error: KafkaError) -> None:
        # that all are down is what every other error comes to; the one before says why
        if self._error is None or error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._error = error


def _kafka_error(future: Future[Any]) -> KafkaException | None:
    error = future.exception()
    if error is not None and not isinstance(error, KafkaException):
        raise error
    return error
