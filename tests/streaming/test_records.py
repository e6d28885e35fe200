"""Records of all kinds on a real log: what cannot be read is put aside, and nothing else is held up by it."""

from __future__ import annotations

import hashlib

import orjson

from driftline.schemas.inputs import Input
from driftline.schemas.limits import RECORD_BYTES_MAX
from tests.core.logs import START_MS
from tests.streaming.recompute import assert_live_equals_replay, recompute
from tests.streaming.stage import Stage
from tests.streaming.traffic import predictions, send_log


def test_what_became_of_every_event_is_counted_as_a_replay_counts_it(stage: Stage, test_seed: int) -> None:
    """R14, R16, R17, R26 end to end: the log holds repeats, disorder, late events and implausible times."""
    send_log(stage, test_seed, 2_000)
    worker = stage.start_worker()
    stage.wait_until_applied()
    shown = {
        outcome: sum(worker.metric(f'driftline_events_total{{outcome="{outcome}",partition="{p}"}}') for p in range(2))
        for outcome in ("applied", "duplicate", "late", "rejected", "filtered")
    }
    counted = [partition.counters() for partition in recompute(stage).partitions]
    assert shown == {outcome: sum(getattr(counters, outcome) for counters in counted) for outcome in shown}
    assert sum(shown.values()) == worker.metric("driftline_events_consumed_total")
    assert min(shown["duplicate"], shown["late"], shown["rejected"]) > 0


def test_R21_poison_goes_to_the_dead_letters_with_its_story_and_the_stream_goes_on(stage: Stage) -> None:
    good, times = predictions(1, 400, 0)
    poison = [b"", b"{", b"\xff\xfe", b"[]", b"null", b'{"model":1}', b"{" * 100_000, b'{"a":' * 40 + b"1" + b"}" * 40]
    values = [*good[:200], *poison, *good[200:]]
    at = [*times[:200], *([times[200]] * len(poison)), *times[200:]]
    stage.produce(Input.PREDICTIONS, 0, values, at)
    worker = stage.start_worker()
    stage.wait_until_applied()
    assert worker.terminate()[0] == 0
    letters = {
        int(headers["__streams.errors.offset"]): (letter.value(), headers)
        for letter in stage.read(stage.topics.dead_letters)
        for headers in [dict(letter.headers() or [])]
    }
    for offset, value in enumerate(poison, 200):
        kept, headers = letters[offset]
        assert (kept or b"") == value
        assert headers["__streams.errors.topic"] == stage.topics.predictions.encode()
        assert headers["__streams.errors.partition"] == b"0"
        assert headers["driftline-reason"] and headers["__streams.errors.message"]
    assert_live_equals_replay(stage)


def test_R24_records_of_1_mib_and_beyond_are_read_or_put_aside_and_the_next_ones_are_read(stage: Stage) -> None:
    good, _ = predictions(2, 20, 0)
    event = {"prediction_id": "x", "model": "m0-a", "timestamp": START_MS, "prediction": 1, "padding": ""}
    room = RECORD_BYTES_MAX - len(orjson.dumps(event))
    largest = orjson.dumps({**event, "padding": "x" * room})
    beyond = orjson.dumps({**event, "padding": "x" * (room + 1)})
    far_beyond = orjson.dumps({**event, "padding": "x" * (room + 900_000)})
    values = [good[0], largest, beyond, far_beyond, good[1]]
    stage.produce(Input.PREDICTIONS, 0, values, [START_MS] * len(values))
    worker = stage.start_worker()
    stage.wait_until_applied()
    assert worker.terminate()[0] == 0
    kept = [letter.value() for letter in stage.read(stage.topics.dead_letters)]
    assert kept == [hashlib.sha256(value).hexdigest().encode() for value in (beyond, far_beyond)]
    (partition, _) = recompute(stage).partitions
    assert partition.counters().applied == 3
    assert_live_equals_replay(stage)
