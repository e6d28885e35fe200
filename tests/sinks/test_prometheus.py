"""What a worker shows to Prometheus: true figures, valid text whatever names events hold, and never too many series."""

from __future__ import annotations

import random
import subprocess
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from driftline.processors.counters import Counters
from driftline.schemas.inputs import Input
from driftline.schemas.outputs import Output, OutputTopic
from driftline.schemas.rejections import RejectionReason
from driftline.schemas.signals import (
    AlertOpened,
    FieldWindow,
    Health,
    HealthCode,
    LateEvents,
    Rejected,
    Signal,
    WindowClosed,
)
from driftline.sinks.label_values import LABEL_CHARACTERS_MAX, label_value
from driftline.sinks.metric_names import METRICS
from driftline.sinks.prometheus import SERIES_MAX, WorkerMetrics
from driftline.sinks.window_gauges import FIELDS_OF_A_SCOPE_MAX, WORST_SEGMENTS
from tests.schemas.golden_examples import SIGNALS
from tests.servers.programs import needs

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]

HOSTILE = [
    'quote " and \\ backslash',
    "line\nbreak",
    "carriage\rreturn",
    "nul\x00byte",
    "\x1b[31mred",
    "right-to-left \u202e override",
    "zero\u200bwidth",
    "a" * 10_000,
    "é" * 200,
    "e\u0301 decomposed",
    "\u0430dmin in Cyrillic",
    "\U0001f600",
    "{} = , #",
    "__name__",
    "__other__",
    "lone \ud800 surrogate",
    "",
    " ",
    '"} 1\nevil_metric 2',
]
"""S4: names that break an exposition, a log or the eyes of its reader."""


def _series(metrics: WorkerMetrics) -> Series:
    families = text_string_to_metric_families(metrics.exposition().decode())
    series = [(s.name, frozenset(s.labels.items()), s.value) for family in families for s in family.samples]
    assert len({(name, labels) for name, labels, _ in series}) == len(series), "two lines of one series"
    return {(name, labels): value for name, labels, value in series}


def _value(metrics: WorkerMetrics | Series, name: str, **labels: str) -> float | None:
    series = _series(metrics) if isinstance(metrics, WorkerMetrics) else metrics
    return series.get((f"driftline_{name}", frozenset(labels.items())))


def _field(name: str = "income", **changes: Any) -> FieldWindow:
    known: dict[str, Any] = {"psi": 0.25, "psi_null_mean": 0.05, "ks": 0.3, "jensen_shannon": 0.2, "wasserstein": 0.9}
    return FieldWindow(name=name, kind="data", n=90, missing=10, **{**known, **changes})


def _window(*fields: FieldWindow, model: str = "credit", end_ms: int = 600_000, **changes: Any) -> WindowClosed:
    length_ms = changes.pop("length_ms", 600_000)
    times = {"start_ms": end_ms - length_ms, "end_ms": end_ms, "length_ms": length_ms}
    return WindowClosed(id="1", model=model, n=100, fields=list(fields), partition=3, **times, **changes)


SCOPE = {"partition": "3", "model": "credit", "version": ""}
FIELD = {**SCOPE, "kind": "data", "field": "income"}


# --- true figures -----------------------------------------------------------------------------------------------------


def test_the_last_closed_window_of_a_model_is_shown_field_by_field() -> None:
    metrics = WorkerMetrics("1.2.3")
    metrics.observe([_window(_field(e_value=2.5, e_threshold=1e6))])
    metrics.observe([_window(_field(psi=0.5, e_value=7.5, e_threshold=1e6), end_ms=1_200_000)])
    shown = {name: _value(metrics, name, **FIELD) for name in ("window_psi", "window_psi_null_mean", "window_ks")}
    assert shown == {"window_psi": 0.5, "window_psi_null_mean": 0.05, "window_ks": 0.3}
    assert _value(metrics, "window_jensen_shannon", **FIELD) == 0.2
    assert _value(metrics, "window_wasserstein", **FIELD) == 0.9
    assert _value(metrics, "window_missing_ratio", **FIELD) == 0.1
    assert _value(metrics, "window_values", **FIELD) == 90
    assert _value(metrics, "detector_e_value", **FIELD) == 7.5
    assert _value(metrics, "detector_e_threshold", **FIELD) == 1e6
    assert _value(metrics, "window_events", **SCOPE) == 100
    assert _value(metrics, "window_end_timestamp_seconds", **SCOPE) == 1_200


