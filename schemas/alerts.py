"""The alert: what a person or a router is told about one incident. It travels as the `data` of a CloudEvent."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

AlertEvent: TypeAlias = Literal["opened", "updated", "resolved"]
AlertKind: TypeAlias = Literal["data", "prediction", "measurement", "concept", "quality"]
Severity: TypeAlias = Literal["page", "ticket", "info"]


class Sketch(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A column over some period, small enough to draw: histogram cells for numbers, or the commonest categories."""

    n: int
    missing_share: float = 0.0
    mean: float | None = None
    sd: float | None = None
    counts: list[int] = []
    top_categories: dict[str, int] = {}


class FeatureEvidence(Struct, frozen=True, kw_only=True):
    """One field that speaks for the alert. Worst first in `Alert.features`."""

    name: str
    statistic: float | None = None
    threshold: float | None = None
    p_value: float | None = None
    e_value: float | None = None
    n: int = 0
    reference_n: int = 0
    baseline: Sketch | None = None
    current: Sketch | None = None


class SegmentEvidence(Struct, frozen=True, kw_only=True):
    """One segment and how far it is off. Worst first in `Alert.worst_segments`."""

    segment_set: list[str]
    segment: str
    statistic: float | None = None
    threshold: float | None = None
    n: int = 0


class Alert(Struct, frozen=True, kw_only=True):
    """One incident. Times are epoch milliseconds of event time; offsets are those of the input log.

    `version` is "" for all versions together, `segment` is "" for the whole model. `fingerprint` names the incident
    (model, kind, detector, feature, segment): every event of one incident has the same.
    """

    fingerprint: str
    event: AlertEvent
    model: str
    version: str = ""
    partition: int = 0
    kind: AlertKind
    severity: Severity
    title: str
    summary: str
    detector: str
    segment_set: list[str] = []
    segment: str = ""
    features: list[FeatureEvidence] = []
    onset_ms: int
    onset_offset: int
    detected_ms: int
    detected_offset: int
    window_start_ms: int | None = None
    window_end_ms: int | None = None
    worst_segments: list[SegmentEvidence] = []
    trend: list[float] = []
    runbook_url: str = ""
    dashboard_url: str = ""
    replay_command: str = ""
    config_hash: str = ""
    reference_hash: str | None = None
