"""Every metric that a worker shows to Prometheus: name, type, help and labels. docs/metrics.md says the same for people.

Names are never changed, as dashboards and alerting rules hang on them. Units stand last; a ratio is between 0 and 1.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Type = Literal["counter", "gauge", "histogram"]


class Metric(NamedTuple):
    """One metric; `help` is one sentence without a full stop, as Prometheus shows it."""

    name: str
    type: Type
    help: str
    labels: tuple[str, ...] = ()


# --- labels -----------------------------------------------------------------------------------------------------------

PARTITION: Final = "partition"
INPUT: Final = "input"
MODEL: Final = "model"
VERSION: Final = "version"
KIND: Final = "kind"
FIELD: Final = "field"
SEGMENT: Final = "segment"
SEVERITY: Final = "severity"
REASON: Final = "reason"
OUTCOME: Final = "outcome"
CODE: Final = "code"
TOPIC: Final = "topic"

_SCOPE: Final = (PARTITION, MODEL, VERSION)
_FIELD: Final = (*_SCOPE, KIND, FIELD)
_SEGMENT: Final = (*_SCOPE, SEGMENT, KIND, FIELD)

# --- what the monitors say: the last closed window, the shortest of each model ------------------------------------------

WINDOW_EVENTS: Final = Metric("driftline_window_events", "gauge", "Events of the last closed window", _SCOPE)
WINDOW_END: Final = Metric(
    "driftline_window_end_timestamp_seconds", "gauge", "Event time at which the last closed window ends", _SCOPE
)
WINDOW_VALUES: Final = Metric(
    "driftline_window_values", "gauge", "Valid values of a field in the last closed window", _FIELD
)
WINDOW_MISSING: Final = Metric(
    "driftline_window_missing_ratio", "gauge", "Share of events of the last closed window without this field", _FIELD
)
WINDOW_PSI: Final = Metric(
    "driftline_window_psi", "gauge", "Population stability index of a field against its reference", _FIELD
)
WINDOW_PSI_NULL: Final = Metric(
    "driftline_window_psi_null_mean", "gauge", "What the index is on average at this size when nothing drifts", _FIELD
)
WINDOW_KS: Final = Metric(
    "driftline_window_ks", "gauge", "Kolmogorov-Smirnov statistic of a field against its reference", _FIELD
)
WINDOW_JENSEN_SHANNON: Final = Metric(
    "driftline_window_jensen_shannon", "gauge", "Jensen-Shannon distance of a field to its reference", _FIELD
)
WINDOW_WASSERSTEIN: Final = Metric(
    "driftline_window_wasserstein", "gauge", "Wasserstein distance of a field to its reference", _FIELD
)
E_VALUE: Final = Metric(
    "driftline_detector_e_value", "gauge", "Evidence for drift that the online detector has gathered", _FIELD
)
E_THRESHOLD: Final = Metric(
    "driftline_detector_e_threshold", "gauge", "Evidence at which the online detector alerts", _FIELD
)
SEGMENT_PSI: Final = Metric(
    "driftline_segment_psi", "gauge", "Population stability index of the worst field of each of the worst segments",
    _SEGMENT,
)  # fmt: skip
SEGMENT_PSI_NULL: Final = Metric(
    "driftline_segment_psi_null_mean", "gauge", "What that index is on average at this size when nothing drifts",
    _SEGMENT,
)  # fmt: skip

# --- what they counted since this worker started ------------------------------------------------------------------------

ALERTS_OPENED: Final = Metric(
    "driftline_alerts_opened_total", "counter", "Alerts opened since this worker started", (MODEL, KIND, SEVERITY)
)
LATE: Final = Metric(
    "driftline_late_events_total", "counter", "Events that came after their window had closed", (PARTITION, MODEL)
)
REJECTED: Final = Metric(
    "driftline_rejected_events_total", "counter", "Events that were read and not believed", (PARTITION, MODEL, REASON)
)
HEALTH: Final = Metric("driftline_health_signals_total", "counter", "Health signals by what they are about", (CODE,))

# --- progress -----------------------------------------------------------------------------------------------------------

CONSUMED: Final = Metric(
    "driftline_events_consumed_total", "counter", "Prediction records that the state holds", (PARTITION,)
)
EVENTS: Final = Metric(
    "driftline_events_total", "counter", "What became of them: the outcomes add up to those consumed",
    (PARTITION, OUTCOME),
)  # fmt: skip
LABELS: Final = Metric("driftline_labels_total", "counter", "Label records that the state holds", (PARTITION,))
APPLIED_OFFSET: Final = Metric(
    "driftline_applied_offset", "gauge", "First offset that is not in the state", (PARTITION, INPUT)
)
LAG: Final = Metric(
    "driftline_lag_records", "gauge", "Offsets between the state and the end of the log", (PARTITION, INPUT)
)
WATERMARK: Final = Metric(
    "driftline_watermark_timestamp_seconds", "gauge", "Event time up to which windows are closed", (PARTITION, MODEL)
)
PARTITIONS: Final = Metric("driftline_partitions", "gauge", "Partitions that this worker has at the moment")
COMMITS: Final = Metric("driftline_commits_total", "counter", "Commits of input offsets", (OUTCOME,))

# --- state --------------------------------------------------------------------------------------------------------------

SNAPSHOT_TIME: Final = Metric(
    "driftline_snapshot_timestamp_seconds", "gauge", "When the last complete snapshot was acknowledged", (PARTITION,)
)
SNAPSHOT_BYTES: Final = Metric(
    "driftline_snapshot_bytes", "gauge", "Size of what the last snapshot had to write", (PARTITION,)
)
SNAPSHOT_WRITTEN: Final = Metric("driftline_snapshot_written_bytes_total", "counter", "Bytes written by all snapshots")
SNAPSHOT_DURATION: Final = Metric(
    "driftline_snapshot_duration_seconds", "histogram", "Time from the cut of a snapshot to its commit"
)
SNAPSHOT_STALL: Final = Metric(
    "driftline_snapshot_stall_seconds", "histogram", "Time for which the cut of a snapshot held up the records"
)

# --- outputs ------------------------------------------------------------------------------------------------------------

OUTPUTS: Final = Metric("driftline_outputs_total", "counter", "Outputs that Kafka has acknowledged", (TOPIC,))
OUTPUTS_SHORTENED: Final = Metric(
    "driftline_outputs_shortened_total", "counter", "Outputs that were too large and lost detail", (TOPIC,)
)
OUTPUTS_OVERSIZED: Final = Metric(
    "driftline_outputs_oversized_total", "counter", "Outputs that were not written as no record can be that large"
)
OUTBOX: Final = Metric("driftline_outbox_outputs", "gauge", "Outputs that wait for Kafka")
DEAD_LETTERS: Final = Metric(
    "driftline_dead_letters_total", "counter", "Records that could not be read", (REASON, OUTCOME)
)
EVENT_TO_ALERT: Final = Metric(
    "driftline_event_to_alert_seconds", "histogram",
    "Time from the append of the record that opened an alert to the acknowledgement of the alert",
)  # fmt: skip

# --- the process ----------------------------------------------------------------------------------------------------------

BUILD: Final = Metric("driftline_build_info", "gauge", "Always 1; the labels say what runs", ("version", "python"))
FOLDED: Final = Metric(
    "driftline_metrics_folded_total", "counter", "Updates that went under __other__ as there were too many series"
)

METRICS: Final[tuple[Metric, ...]] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
"""All of them, in the order in which they are shown."""