def test_a_statistic_without_a_value_is_not_shown_rather_than_an_old_one() -> None:
    metrics = WorkerMetrics("1")
    metrics.observe([_window(_field()), _window(_field(psi=None, ks=None), end_ms=1_200_000)])
    assert _value(metrics, "window_psi", **FIELD) is None
    assert _value(metrics, "window_values", **FIELD) == 90


def test_of_windows_of_several_lengths_the_shortest_is_shown() -> None:
    metrics = WorkerMetrics("1")
    metrics.observe([_window(_field(psi=0.75), length_ms=3_600_000, end_ms=3_600_000)])
    metrics.observe([_window(_field(psi=0.25)), _window(_field(psi=0.5), length_ms=3_600_000, end_ms=3_600_000)])
    assert _value(metrics, "window_psi", **FIELD) == 0.25
    metrics.observe([_window(_field(psi=0.125), end_ms=300_000)])
    assert _value(metrics, "window_psi", **FIELD) == 0.25, "an older window came after a newer one"


def test_the_worst_segments_are_shown_each_with_its_worst_field() -> None:
    metrics = WorkerMetrics("1")
    segments = [
        _window(_field("calm", psi=0.01), _field("loud", psi=0.1 * i), segment_set=["r"], segment=f"r={i}")
        for i in range(1, 20)
    ]
    small = _window(_field(psi=9.0, psi_null_mean=8.9), segment_set=["r"], segment="r=small")
    metrics.observe([*segments, small, *segments[:3]])
    shown = {
        (dict(labels)["segment"], dict(labels)["field"]): value
        for (name, labels), value in _series(metrics).items()
        if name == "driftline_segment_psi"
    }
    assert len(shown) == WORST_SEGMENTS
    assert shown == {(f"r={i}", "loud"): pytest.approx(0.1 * i) for i in range(15, 20)}
    metrics.observe([_window(_field(), segment_set=["r"], segment="r=1", end_ms=1_200_000)])
    assert len([name for name, _ in _series(metrics) if name == "driftline_segment_psi"]) == 1


def test_two_segments_of_one_label_make_one_series() -> None:
    metrics = WorkerMetrics("1")
    sets = {("r",): 0.3, ("r", "d"): 0.6}  # region "a,d=b", and region "a" with device "b"
    metrics.observe([_window(_field(psi=psi), segment_set=list(keys), segment="r=a,d=b") for keys, psi in sets.items()])
    assert _value(metrics, "segment_psi", **FIELD, segment="r=a,d=b") == 0.6


def test_alerts_late_and_rejected_events_and_health_are_counted() -> None:
    metrics = WorkerMetrics("1")
    alert = SIGNALS["alert_opened"]
    late, rejected, health = SIGNALS["late_events"], SIGNALS["rejected"], SIGNALS["health"]
    metrics.observe([alert, SIGNALS["alert_updated"], SIGNALS["alert_resolved"], late, rejected, health])
    metrics.observe([alert, late])
    place = {"partition": "3", "model": "credit"}
    assert _value(metrics, "alerts_opened_total", model="credit", kind="data", severity="page") == 2
    assert _value(metrics, "late_events_total", **place) == 24
    assert _value(metrics, "rejected_events_total", **place, reason="timestamp_in_future") == 3
    assert _value(metrics, "health_signals_total", code="new_version") == 1


