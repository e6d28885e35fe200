"""A broker that is away, slow or refuses: the service's calls return, nothing is raised, and the counts say it all."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from confluent_kafka import Producer

from driftline.producers.publisher import Publisher
from driftline.producers.publisher_counts import DropReason
from driftline.producers.publisher_problems import INTERVAL_S, INTERVAL_S_MAX, Problems
from driftline.schemas.errors import InputError
from tests.publisher.test_delivery import FLUSH_S, OpenPublisher

PATIENCE_S = 30.0


def dropped(publisher: Publisher) -> dict[str, int]:
    return {str(reason): number for reason, number in publisher.counts().dropped.items() if number}


def test_while_the_broker_is_away_events_wait_and_past_the_buffer_they_are_dropped(
    open_publisher: OpenPublisher, dead_broker: str
) -> None:
    publisher = open_publisher(dead_broker, buffer_max=100)
    ids = {publisher.prediction("credit", i, features={"x": 1.0}) for i in range(250)}
    assert len(ids) == 250, "every call returns an id"
    counts = publisher.counts()
    assert (counts.predictions, counts.delivered, counts.queued) == (250, 0, 100)
    assert dropped(publisher) == {"buffer_full": 150}
    assert publisher.flush(0.01) == 100
    publisher.close(0.01)
    assert dropped(publisher) == {"buffer_full": 150, "closed": 100}
    assert publisher.counts().queued == 0


def test_events_that_kafka_does_not_take_in_time_are_counted_as_not_delivered(
    open_publisher: OpenPublisher, dead_broker: str
) -> None:
    publisher = open_publisher(dead_broker, kafka={"linger.ms": 5, "message.timeout.ms": 100})
    for i in range(10):
        publisher.prediction("credit", i)
    publisher.label("a1", "credit", 1)
    assert publisher.flush(PATIENCE_S) == 0
    assert dropped(publisher) == {"delivery_failed": 11}
    assert publisher.counts().delivered == 0


def test_the_end_of_a_publisher_whose_broker_is_away_is_bounded(
    open_publisher: OpenPublisher, dead_broker: str
) -> None:
    publisher = open_publisher(dead_broker)
    publisher.prediction("credit", 1)
    closing = threading.Thread(target=publisher.close, args=(0.1,))
    closing.start()
    closing.join(PATIENCE_S)
    assert not closing.is_alive()
    assert dropped(publisher) == {"closed": 1}


def test_what_is_published_after_the_end_is_dropped_and_counted(open_publisher: OpenPublisher) -> None:
    publisher = open_publisher()
    publisher.prediction("credit", 1)
    publisher.close(FLUSH_S)
    assert isinstance(publisher.prediction("credit", 2), str)
    publisher.label("a1", "credit", 1)
    publisher.close()
    assert dropped(publisher) == {"closed": 2}
    assert publisher.counts().delivered == 1


def test_a_dead_broker_and_bad_arguments_are_told_once_each_however_many_calls(
    open_publisher: OpenPublisher, dead_broker: str, caplog: pytest.LogCaptureFixture
) -> None:
    told: Counter[str] = Counter()
    everything = threading.Event()

    def on_problem(kind: str, sentence: str) -> None:
        told[kind] += 1
        if told.keys() >= {"broker", "buffer_full", "not_finite", "invalid_value"}:
            everything.set()

    publisher = open_publisher(dead_broker, buffer_max=10, on_problem=on_problem)
    for _ in range(1_000):
        publisher.prediction("credit", 1)
        publisher.prediction("credit", float("nan"))
        publisher.prediction("credit", 1, features={"x": float("nan")})
    assert everything.wait(PATIENCE_S)
    for _ in range(1_000):
        publisher.prediction("credit", 1)
    assert max(told.values()) == 1
    lines = [record.getMessage() for record in caplog.records if record.name == "driftline.publisher"]
    assert len(lines) == len(told)
    assert next(line for line in lines if line.startswith("not_finite")).startswith(
        "not_finite: prediction: prediction is nan; publish only answers that are finite numbers"
    )
    (full,) = (line for line in lines if line.startswith("buffer_full"))
    assert "the buffer is full, so events are dropped" in full


def test_nothing_is_logged_by_the_call_itself() -> None:
    """A log handler may block, and so a call must not log."""
    problems = Problems()
    told: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("driftline.publisher")
    logger.addHandler(handler)
    try:
        problems.note("buffer_full", "it is full")
        problems.note("buffer_full", "it is full")
        assert told == []
        problems.tell()
        problems.note("buffer_full", "it is full")
        problems.tell()
        assert told == ["buffer_full: it is full (2 times since it was last told)"]
        problems.tell(everything=True)
        assert told[1:] == ["buffer_full: it is full"]
    finally:
        logger.removeHandler(handler)


def test_what_goes_on_is_told_ever_more_seldom() -> None:
    problems = Problems()
    now_s, told_at = 0.0, []
    while now_s < 4 * INTERVAL_S_MAX:
        problems.note("broker", "it is away")
        if problems._due(now_s, everything=False):
            told_at.append(now_s)
        now_s += 10.0
    gaps = [later - earlier for earlier, later in pairwise(told_at)]
    assert gaps[:4] == [INTERVAL_S, 2 * INTERVAL_S, 4 * INTERVAL_S, 8 * INTERVAL_S]
    assert max(gaps) == INTERVAL_S_MAX


def test_a_callback_that_raises_harms_neither_the_service_nor_the_publisher(
    open_publisher: OpenPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised = threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda _: raised.set())

    def on_problem(kind: str, sentence: str) -> None:
        raise ZeroDivisionError

    publisher = open_publisher(on_problem=on_problem)
    publisher.prediction("credit", float("nan"))
    assert raised.wait(PATIENCE_S)
    publisher.prediction("credit", 1)
    assert publisher.flush(FLUSH_S) == 0
    assert publisher.counts().delivered == 1


def test_a_client_that_failed_for_good_is_replaced_and_its_events_are_counted(
    open_publisher: OpenPublisher, dead_broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a broker lost what it had acknowledged; the failure itself cannot be had from the mock cluster."""
    monkeypatch.setattr("driftline.producers.publisher_queue.RENEW_AFTER_S", 0.0)
    publisher = open_publisher(dead_broker)
    publisher.prediction("credit", 1)
    before = publisher._queue._producer
    publisher._queue._replace()
    publisher.prediction("credit", 2)
    assert isinstance(publisher._queue._producer, Producer)
    assert publisher._queue._producer is not before
    ended = threading.Event()
    while dropped(publisher) != {"closed": 1}:
        assert not ended.wait(0.01)
    assert publisher.counts().queued == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"kafka": {"no.such.setting": 1}}, "no client can be made from these settings"),
        ({"kafka": {"partitioner": "random"}}, "the partition is murmur2 of the model"),
        ({"kafka": {"bootstrap.servers": "a:1"}}, "pass bootstrap_servers"),
        ({"kafka": {"acks": 1}}, "no client can be made from these settings"),
        ({"buffer_max": 0}, "write how many events may wait, from 1 to 10,000,000"),
        ({"buffer_max": "many"}, "write how many events may wait, from 1 to 10,000,000"),
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused_at_the_start(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        Publisher("127.0.0.1:9092", **arguments)


def test_a_refused_setting_shows_no_password() -> None:
    login = {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN", "sasl.username": "u", "acks": 1}
    with pytest.raises(InputError) as refused:
        Publisher("127.0.0.1:9092", kafka={**login, "sasl.password": "hunter2"})
    assert "hunter2" not in str(refused.value)


def test_every_event_is_counted_once(open_publisher: OpenPublisher) -> None:
    publisher = open_publisher(buffer_max=50)
    for i in range(500):
        publisher.prediction("credit", i if i % 7 else float("nan"), features={"x": i / 3})
        if i % 50 == 0:
            publisher.label("a1", "credit", None)
    assert publisher.flush(FLUSH_S) == 0
    counts = publisher.counts()
    assert (counts.predictions, counts.labels) == (500, 10)
    assert counts.delivered + counts.queued + counts.dropped_total == 510
    assert counts.dropped[DropReason.NOT_FINITE] == 72
