"""What the program knows of one monitored model: the frozen result of the configuration file.

The tree in `tree.py` is what an operator writes; `ModelSpec` is what the core reads: units in milliseconds, defaults
filled in, hashable, without pydantic. A spec built by hand (in a test, in a notebook) is not validated; `load.py` is
what validates.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from driftline.config.budget import FalseAlarmBudget
from driftline.config.frozen_map import FrozenMap

Task = Literal["binary", "multiclass", "regression", "ranking"]
FieldKind = Literal["numeric", "categorical", "boolean"]
LabelStore = Literal["memory", "rocksdb", "redis"]
TimestampUnit = Literal["ms", "s"]
TimestampSpread = Literal["year", "month", "day"]

DETECTOR_NAMES: Final = ("shiryaev_roberts", "chi_square", "adwin", "page_hinkley")

FAIRNESS_METRICS: Final[Mapping[Task, tuple[str, ...]]] = {
    "binary": (
        "accuracy", "precision", "recall", "f1", "false_positive_rate", "predicted_positive_rate", "positive_rate",
        "roc_auc", "log_loss", "brier",
    ),
    "multiclass": ("accuracy",),
    "regression": ("mae", "bias"),
    "ranking": ("ctr", "ctr_at_10"),
}  # fmt: skip
"""By task, the metrics whose gaps between segments can be told: those with a standard error."""

DEFAULT_FALSE_ALARMS: Final = FalseAlarmBudget(1.0, "week")

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldOverride:
    """What the operator says about one feature; None = as the reference profile found it."""

    kind: FieldKind | None = None
    monitor: bool = True
    min: float | None = None
    max: float | None = None
    categories: tuple[str, ...] | None = None
    """The closed list of allowed categories, integers and booleans in their JSON spelling ("3", "true")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMapping:
    """Which column of a CSV or Parquet file holds what; None = the column of that very name, if the file has one."""

    prediction_id: str | None = None
    timestamp: str | None = None
    prediction: str | None = None
    score: str | None = None
    model_version: str | None = None
    context: Mapping[str, str] = field(default_factory=FrozenMap)
    """context key -> column"""
    measurements: Mapping[str, str] = field(default_factory=FrozenMap)
    """measurement name -> column"""
    probabilities: Mapping[str, str] = field(default_factory=FrozenMap)
    """class -> column"""
    features: tuple[str, ...] | None = None
    """None = every column that nothing else here names"""
    ignore: tuple[str, ...] = ()
    """columns that are not features either, such as a target"""
    timestamp_unit: TimestampUnit = "ms"
    """of a timestamp column of numbers"""
    timestamp_spread: TimestampSpread | None = None
    """the timestamp column names only the year (month, day) of a row: its rows are spread evenly over it"""
    timezone: str = "UTC"
    """IANA name; of timestamps written without an offset"""

    def __post_init__(self) -> None:
        for name in ("context", "measurements", "probabilities"):
            object.__setattr__(self, name, FrozenMap(getattr(self, name)))


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelColumns:
    """Which column of a file of labels holds what; None = the column of that very name, if the file has one."""

    prediction_id: str | None = None
    timestamp: str | None = None
    label: str | None = None
    source: str | None = None
    weight: str | None = None

    @property
    def label_column(self) -> str:
        """The column of the label, in a file of labels or beside the predictions of a reference."""
        return self.label or "label"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSpec:
    """How long labels are waited for, and where predictions wait for them."""

    horizon_ms: int = 7 * DAY_MS
    positive: str | None = None
    """class of a binary model; None = 1 or true, else the second of two names in their order"""
    store: LabelStore = "memory"
    capacity: int = 1_000_000
    """of the store in memory: predictions that wait at most"""
    columns: LabelColumns = LabelColumns()


@dataclass(frozen=True, slots=True, kw_only=True)
class FairnessSpec:
    """Which gaps between segments are told of."""

    metrics: tuple[str, ...] = ()
    """each of FAIRNESS_METRICS; none: no gaps"""
    segments: tuple[tuple[str, ...], ...] | None = None
    """segment sets of the model; None = all of them"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """Everything that configures the monitor of one model."""

    name: str
    task: Task | None = None
    """None = found from the predictions of the reference"""
    reference: str | None = None
    """path of the reference profile; None = learnt from the first `learn_from` events"""
    references_by_version: Mapping[str, str] = field(default_factory=FrozenMap)
    """model version -> path; a version that is not here uses `reference`"""
    windows_ms: tuple[int, ...] = (10 * MINUTE_MS, HOUR_MS, DAY_MS)
    """ascending, each a whole multiple of the one before"""
    segments: tuple[tuple[str, ...], ...] = ()
    """segment sets: keys of `context`, else of `features`; the whole model is always monitored besides"""
    segments_max: int = 1_000
    false_alarms: FalseAlarmBudget = DEFAULT_FALSE_ALARMS
    events_per_week: float | None = None
    """None = the rate of the reference"""
    lateness_ms: int = MINUTE_MS
    idle_after_ms: int | None = 5 * MINUTE_MS
    """None = never"""
    future_tolerance_ms: int = 5 * MINUTE_MS
    dedup: int = 262_144
    """ids remembered; 0 = duplicates are not looked for"""
    learn_from: int = 5_000
    detectors: tuple[str, ...] = ("shiryaev_roberts", "chi_square")
    """those that alarm; each of DETECTOR_NAMES"""
    fields: Mapping[str, FieldOverride] = field(default_factory=FrozenMap)
    """by feature name"""
    columns: ColumnMapping = ColumnMapping()
    labels: LabelSpec = LabelSpec()
    fairness: FairnessSpec = FairnessSpec()
    quality_share_max: float = 0.01
    """share of values that break the schema contract from which a window is a data-quality alarm"""

    def __post_init__(self) -> None:
        object.__setattr__(self, "references_by_version", FrozenMap(self.references_by_version))
        object.__setattr__(self, "fields", FrozenMap(self.fields))