def test_the_conservation_law_can_be_read_off() -> None:
    metrics = WorkerMetrics("1")
    metrics.set_counters(3, Counters(consumed=100, applied=80, duplicate=9, late=5, rejected=4, filtered=2, labels=7))
    series = _series(metrics)
    outcomes = [value for (name, _), value in series.items() if name == "driftline_events_total"]
    assert sum(outcomes) == _value(metrics, "events_consumed_total", partition="3") == 100
    assert _value(metrics, "events_total", partition="3", outcome="late") == 5
    assert _value(metrics, "labels_total", partition="3") == 7


def test_progress_and_state_of_a_partition_are_shown() -> None:
    metrics = WorkerMetrics("1.2.3")
    metrics.set_offsets(3, {Input.PREDICTIONS: 90, Input.LABELS: 5}, {Input.PREDICTIONS: 100})
    metrics.set_watermarks(3, {"credit": 1_769_860_800_250})
    metrics.snapshot_taken(3, at_s=1_769_860_800.5, took_s=0.02, held_s=0.004, written_bytes=1_000)
    metrics.snapshot_taken(3, at_s=1_769_860_805.5, took_s=0.2, held_s=0.006, written_bytes=500)
    metrics.committed(done=True)
    metrics.committed(done=False)
    assert _value(metrics, "lag_records", partition="3", input="predictions") == 10
    assert _value(metrics, "lag_records", partition="3", input="labels") is None, "its end is not known"
    assert _value(metrics, "applied_offset", partition="3", input="labels") == 5
    assert _value(metrics, "watermark_timestamp_seconds", partition="3", model="credit") == 1_769_860_800.25
    assert _value(metrics, "snapshot_timestamp_seconds", partition="3") == 1_769_860_805.5
    assert _value(metrics, "snapshot_bytes", partition="3") == 500
    assert _value(metrics, "snapshot_written_bytes_total") == 1_500
    assert _value(metrics, "snapshot_duration_seconds_bucket", le="0.025") == 1
    assert _value(metrics, "snapshot_duration_seconds_bucket", le="+Inf") == 2
    assert _value(metrics, "snapshot_duration_seconds_sum") == pytest.approx(0.22)
    assert _value(metrics, "snapshot_stall_seconds_sum") == pytest.approx(0.01)
    assert _value(metrics, "commits_total", outcome="done") == _value(metrics, "commits_total", outcome="failed") == 1
    assert _value(metrics, "partitions") == 1
    assert [dict(labels)["version"] for name, labels in _series(metrics) if name == "driftline_build_info"] == ["1.2.3"]


def test_outputs_and_dead_letters_are_counted() -> None:
    metrics = WorkerMetrics("1")
    metrics.set_outbox(5, {OutputTopic.ALERTS: 2, OutputTopic.WINDOWS: 40}, oversized=1)
    whole = Output(OutputTopic.WINDOWS, b"m", b"{}", [])
    metrics.outputs_made([whole, whole._replace(headers=[("driftline-shortened", b"counts")])])
    metrics.dead_letter(RejectionReason.NOT_UTF8, written=True)
    metrics.dead_letter(RejectionReason.NOT_UTF8, written=False)
    metrics.alert_written(0.3)
    assert _value(metrics, "outbox_outputs") == 5
    assert _value(metrics, "outputs_total", topic="windows") == 40
    assert _value(metrics, "outputs_total", topic="dead_letters") == 0
    assert _value(metrics, "outputs_shortened_total", topic="windows") == 1
    assert _value(metrics, "outputs_oversized_total") == 1
    assert _value(metrics, "dead_letters_total", reason="not_utf8", outcome="written") == 1
    assert _value(metrics, "dead_letters_total", reason="not_utf8", outcome="sampled_out") == 1
    assert _value(metrics, "event_to_alert_seconds_bucket", le="0.5") == 1


