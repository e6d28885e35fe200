"""What became of the events that were handed to a publisher: every one is counted once, as delivered, queued or dropped."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class DropReason(StrEnum):
    """Why an event did not reach the topic. A metric label: names are never changed, new ones are added at the end."""

    BUFFER_FULL = "buffer_full"
    TOO_LARGE = "too_large"
    NOT_FINITE = "not_finite"
    NOT_SERIALISABLE = "not_serialisable"
    BAD_ARGUMENT = "bad_argument"
    DELIVERY_FAILED = "delivery_failed"
    CLIENT_FAILED = "client_failed"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Events of this process since it started or was forked.

    predictions + labels = delivered + queued + the sum of `dropped`, always. How many of the events that were sent are
    delivered and how many are still queued is exact once `flush` has returned 0, and true to a handful before.

    predictions, labels: calls, whatever became of them. delivered: acknowledged by all in-sync replicas. queued: waiting
    for the broker. dropped: by reason, every reason with its number. invalid_values: features and measurements that could
    not be sent as they were; their events were sent.
    """

    predictions: int
    labels: int
    delivered: int
    queued: int
    dropped: Mapping[DropReason, int]
    invalid_values: int

    @property
    def dropped_total(self) -> int:
        """Events dropped for any reason."""
        return sum(self.dropped.values())


class Tally:
    """Counts as they grow, from any thread."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start from zero, with a lock that nobody holds: after a fork another thread's lock would stay locked."""
        # reentrant, as a signal handler may publish while its thread is counting
        self._lock = threading.RLock()
        self._predictions = self._labels = self._invalid_values = 0
        self._dropped = dict.fromkeys(DropReason, 0)

    def prediction(self) -> None:
        """One call of `prediction`."""
        with self._lock:
            self._predictions += 1

    def label(self) -> None:
        """One call of `label`."""
        with self._lock:
            self._labels += 1

    def dropped(self, reason: DropReason) -> None:
        """One event that will not be delivered."""
        with self._lock:
            self._dropped[reason] += 1

    def invalid_value(self) -> None:
        """One value that was replaced."""
        with self._lock:
            self._invalid_values += 1

    def counts(self, waiting: int) -> Counts:
        """The counts of now. waiting: what the client has not dealt with, a few messages of its own among them."""
        with self._lock:
            dropped = dict(self._dropped)
            sent = self._predictions + self._labels - sum(dropped.values())
            queued = min(waiting, sent)
            return Counts(
                predictions=self._predictions,
                labels=self._labels,
                delivered=sent - queued,
                queued=queued,
                dropped=MappingProxyType(dropped),
                invalid_values=self._invalid_values,
            )
