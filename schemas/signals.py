"""Everything a Monitor says. Each signal carries a deterministic id, so that saying it twice is harmless.

On the wire the key "signal" names the type. New fields have defaults, types never change, names never move.
Times are epoch milliseconds; `version` is "" for all versions together, `segment` is "" for the whole model.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from driftline.schemas.alerts import Alert
from driftline.schemas.layout import SignalKind
from driftline.schemas.rejections import RejectionReason


class FieldWindow(Struct, frozen=True):
    """One column in one window. `n` counts valid values; statistics are None for fewer than 80 of them.

    `counts`: 64 value cells, then invalid, then missing; trailing zeros are left out. Mergeable by addition.
    """

    name: str
    kind: SignalKind
    n: int
    missing: int = 0
    invalid: int = 0
    out_of_range: int = 0
    new_category: int = 0
    mean: float | None = None
    sd: float | None = None
    min: float | None = None
    max: float | None = None
    counts: list[int] = []
    psi: float | None = None
    psi_null_mean: float | None = None
    psi_band: str | None = None  # "none", "moderate", "major"
    psi_smoothing: float | None = None
    jensen_shannon: float | None = None
    ks: float | None = None
    ks_null_mean: float | None = None
    ks_p: float | None = None
    wasserstein: float | None = None
    chi_square: float | None = None
    chi_square_dof: int | None = None
    chi_square_p: float | None = None
    e_value: float | None = None
    e_threshold: float | None = None
    adwin_width: int | None = None
    adwin_mean: float | None = None
    adwin_detections: int | None = None
    page_hinkley: float | None = None
    page_hinkley_threshold: float | None = None
    page_hinkley_detections: int | None = None
    reference_n: int | None = None


class WindowClosed(Struct, frozen=True, kw_only=True, tag_field="signal", tag="window_closed"):
    """A window of event time `[start_ms, end_ms)` over which nothing more will be counted."""

    id: str
    model: str
    version: str = ""
    partition: int = 0
    segment_set: list[str] = []
    segment: str = ""
    start_ms: int
    end_ms: int
    length_ms: int
    n: int
    partial: bool = False  # the input ended before the window did
    reference_hash: str | None = None
    config_hash: str = ""
    fields: list[FieldWindow] = []
    unknown_features: dict[str, int] = {}


class Drift(Struct, frozen=True, kw_only=True, tag_field="signal", tag="drift"):
    """A detector crossed its threshold at this log offset.

    kind: where it was found. "data", "prediction", "measurement": in the predictions; "concept": in errors that labels
    revealed (`field` says which); "quality": in how values or labels arrive.
    """

    id: str
    model: str
    version: str = ""
    partition: int = 0
    kind: SignalKind
    segment_set: list[str] = []
    segment: str = ""
    field: str
    detector: str
    offset: int
    event_ms: int
    statistic: float
    threshold: float
    p_value: float | None = None
    e_value: float | None = None
    n: int
    reference_n: int


class AlertOpened(Struct, frozen=True, kw_only=True, tag_field="signal", tag="alert_opened"):
    id: str
    alert: Alert


class AlertUpdated(Struct, frozen=True, kw_only=True, tag_field="signal", tag="alert_updated"):
    id: str
    alert: Alert


class AlertResolved(Struct, frozen=True, kw_only=True, tag_field="signal", tag="alert_resolved"):
    id: str
    alert: Alert


class LateEvents(Struct, frozen=True, kw_only=True, tag_field="signal", tag="late_events"):
    """Events whose pane had closed when they came: counted, not applied. Said once a pane close."""

    id: str
    model: str
    partition: int = 0
    pane_end_ms: int
    count: int
    oldest_ms: int
    newest_ms: int


class Rejected(Struct, frozen=True, kw_only=True, tag_field="signal", tag="rejected"):
    """Records of this model that were read but not believed, by reason. Said once a pane close."""

    id: str
    model: str
    partition: int = 0
    pane_end_ms: int
    reasons: dict[RejectionReason, int]


class SegmentGap(Struct, frozen=True, kw_only=True):
    """A metric of one segment and of what it is compared with, and their difference, gap = value - other_value.

    `other_segment` is "" for all other segments of the set together. All intervals [low, high] of a window and segment set
    hold together with 95 % confidence: chance does not explain a gap whose interval is without 0.
    """

    metric: str
    segment_set: list[str]
    segment: str
    other_segment: str = ""
    value: float
    other_value: float
    gap: float
    low: float
    high: float
    labels: int  # of the segment


class PerformanceWindow(Struct, frozen=True, kw_only=True, tag_field="signal", tag="performance_window"):
    """Metrics over predictions of `[start_ms, end_ms)` joined with the labels known so far (or for good: `final`)."""

    id: str
    model: str
    version: str = ""
    partition: int = 0
    segment_set: list[str] = []
    segment: str = ""
    start_ms: int
    end_ms: int
    length_ms: int
    final: bool = False
    revision: int = 0
    n: int  # predictions in the window
    labelled: int  # of these, joined with a label
    corrected: int = 0
    coverage: float | None = None
    delay_ms_p50: int | None = None
    delay_ms_p90: int | None = None
    metrics: dict[str, float | None] = {}
    estimated: dict[str, float | None] = {}
    config_hash: str = ""
    gaps: list[SegmentGap] = []  # of the whole model, where the settings ask for them
    retracted: int = 0  # labels that were taken back
    unusable: int = 0  # labelled, but it or its label is of no known class or type: in no metric
    evicted: int = 0  # of the whole model: predictions that a full join store dropped, so that coverage cannot be had


class LabelExpired(Struct, frozen=True, kw_only=True, tag_field="signal", tag="label_expired"):
    """Predictions whose horizon passed unlabelled, and labels that never met a prediction. Said once a pane close."""

    id: str
    model: str
    partition: int = 0
    pane_end_ms: int
    predictions: int = 0
    labels: int = 0


class HealthCode(StrEnum):
    """What `Health` may be about. A metric label: names are never changed, new ones are added at the end."""

    NEW_VERSION = "new_version"
    REFERENCE_LEARNT = "reference_learnt"
    SNAPSHOT_PART_RESTARTED = "snapshot_part_restarted"
    CREATE_TIME_TOPIC = "create_time_topic"
    NO_WRITE_PERMISSION = "no_write_permission"
    UNKNOWN_FEATURES = "unknown_features"
    EVENTS_PER_WEEK_UNKNOWN = "events_per_week_unknown"
    MODEL_ON_TWO_PARTITIONS = "model_on_two_partitions"
    SEGMENTS_CAPPED = "segments_capped"
    MODELS_CAPPED = "models_capped"
    WINDOWS_CAPPED = "windows_capped"
    NO_REFERENCE = "no_reference"
    OUTPUT_TOO_LARGE = "output_too_large"
    ERROR_RATE_LEARNT = "error_rate_learnt"


class Health(Struct, frozen=True, kw_only=True, tag_field="signal", tag="health"):
    """Something about driftline itself or its input that its operator should know."""

    id: str
    model: str = ""
    partition: int = 0
    code: HealthCode
    message: str
    detail: dict[str, str | int | float] = {}


class ReferenceLearnt(Struct, frozen=True, kw_only=True, tag_field="signal", tag="reference_learnt"):
    """The reference of a model that came without one, as the JSON text that `reference build` would have written."""

    id: str
    model: str
    version: str = ""
    partition: int = 0
    reference_json: str


Signal: TypeAlias = (
    WindowClosed
    | Drift
    | AlertOpened
    | AlertUpdated
    | AlertResolved
    | LateEvents
    | Rejected
    | PerformanceWindow
    | LabelExpired
    | Health
    | ReferenceLearnt
)
