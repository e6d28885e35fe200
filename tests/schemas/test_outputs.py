"""What is written to Kafka: CloudEvents for alerts, signals for everything else, and never more than a record holds."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from driftline.schemas.cloud_events import decode_event, encode_event
from driftline.schemas.codec import decode_signal, encode
from driftline.schemas.outputs import OUTPUT_BYTES_MAX, SHORTENED_HEADER, Output, OutputTopic, output_of
from driftline.schemas.signals import (
    AlertOpened,
    AlertResolved,
    AlertUpdated,
    FieldWindow,
    Health,
    HealthCode,
    ReferenceLearnt,
    Signal,
    WindowClosed,
)
from driftline.schemas.traceparent import traceparent_of
from tests.schemas.golden_examples import SIGNALS

GOLDEN = Path(__file__).parents[2] / "schemas" / "golden" / "outputs" / "v1"
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ALERTS = ("alert_opened", "alert_updated", "alert_resolved")


def _alert(**changes: Any) -> AlertOpened:
    opened = SIGNALS["alert_opened"]
    assert isinstance(opened, AlertOpened)
    return replace(opened, alert=replace(opened.alert, **changes))


def _event(output: Output) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(output.value)
    return event


# --- alerts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_is_written_as_its_golden_bytes_say(name: str) -> None:
    signal = SIGNALS[name]
    assert isinstance(signal, AlertOpened | AlertUpdated | AlertResolved)
    output = output_of(signal, {129000: TRACEPARENT})
    assert output.topic is OutputTopic.ALERTS
    assert output.key == signal.alert.fingerprint.encode()
    assert output.headers == [("content-type", b"application/cloudevents+json")]
    assert output.value + b"\n" == (GOLDEN / f"{name}.json").read_bytes()


@pytest.mark.parametrize("name", ALERTS)
def test_golden_events_are_decodable(name: str) -> None:
    golden = (GOLDEN / f"{name}.json").read_bytes()
    event = decode_event(golden)
    assert encode_event(event) + b"\n" == golden
    signal = SIGNALS[name]
    assert isinstance(signal, AlertOpened | AlertUpdated | AlertResolved)
    assert (event.id, event.data) == (signal.id, signal.alert)


def test_an_alert_carries_every_attribute_that_cloud_events_asks_for() -> None:
    event = _event(output_of(_alert(), {}))
    assert {name: value for name, value in event.items() if name != "data"} == {
        "specversion": "1.0",
        "id": "1",
        "source": "/driftline/credit",
        "type": "driftline.alert.opened.v1",
        "subject": "data/income/region=eu",
        "time": "2026-01-31T12:10:00.000Z",
        "datacontenttype": "application/json",
    }
    assert event["data"]["title"] == "income of credit has drifted"


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=128), st.text(st.characters(codec="utf-8")))
@example("a/b?c#d %", "x\x00\x1f\x7f\x9f\ufdd0\uffff")
def test_the_attributes_are_well_formed_whatever_the_names_are(model: str, segment: str) -> None:
    event = _event(output_of(_alert(model=model, segment=segment), {}))
    assert re.fullmatch(r"/driftline/([A-Za-z0-9._~-]|%[0-9A-F]{2})+", event["source"])
    assert not re.search("[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]", event["subject"])
    assert event["subject"] != ""
    assert event["data"]["model"] == model


def test_the_trace_of_the_record_that_crossed_the_threshold_is_carried_through() -> None:
    other = TRACEPARENT.replace("4b", "5c")
    assert _event(output_of(_alert(), {128999: other, 129000: TRACEPARENT}))["traceparent"] == TRACEPARENT


BAD_TRACEPARENTS = {
    "upper case": TRACEPARENT.upper(),
    "version ff": "ff" + TRACEPARENT[2:],
    "trace id of zeros": f"00-{'0' * 32}-00f067aa0ba902b7-01",
    "parent id of zeros": f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01",
    "too long": TRACEPARENT + "-",
    "a newline at the end": TRACEPARENT[:-1] + "\n",
    "a megabyte": "0" * 1_000_000,
    "empty": "",
}


@pytest.mark.parametrize("text", BAD_TRACEPARENTS.values(), ids=BAD_TRACEPARENTS)
def test_a_traceparent_that_is_none_is_left_out(text: str) -> None:
    assert "traceparent" not in _event(output_of(_alert(), {129000: text}))
    assert traceparent_of([("traceparent", text.encode())]) is None


def test_the_last_traceparent_among_the_headers_counts() -> None:
    other = TRACEPARENT.replace("4b", "5c")
    headers = [("traceparent", other.encode()), ("x", None), ("traceparent", TRACEPARENT.encode())]
    assert traceparent_of([*headers, ("traceparent", None), ("traceparent", b"\xff" * 55)]) == TRACEPARENT


# --- everything else --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in SIGNALS if name not in ALERTS])
def test_other_signals_go_to_the_windows_topic_under_their_model(name: str) -> None:
    signal = SIGNALS[name]
    output = output_of(signal, {})
    assert output == (OutputTopic.WINDOWS, getattr(signal, "model").encode(), encode(signal), [])  # noqa: B009
    assert not output.shortened


# --- what is too large ------------------------------------------------------------------------------------------------


def _field(i: int, **changes: Any) -> FieldWindow:
    window = SIGNALS["window_closed"]
    assert isinstance(window, WindowClosed)
    return replace(window.fields[0], name=f"{i}" + "é" * 120, **changes)


def _window(fields: int, counts: int) -> WindowClosed:
    window = SIGNALS["window_closed"]
    assert isinstance(window, WindowClosed)
    return replace(window, fields=[_field(i, counts=[123_456_789] * counts) for i in range(fields)])


def _wide_alert(features: int) -> AlertOpened:
    worst = _alert().alert.features[0]
    return _alert(features=[replace(worst, name=f"{i}" + "é" * 120) for i in range(features)])


TOO_LARGE: dict[str, tuple[Signal, bytes]] = {
    "a window of many cells": (_window(700, 66), b"counts"),
    "a window of many fields": (_window(1_500, 66), b"fields"),
    "an alert of many sketches": (_wide_alert(2_000), b"sketches"),
    "an alert of much evidence": (_wide_alert(5_000), b"evidence"),
    "a reference of many features": (ReferenceLearnt(id="1", model="m", reference_json="x" * 2_000_000), b"all"),
}


@pytest.mark.parametrize(("signal", "left_out"), TOO_LARGE.values(), ids=TOO_LARGE)
def test_what_is_too_large_is_said_with_less_detail(signal: Signal, left_out: bytes) -> None:
    output = output_of(signal, {})
    assert len(output.value) <= OUTPUT_BYTES_MAX
    assert output.shortened
    assert dict(output.headers)[SHORTENED_HEADER] == left_out


def test_an_alert_without_its_sketches_still_names_every_feature() -> None:
    signal = _wide_alert(2_000)
    said = decode_event(output_of(signal, {}).value).data
    assert [f.name for f in said.features] == [f.name for f in signal.alert.features]
    assert {f.baseline for f in said.features} == {None}
    assert replace(said, features=[]) == replace(signal.alert, features=[])


def test_a_window_without_its_cells_keeps_its_statistics() -> None:
    said = decode_signal(output_of(_window(700, 66), {}).value)
    assert isinstance(said, WindowClosed)
    assert {(field.psi, tuple(field.counts)) for field in said.fields} == {(0.0125, ())}
    assert said.id == _window(0, 0).id


def test_a_signal_that_cannot_be_written_at_all_is_reported_in_its_place() -> None:
    output = output_of(ReferenceLearnt(id="7", model="wide", partition=3, reference_json="x" * 2_000_000), {})
    said = decode_signal(output.value)
    assert isinstance(said, Health)
    assert (said.id, said.model, said.partition, output.key) == ("7", "wide", 3, b"wide")
    assert said.code is HealthCode.OUTPUT_TOO_LARGE
    assert "driftline reference build" in said.message
    assert said.detail == {"signal": "reference_learnt"}
