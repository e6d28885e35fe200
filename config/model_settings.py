"""The settings of one model as an operator writes them: name, default, meaning, limits.

Defaults and meanings stand here and nowhere else: docs/configuration.md and config/schema.json are written from them.
Defaults are spelled as in the file and go through the same validation.
"""

from typing import Final

from pydantic import model_validator

from driftline.config.durations import format_duration
from driftline.config.model_spec import FAIRNESS_METRICS, FieldKind, LabelStore, Task, TimestampSpread, TimestampUnit
from driftline.config.name_settings import (
    Categories,
    ColumnMap,
    Detectors,
    FairnessMetrics,
    Name,
    Names,
    Segments,
    Text,
)
from driftline.config.problems import Finding, one_of, refuse_any
from driftline.config.section import Named, Section, setting
from driftline.config.time_settings import Budget, FutureTolerance, Horizon, IdleAfter, Lateness, TimeZone, Windows

# A pane that may still receive late events is kept open; more of them cost memory in every segment.
OPEN_PANES_MAX: Final = 24


class FeatureSettings(Section):
    kind: FieldKind | None = setting(
        None, "How the feature is read, when the reference profile took it for something else."
    )
    monitor: bool = setting(True, "false leaves the feature out: it is neither compared nor shown.")
    min: float | None = setting(None, "Smallest allowed value; smaller ones are data-quality problems.", example="0")
    max: float | None = setting(None, "Largest allowed value; larger ones are data-quality problems.", example="120")
    categories: Categories | None = setting(
        None, "All allowed categories; any other is a data-quality problem.", example="[gold, silver]"
    )

    @model_validator(mode="after")
    def _limits_fit_the_kind(self) -> "FeatureSettings":
        findings = []
        if self.min is not None and self.max is not None and self.min > self.max:
            findings.append(Finding(f"{self.min:g} is larger than max, {self.max:g}", "write min <= max", ("min",)))
        if self.kind in ("categorical", "boolean") and (self.min is not None or self.max is not None):
            at = ("max",) if self.min is None else ("min",)
            findings.append(Finding(f"a {self.kind} feature has no range", "remove min and max, or kind", at))
        if self.kind in ("numeric", "boolean") and self.categories is not None:
            what = f"a {self.kind} feature has no list of categories"
            findings.append(Finding(what, "remove categories, or write kind: categorical", ("categories",)))
        refuse_any(findings)
        return self


class ColumnSettings(Section):
    prediction_id: Name | None = setting(None, "Column of the prediction's id.", example="id")
    timestamp: Name | None = setting(None, "Column of the event time.", example="scored_at")
    prediction: Name | None = setting(None, "Column of the prediction.", example="y_pred")
    score: Name | None = setting(None, "Column of the score.", example="y_pred_proba")
    model_version: Name | None = setting(None, "Column of the model's version.", example="version")
    context: ColumnMap = setting({}, "Context key and the column it comes from; a list when both have the same name.")
    measurements: ColumnMap = setting(
        {}, "Measurement and the column it comes from; a list when both have the same name."
    )
    probabilities: ColumnMap = setting({}, "Class and the column of its probability.")
    features: Names | None = setting(
        None,
        "Feature columns. Without it: every column that no other setting here names.",
        example="[age, income]",
    )
    ignore: Names = setting([], "Columns that are no features, such as a target or a row number.")
    timestamp_unit: TimestampUnit = setting("ms", "Unit of a timestamp column of numbers.")
    timestamp_spread: TimestampSpread | None = setting(
        None,
        "Spread rows evenly over the year, month or day of their timestamp, when it says no more than that.",
        example="year",
    )
    timezone: TimeZone = setting("UTC", "Time zone of timestamps that are written without an offset.")

    @model_validator(mode="after")
    def _no_feature_is_ignored(self) -> "ColumnSettings":
        refuse_any(
            Finding("this column is listed under features too", "remove one of the two", ("ignore", position))
            for position, column in enumerate(self.ignore)
            if column in (self.features or ())
        )
        return self


class LabelColumnSettings(Section):
    prediction_id: Name | None = setting(None, "Column of the prediction's id.", example="id")
    timestamp: Name | None = setting(None, "Column of the time at which the label became known.", example="labelled_at")
    label: Name | None = setting(None, "Column of the label.", example="clf_target")
    source: Name | None = setting(None, "Column that says where the label comes from.", example="source")
    weight: Name | None = setting(None, "Column of the label's weight.", example="weight")


class LabelSettings(Section):
    horizon: Horizon = setting(
        "7d", "How long a prediction waits for its label; after that its window is final.", example="30d"
    )
    positive: Name | None = setting(
        None,
        "The positive class of a binary model. Without it: 1 or true, else the second of two names in their order.",
        example="fraud",
    )
    store: LabelStore = setting(
        "memory",
        "Where predictions wait for labels: in the worker, on its disk, or in a shared Redis.",
    )
    capacity: int = setting(
        1_000_000,
        "Predictions that wait in `memory` at most (about 112 bytes each); then the oldest make room.",
        ge=1_000,
        le=500_000_000,
    )
    columns: LabelColumnSettings = setting(
        {},
        "Which column of a CSV or Parquet file of labels holds what. Without it: the column of that name.",
    )