def test_a_partition_that_went_away_is_shown_no_more() -> None:
    metrics = WorkerMetrics("1")
    before = set(_series(metrics))
    metrics.observe([_window(_field()), SIGNALS["late_events"], SIGNALS["rejected"]])
    metrics.observe([_window(_field(), segment_set=["r"], segment="r=1")])
    metrics.set_counters(3, Counters())
    metrics.set_offsets(3, {Input.PREDICTIONS: 1}, {Input.PREDICTIONS: 1})
    metrics.set_watermarks(3, {"credit": 0})
    metrics.snapshot_taken(3, at_s=1.0, took_s=0.0, held_s=0.0, written_bytes=0)
    assert len(_series(metrics)) > len(before) + 20
    metrics.forget_partition(3)
    assert set(_series(metrics)) == before


# --- whatever names events hold ---------------------------------------------------------------------------------------


def _hostile_signals(rng: random.Random) -> list[Signal]:
    """A signal of each kind that is shown, full of hostile names."""
    model, version, field, segment = (rng.choice(HOSTILE) for _ in range(4))
    opened = SIGNALS["alert_opened"]
    assert isinstance(opened, AlertOpened)
    place = {"model": model, "partition": rng.randrange(3)}
    times = {"start_ms": 0, "end_ms": 600_000, "length_ms": 600_000}
    window = WindowClosed(id="1", version=version, n=9, fields=[_field(field)], **place, **times)
    return [
        window,
        WindowClosed(id="1", n=9, fields=[_field(field)], segment_set=["r"], segment=segment, **place, **times),
        AlertOpened(id="1", alert=type(opened.alert)(**{**_struct(opened.alert), "model": model})),
        LateEvents(id="1", pane_end_ms=0, count=1, oldest_ms=0, newest_ms=0, **place),
        Rejected(id="1", pane_end_ms=0, reasons={RejectionReason.TIMESTAMP_TOO_OLD: 1}, **place),
        Health(id="1", code=rng.choice(list(HealthCode)), message="m", **place),
    ]


def _struct(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__struct_fields__}


def _hostile_metrics(seed: int) -> WorkerMetrics:
    rng = random.Random(seed)
    metrics = WorkerMetrics('1 "\n')
    for _ in range(400):
        metrics.observe(_hostile_signals(rng))
        metrics.set_watermarks(0, {rng.choice(HOSTILE): 1})
    metrics.set_counters(0, Counters())
    metrics.set_offsets(0, {Input.PREDICTIONS: 1}, {Input.PREDICTIONS: 1})
    metrics.snapshot_taken(0, at_s=1.0, took_s=0.1, held_s=0.0, written_bytes=1)
    metrics.dead_letter(RejectionReason.TOO_DEEP, written=True)
    return metrics


