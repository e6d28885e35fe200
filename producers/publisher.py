"""The publisher for services: predictions and labels to Kafka, without ever blocking or breaking the service."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Mapping
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from driftline.producers.event_ids import EventIds
from driftline.producers.publisher_counts import Counts, DropReason, Tally
from driftline.producers.publisher_events import (
    encode_label,
    encode_prediction,
    event_time_ms,
    identifier,
    name,
    now_ms,
)
from driftline.producers.publisher_problems import BAD_TRACEPARENT, INVALID_VALUE, OnProblem, Problems
from driftline.producers.publisher_queue import Headers, PublisherQueue
from driftline.producers.publisher_values import VALUE_ERRORS, Refused
from driftline.producers.traceparent import current_traceparent
from driftline.schemas.errors import InputError
from driftline.schemas.events import Value
from driftline.schemas.limits import ID_CHARACTERS_MAX, NAME_CHARACTERS_MAX, RECORD_BYTES_MAX, UNVERSIONED
from driftline.schemas.scalars import Scalar
from driftline.schemas.traceparent import TRACEPARENT, is_traceparent

if TYPE_CHECKING:
    from driftline.producers.publisher_metrics import PublisherCollector

BUFFER_EVENTS_MAX: Final = 100_000
BUFFER_KB_MAX: Final = 131_072  # whatever the number of events: what a broker that is away may cost a service
LINGER_MS: Final = 200
"""Nobody waits for an event. The first of each batch wakes a thread, which costs its call some ten microseconds; so a
service that publishes more than 500 a second pays for it in fewer than one call in a hundred."""
EXIT_TIMEOUT_S: Final = 5.0
"""How long the end of the process is held up, at most, for events that are still on their way."""

_KEYS_MAX: Final = 1_024

# what the promises of this class stand on; librdkafka's name -> what to write instead
_FIXED: Final = {
    "bootstrap.servers": "pass bootstrap_servers",
    "partitioner": "all producers have to agree that the partition is murmur2 of the model",
    "queue.buffering.max.messages": "pass buffer_max",
    "on_delivery": "read counts(), or pass on_problem",
    "delivery.report.only.error": "read counts()",
    "error_cb": "pass on_problem",
    "logger": "set the level of the logger driftline.publisher.client",
}


class Publisher:
    """Publishes predictions and labels. Thread-safe; after a fork the child goes on with a client of its own.

    After construction nothing blocks and nothing raises: what cannot be sent is dropped, counted by its reason
    (`counts()`), and told on the logger `driftline.publisher`, seldom. Events are flushed when the process ends.

    Args:
        bootstrap_servers: host:port of Kafka, several with commas between.
        predictions_topic, labels_topic: where to.
        buffer_max: events that wait at most; further ones are dropped. They take 128 MiB at most.
        kafka: further settings of librdkafka, for TLS and login: {"security.protocol": "SASL_SSL", ...}.
        on_problem: called with a kind and a sentence when a problem is told, on a thread of its own.

    Raises InputError for arguments that no client can be made from. A broker that is away is no error.
    """

    def __init__(
        self,
        bootstrap_servers: str = "localhost:9092",
        *,
        predictions_topic: str = "driftline.predictions",
        labels_topic: str = "driftline.labels",
        buffer_max: int = BUFFER_EVENTS_MAX,
        kafka: Mapping[str, Any] | None = None,
        on_problem: OnProblem | None = None,
    ) -> None:
        self._predictions_topic = predictions_topic
        self._labels_topic = labels_topic
        self._ids = EventIds()
        self._keys: dict[str, bytes] = {}
        self._tally = Tally()
        self._problems = Problems(on_problem)
        settings = _settings(bootstrap_servers, buffer_max, kafka or {})
        self._queue = PublisherQueue(settings, self._tally, self._problems)
        _open_publishers.add(self)

    def prediction(
        self,
        model: str,
        prediction: Scalar,
        *,
        features: Mapping[str, Value] | None = None,
        score: float | None = None,
        probabilities: Mapping[str, float] | None = None,
        context: Mapping[str, Scalar] | None = None,
        measurements: Mapping[str, Value] | None = None,
        model_version: str = UNVERSIONED,
        timestamp: int | str | datetime | None = None,
        prediction_id: str | None = None,
        traceparent: str | None = None,
    ) -> str:
        """Publish one answer of a model. Returns its id, under which its label comes later; docs/events.md has the fields.

        Scalars of numpy and its like are taken for their plain values. timestamp: epoch milliseconds, a datetime with a time
        zone, or RFC 3339; default: now. prediction_id: default: a new one. traceparent: default: that of the current
        OpenTelemetry span, if there is one.
        """
        self._tally.prediction()
        try:
            if prediction_id is None:
                prediction_id = self._ids.next()
            elif type(prediction_id) is not str or not 0 < len(prediction_id) <= ID_CHARACTERS_MAX:
                prediction_id = identifier(prediction_id, "prediction_id")
            if type(model) is not str:
                model = identifier(model, "model")
            key = self._keys.get(model) or self._new_key(model)
            if type(model_version) is not str or len(model_version) > NAME_CHARACTERS_MAX:
                model_version = name(model_version, "model_version", UNVERSIONED)
            record = encode_prediction(
                prediction_id,
                model,
                now_ms() if timestamp is None else event_time_ms(timestamp),
                prediction,
                model_version,
                score,
                probabilities,
                features,
                context,
                measurements,
                self._replaced,
            )
            self._queue.send(self._predictions_topic, key, record, self._headers(traceparent))
        except Refused as refused:
            self._drop(refused.reason, f"prediction: {refused.message}")
        except VALUE_ERRORS as error:
            self._drop(DropReason.NOT_SERIALISABLE, f"prediction: an argument raised {type(error).__name__}; {_PLAIN}")
        return prediction_id if type(prediction_id) is str else str(prediction_id)

    def label(
        self,
        prediction_id: str,
        model: str,
        label: Scalar | None,
        *,
        timestamp: int | str | datetime | None = None,
        source: str = "outcome",
        weight: float = 1.0,
        traceparent: str | None = None,
    ) -> None:
        """Publish what turned out to be true of a prediction; None retracts it, a later label replaces an earlier one."""
        self._tally.label()
        try:
            model = identifier(model, "model")
            key = self._keys.get(model) or self._new_key(model)
            record = encode_label(
                identifier(prediction_id, "prediction_id"),
                model,
                now_ms() if timestamp is None else event_time_ms(timestamp),
                label,
                source,
                weight,
            )
            self._queue.send(self._labels_topic, key, record, self._headers(traceparent))
        except Refused as refused:
            self._drop(refused.reason, f"label: {refused.message}")
        except VALUE_ERRORS as error:
            self._drop(DropReason.NOT_SERIALISABLE, f"label: an argument raised {type(error).__name__}; {_PLAIN}")

    def counts(self) -> Counts:
        """What became of the events so far."""
        return self._tally.counts(self._queue.queued)

    def collector(self) -> PublisherCollector:
        """The counts for Prometheus: `prometheus_client.REGISTRY.register(publisher.collector())`."""
        from driftline.producers.publisher_metrics import PublisherCollector  # prometheus_client, only if asked for

        return PublisherCollector(self.counts)

    def flush(self, timeout_s: float = EXIT_TIMEOUT_S) -> int:
        """Wait, at most so long, until every event is delivered or dropped. How many are still on their way then."""
        return self.counts().queued if self._queue.flush(timeout_s) else 0

    def close(self, timeout_s: float = EXIT_TIMEOUT_S) -> None:
        """Flush, at most so long; what is left then is dropped, as is what comes later."""
        self._queue.close(timeout_s)
        _open_publishers.discard(self)

    def __enter__(self) -> Publisher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def after_fork(self) -> None:
        """In the child of a fork: start afresh. Python calls this by itself."""
        self._ids.forget()
        self._tally.reset()
        self._problems.reset()
        self._queue.after_fork()

    def _new_key(self, model: str) -> bytes:
        """The key of a model's records, of which the partition is made: so its events stay in order. Raises Refused."""
        key = identifier(model, "model").encode()
        if len(self._keys) >= _KEYS_MAX:
            self._keys.clear()
        self._keys[model] = key
        return key

    def _headers(self, traceparent: str | None) -> Headers | None:
        if traceparent is None:
            if "opentelemetry.trace" not in sys.modules:
                return None
            traceparent = current_traceparent()
            if traceparent is None:
                return None
        if not is_traceparent(traceparent):
            self._problems.note(BAD_TRACEPARENT, _BAD_TRACEPARENT)
            return None
        return [(TRACEPARENT, traceparent.encode())]

    def _replaced(self, message: str) -> None:
        self._tally.invalid_value()
        self._problems.note(INVALID_VALUE, message)

    def _drop(self, reason: DropReason, message: str) -> None:
        self._tally.dropped(reason)
        self._problems.note(reason, message)