class FairnessSettings(Section):
    metrics: FairnessMetrics = setting(
        [],
        "Metrics whose gaps between segments are reported with every window; recall, for one. Without it: none.",
        example="[recall, false_positive_rate]",
    )
    segments: Segments | None = setting(
        None, "Segment sets that are compared, each one of the model's. Without it: all of them.", example="[region]"
    )


class SharedModelSettings(Section):
    """Settings that make sense for several models at once."""

    task: Task | None = setting(
        None, "What the model predicts. Without it: found from the predictions in the reference."
    )
    windows: Windows = setting(
        ["10m", "1h", "1d"],
        "Lengths of the time windows that are reported; each a whole multiple of the one before it.",
        example="[10m, 1h, 1d]",
    )
    segments: Segments = setting(
        [],
        (
            "Parts of the traffic that are monitored besides the whole: keys of the event's context (else of its "
            "features), or lists of keys for their combinations."
        ),
        example="[region, [region, device]]",
    )
    segments_max: int = setting(
        1_000, "Most segments that are kept apart; those seen later share `__other__`.", ge=1, le=100_000
    )
    false_alarms: Budget = setting(
        "1/week",
        "Budget of false alarms of the whole model, written N/day, N/week or N/month; sets all thresholds.",
        example="1/week",
    )
    events_per_week: float | None = setting(
        None,
        "Predictions to expect each week, to turn the budget into thresholds. Without it: the reference's.",
        example="200000",
        gt=0,
    )
    lateness: Lateness = setting(
        "60s",
        f"How late an event may come and still be counted; at most {OPEN_PANES_MAX} times the first window.",
        example="60s",
    )
    idle_after: IdleAfter = setting(
        "5m",
        "After this long without events the windows of the model close; `never` for batch producers.",
        example="5m",
    )
    future_tolerance: FutureTolerance = setting(
        "5m", "How far ahead of the broker's clock an event's timestamp may be.", example="5m"
    )
    dedup: int = setting(
        262_144,
        "How many of the last prediction ids are remembered to drop repeats (16 bytes each); 0 = none.",
        ge=0,
        le=1 << 24,
    )
    learn_from: int = setting(
        5_000,
        "Number of first events that a reference is learnt from when none is given.",
        ge=100,
        le=1_000_000,
    )
    detectors: Detectors = setting(
        ["shiryaev_roberts", "chi_square"],
        "What may alarm: shiryaev_roberts, chi_square, adwin, page_hinkley. Statistics of all are shown anyway.",
        example="[shiryaev_roberts, chi_square]",
    )
    quality_share_max: float = setting(
        0.01,
        "Share of a window's values that break the reference's contract (type, range, categories) that alarms.",
        ge=0,
        le=1,
    )
    features: Named[Name, FeatureSettings] = setting({}, "What to know of single features, by their name.")
    columns: ColumnSettings = setting(
        {},
        "Which column of a CSV or Parquet file holds what. Without it: the column of that name, if any.",
    )
    labels: LabelSettings = setting({}, "How labels find their predictions.")
    fairness: FairnessSettings = setting({}, "Whether the model is worse for some segments than for others.")

    @model_validator(mode="after")
    def _gaps_can_be_told(self) -> "SharedModelSettings":
        known = FAIRNESS_METRICS[self.task] if self.task is not None else self.fairness.metrics
        refuse_any(
            Finding(
                f"a {self.task} model has no {metric}",
                f"write {one_of(FAIRNESS_METRICS[self.task or 'binary'])}",
                ("fairness", "metrics", position),
            )
            for position, metric in enumerate(self.fairness.metrics)
            if metric not in known
        )
        refuse_any(
            Finding(
                f"{' x '.join(keys)} is no segment set of the model",
                "write it under segments of the model too",
                ("fairness", "segments", position),
            )
            for position, keys in enumerate(self.fairness.segments or ())
            if keys not in self.segments
        )
        return self

    @model_validator(mode="after")
    def _only_two_classes_have_a_positive_one(self) -> "SharedModelSettings":
        if self.labels.positive is not None and self.task not in (None, "binary"):
            what = f"a {self.task} model has no positive class"
            refuse_any([Finding(what, "remove it, or write task: binary", ("labels", "positive"))])
        return self

    @model_validator(mode="after")
    def _few_panes_stay_open(self) -> "SharedModelSettings":
        if self.lateness > OPEN_PANES_MAX * self.windows[0]:
            what = f"would keep more than {OPEN_PANES_MAX} windows of the shortest length open"
            most = format_duration(OPEN_PANES_MAX * self.windows[0])
            refuse_any([Finding(what, f"write at most {most}, or a longer first window", ("lateness",))])
        return self


class ModelSettings(SharedModelSettings):
    reference: Text | None = setting(
        None,
        "File of the reference profile. Without it: learnt from the first `learn_from` events.",
        example="references/employment.json",
    )
    versions: Named[Name, Text] = setting(
        {}, "Reference files of single model versions; any other version uses `reference`."
    )