def test_S4_promtool_accepts_every_metric_whatever_the_names_are(test_seed: int) -> None:
    exposition = _hostile_metrics(test_seed).exposition()
    for metric in METRICS:
        assert f"# TYPE {metric.name} {metric.type}".encode() in exposition
    done = subprocess.run([needs("promtool"), "check", "metrics"], input=exposition, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_S4_no_name_makes_a_line_or_a_metric_of_its_own(test_seed: int) -> None:
    series = _series(_hostile_metrics(test_seed))
    known = tuple(metric.name for metric in METRICS)
    assert {name for name, _ in series if not name.startswith((*known, "process_"))} == set()
    values = {value for _, labels in series for _, value in labels}
    assert {value for value in values if not value.isprintable()} == set()
    assert max(map(len, values)) <= LABEL_CHARACTERS_MAX


def test_S4_names_that_look_alike_stay_apart() -> None:
    assert len({label_value(name) for name in HOSTILE}) == len(HOSTILE)
    long = "a" * 200
    assert label_value(long + "b") != label_value(long + "c")
    assert label_value("region=eu,device=iOS 17") == "region=eu,device=iOS 17"


# --- never too many series --------------------------------------------------------------------------------------------


def test_R27_a_flood_of_models_fields_segments_and_versions_stays_within_ten_thousand_series() -> None:
    metrics = WorkerMetrics("1")
    first = _window(*(_field(f"f{i}") for i in range(20)), model="first")
    metrics.observe([first])
    for i in range(2_000):
        flood = [
            _window(
                *(_field(f"x{i}.{f}", e_value=1.0, e_threshold=2.0) for f in range(30)),
                model=f"m{i % 700}",
                version=f"v{i}",
            ),
            _window(_field(), model=f"m{i}", segment_set=["s"], segment=f"s={i}"),
            LateEvents(id="1", model=f"m{i}", partition=i, pane_end_ms=0, count=1, oldest_ms=0, newest_ms=0),
            Rejected(id="1", model=f"m{i}", pane_end_ms=0, reasons=dict.fromkeys(RejectionReason, 1)),
        ]
        opened = SIGNALS["alert_opened"]
        assert isinstance(opened, AlertOpened)
        alert = type(opened.alert)(**{**_struct(opened.alert), "model": f"m{i}"})
        metrics.observe([*flood, AlertOpened(id="1", alert=alert)])
        metrics.set_counters(i, Counters(consumed=2, applied=2))
        metrics.set_offsets(i, {Input.PREDICTIONS: 5, Input.LABELS: 5}, {Input.PREDICTIONS: 6, Input.LABELS: 6})
        metrics.set_watermarks(i, {f"m{i}": i})
        metrics.snapshot_taken(i, at_s=1_000.0 + i, took_s=0.1, held_s=0.0, written_bytes=1)
        for reason in RejectionReason:
            metrics.dead_letter(reason, written=bool(i % 2))
    for code in HealthCode:
        metrics.observe([Health(id="1", code=code, message="")])
    series = _series(metrics)
    assert 8_000 < len(series) <= SERIES_MAX
    assert series["driftline_metrics_folded_total", frozenset()] > 2_000

    still = {"partition": "3", "model": "first", "version": "", "kind": "data"}
    assert {_value(series, "window_psi", **still, field=f"f{i}") for i in range(20)} == {0.25}
    assert _value(series, "late_events_total", partition="__other__", model="__other__") == 2_000 - 300
    assert _value(series, "events_consumed_total", partition="__other__") == 2 * (2_000 - 100)
    assert _value(series, "lag_records", partition="__other__", input="labels") == 2_000 - 100
    assert _value(series, "snapshot_timestamp_seconds", partition="__other__") == 1_100


def test_R27_a_model_of_many_fields_leaves_room_for_others() -> None:
    metrics = WorkerMetrics("1")
    wide = [_field(f"f{i}", psi=i / 1_000) for i in range(1_000)]
    metrics.observe([_window(*wide, model="wide"), _window(_field(), model="narrow")])
    shown = [dict(labels) for name, labels in _series(metrics) if name == "driftline_window_psi"]
    assert len([labels for labels in shown if labels["model"] == "wide"]) == FIELDS_OF_A_SCOPE_MAX + 1
    assert len([labels for labels in shown if labels["model"] == "narrow"]) == 1
    rest = {"partition": "3", "model": "wide", "version": "", "kind": "__other__", "field": "__other__"}
    assert _value(metrics, "window_psi", **rest) == 0.999, "the worst of the fields that have no series of their own"
    metrics.observe([_window(*wide[:300], model="wide", end_ms=1_200_000)])
    assert _value(metrics, "window_psi", **rest) == 0.299, "of the last window only"


def test_room_that_a_partition_leaves_is_given_to_others() -> None:
    metrics = WorkerMetrics("1")
    for i in range(300):
        metrics.set_watermarks(i, {"m": 1_000})
    metrics.set_watermarks(300, {"late": 1_000})
    assert _value(metrics, "watermark_timestamp_seconds", partition="300", model="late") is None
    metrics.forget_partition(0)
    metrics.set_watermarks(300, {"late": 2_000})
    assert _value(metrics, "watermark_timestamp_seconds", partition="300", model="late") == 2


def test_two_workers_of_one_process_do_not_share_figures() -> None:
    one, other = WorkerMetrics("1"), WorkerMetrics("1")
    one.observe([SIGNALS["late_events"]])
    assert b"driftline_late_events_total{" not in other.exposition()
