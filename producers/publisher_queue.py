"""The way to Kafka: librdkafka's bounded queue, and one thread that hears what became of it.

librdkafka batches, compresses, retries and waits on threads of its own, outside of the interpreter; a service's call only
copies the event into its queue, or is told at once that it is full. Delivery reports reach Python for failures alone.
"""

from __future__ import annotations

import ctypes
import logging
import threading
import time
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from confluent_kafka import KafkaError, KafkaException, Producer

from driftline.producers.publisher_counts import DropReason, Tally
from driftline.producers.publisher_problems import BROKER, Problems
from driftline.schemas.errors import InputError

Headers: TypeAlias = list[tuple[str, str | bytes | None]]

POLL_S: Final = 0.2  # how late a problem is told, at most, and how long an idle publisher takes to close
RENEW_AFTER_S: Final = 10.0
"""How long to wait before a client that failed for good is replaced: it may fail again at once."""

PURGED: Final = frozenset((KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT))

_client_log: Final = logging.getLogger("driftline.publisher.client")


class _ClientLog:
    """librdkafka's own lines, all for debugging: while a broker is away it writes them without end."""

    @staticmethod
    def log(level: int, message: str, *arguments: object) -> None:
        _client_log.debug(message, *arguments)


class PublisherQueue:
    """Hands records to Kafka without ever blocking or raising, and counts those that do not arrive.

    Raises InputError for settings that no client can be made from; nothing else raises after that.
    """

    def __init__(self, settings: Mapping[str, Any], tally: Tally, problems: Problems) -> None:
        self._settings = settings
        self._tally = tally
        self._problems = problems
        self._lock = threading.RLock()
        self._closed = False
        self._renew_at_s: float | None = None
        self._producer: Producer | None = None
        self._thread: threading.Thread | None = None
        try:
            self._start()
        except (KafkaException, ValueError, TypeError) as error:
            # never the settings themselves: a password may be among them
            raise InputError(f"kafka: no client can be made from these settings: {_reason(error)}") from error

    def send(self, topic: str, key: bytes, value: bytes, headers: Headers | None) -> None:
        """Queue one record, or count it as dropped."""
        if self._closed:
            self._drop(DropReason.CLOSED, _CLOSED)
            return
        producer = self._producer or self._restarted()
        if producer is None:
            self._drop(DropReason.CLIENT_FAILED, _FAILED)
            return
        try:
            producer.produce(topic, value, key, headers=headers)
        except BufferError:
            self._drop(DropReason.BUFFER_FULL, _BUFFER_FULL)
        except KafkaException as error:
            self._refused(error.args[0])

    @property
    def queued(self) -> int:
        """Records that wait for the broker."""
        producer = self._producer
        return 0 if producer is None else len(producer)

    def flush(self, timeout_s: float) -> int:
        """Wait until all is delivered or has failed, at most so long; what is left then."""
        producer = self._producer
        return 0 if producer is None else int(producer.flush(max(0.0, timeout_s)))

    def close(self, timeout_s: float) -> None:
        """Flush, at most so long; what is left then is dropped. Later records are dropped too."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        if self._producer is not None:
            _end(self._producer, timeout_s)
        thread, self._producer = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join(5 * POLL_S)
        self._problems.tell(everything=True)

    def after_fork(self) -> None:
        """In the child of a fork: leave the parent's client alone and make one of its own at the first record."""
        if self._producer is not None:
            # The client's threads are not in the child, so destroying it here would wait for them for ever. One reference
            # that is never given back keeps it from being destroyed, even when the interpreter ends.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._producer))
        self._producer = self._thread = self._renew_at_s = None
        self._lock = threading.RLock()

    def _start(self) -> Producer:
        callbacks = {"on_delivery": self._undelivered, "error_cb": self._client_error}
        producer = Producer({**self._settings, **callbacks}, logger=_ClientLog)
        self._producer = producer
        self._thread = threading.Thread(target=self._attend, args=(producer,), name="driftline-publisher", daemon=True)
        self._thread.start()
        return producer

    def _restarted(self) -> Producer | None:
        """A client in place of the one that is gone, unless the publisher was closed or it is too early."""
        with self._lock:
            if self._producer is not None or self._closed:
                return self._producer
            if self._renew_at_s is not None and time.monotonic() < self._renew_at_s:
                return None
            self._renew_at_s = time.monotonic() + RENEW_AFTER_S
            try:
                return self._start()
            except (KafkaException, ValueError, TypeError, RuntimeError) as error:
                self._problems.note(DropReason.CLIENT_FAILED, f"no client can be made: {_reason(error)}")
                return None

    def _attend(self, producer: Producer) -> None:
        """The thread: hears of failures and tells problems, as long as this client is the one in use."""
        while self._producer is producer:
            producer.poll(POLL_S)
            self._problems.tell()

    def _undelivered(self, error: KafkaError | None, message: Any) -> None:
        if error is None:
            return
        if error.code() in PURGED:
            self._tally.dropped(DropReason.CLOSED)
            self._problems.note(DropReason.CLOSED, _NOT_DELIVERED)
        else:
            self._drop(DropReason.DELIVERY_FAILED, f"Kafka did not take an event: {error.str()}; {_LOOK_AT}")

    def _client_error(self, error: KafkaError) -> None:
        self._problems.note(BROKER, f"{error.str()}; events wait in the buffer; {_LOOK_AT}")
        if error.fatal():
            self._replace()

    def _replace(self) -> None:
        """Give up a client that will never send again, as after a broker lost what it had acknowledged."""
        with self._lock:
            producer, self._producer = self._producer, None
            self._renew_at_s = time.monotonic() + RENEW_AFTER_S
        if producer is not None:
            # not here, in a callback of that very client
            threading.Thread(target=_end, args=(producer, 0.0), name="driftline-publisher-end", daemon=True).start()

    def _refused(self, error: KafkaError) -> None:
        if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            self._drop(DropReason.TOO_LARGE, f"the client took no event: {error.str()}; send less in one")
        elif error.code() == KafkaError._QUEUE_FULL:
            self._drop(DropReason.BUFFER_FULL, _BUFFER_FULL)
        else:
            self._drop(DropReason.CLIENT_FAILED, f"the client took no event: {error.str()}; {_LOOK_AT}")

    def _drop(self, reason: DropReason, message: str) -> None:
        self._tally.dropped(reason)
        self._problems.note(reason, message)


_LOOK_AT: Final = "look at bootstrap_servers, at the broker, and at the rights to write the topic"
_BUFFER_FULL: Final = f"the buffer is full, so events are dropped; {_LOOK_AT}, or raise buffer_max"
_CLOSED: Final = "the publisher is closed; publish before close(), or make a new one"
_FAILED: Final = "the client failed and is replaced within seconds; events of this time are dropped"
_NOT_DELIVERED: Final = f"events were dropped that were not delivered before the publisher closed; {_LOOK_AT}"


def _end(producer: Producer, timeout_s: float) -> None:
    """Flush and, what is left then, drop: the callbacks count it."""
    if producer.flush(max(0.0, timeout_s)):
        producer.purge()
        producer.flush(1.0)


def _reason(error: BaseException) -> str:
    cause = error.args[0] if error.args else error
    return cause.str() if isinstance(cause, KafkaError) else str(cause)