_PLAIN: Final = "pass plain strings and numbers"
_BAD_TRACEPARENT: Final = (
    "traceparent is no W3C trace context, so the event goes without; pass the header's value, such as"
    " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
)

_open_publishers: Final[set[Publisher]] = set()
"""Those that are flushed when the process ends, also when the service has let go of them."""


def _settings(bootstrap_servers: str, buffer_max: int, kafka: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of librdkafka. Raises InputError for those that are not the caller's to set."""
    for setting in kafka:
        if setting in _FIXED:
            raise InputError(f"kafka: {setting!r} is set by the publisher; {_FIXED[setting]}")
    if not isinstance(buffer_max, int) or not 1 <= buffer_max <= 10_000_000:
        raise InputError("buffer_max: write how many events may wait, from 1 to 10,000,000")
    return {
        "client.id": "driftline-publisher",
        "enable.idempotence": True,
        "acks": "all",
        "linger.ms": LINGER_MS,
        "compression.type": "lz4",
        "message.max.bytes": RECORD_BYTES_MAX + 12,  # Kafka's own default: a record of 1 MiB in a batch of its own
        "queue.buffering.max.kbytes": BUFFER_KB_MAX,
        "log.connection.close": False,
        **kafka,
        "bootstrap.servers": bootstrap_servers,
        "partitioner": "murmur2_random",
        "queue.buffering.max.messages": buffer_max,
        "delivery.report.only.error": True,
    }


def _close_all() -> None:
    for publisher in list(_open_publishers):
        publisher.close(EXIT_TIMEOUT_S)


def _after_fork_in_child() -> None:
    for publisher in list(_open_publishers):
        publisher.after_fork()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
