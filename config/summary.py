"""What a configuration will do, as lines a person reads before starting it; secrets are not among them."""

from collections.abc import Iterator
from dataclasses import dataclass

from driftline.config.broker_settings import BrokerSettings, TopicSettings
from driftline.config.config import Config
from driftline.config.dead_letter_settings import DeadLetterSettings
from driftline.config.durations import format_duration
from driftline.config.fingerprint import config_hash
from driftline.config.join_store_settings import RedisSettings, RocksdbSettings
from driftline.config.model_spec import ColumnMapping, FieldOverride, LabelColumns, LabelSpec, ModelSpec
from driftline.config.worker_settings import WorkerSettings


@dataclass(frozen=True, slots=True)
class Part:
    """One heading with its lines: what is set, and to what."""

    heading: str
    lines: tuple[tuple[str, str], ...]


def summarize(config: Config) -> list[Part]:
    """The models first, then what they share."""
    parts = [Part(f"model {name}", tuple(_model(spec))) for name, spec in config.models.items()]
    if config.discover:
        heading = "every other model" if config.models else "every model, as it is discovered"
        parts.append(Part(heading, tuple(_model(config.defaults))))
    else:
        parts.append(Part("every other model", (("", "not monitored (discover: false)"),)))
    parts.append(Part("broker", tuple(_broker(config.broker))))
    parts.append(Part("topics", tuple(_topics(config.topics))))
    parts.append(Part("dead letters", tuple(_dead_letters(config.dead_letters))))
    parts.append(Part("worker", tuple(_worker(config.worker))))
    if "rocksdb" in config.stores_used:
        parts.append(Part("rocksdb", tuple(_rocksdb(config.join_stores.rocksdb))))
    if "redis" in config.stores_used:
        parts.append(Part("redis", tuple(_redis(config.join_stores.redis))))
    return parts


def _model(spec: ModelSpec) -> Iterator[tuple[str, str]]:
    yield "reference", spec.reference or f"learnt from the first {spec.learn_from:,} events"
    for version, file in spec.references_by_version.items():
        yield f"version {version}", file
    yield "task", spec.task or "found from the predictions of the reference"
    yield "windows", ", ".join(format_duration(length_ms) for length_ms in spec.windows_ms)
    yield "segments", _segments(spec)
    yield "false alarms", f"{spec.false_alarms}, {_traffic(spec)}"
    yield "detectors", ", ".join(spec.detectors)
    yield "data quality", f"alarms from {100 * spec.quality_share_max:g} % of the values of a window"
    yield "late events", f"counted up to {format_duration(spec.lateness_ms)} late"
    yield "idle", _idle(spec.idle_after_ms)
    yield "future events", f"counted up to {format_duration(spec.future_tolerance_ms)} ahead of the broker's clock"
    yield "repeats", f"dropped among the last {spec.dedup:,} ids" if spec.dedup else "counted again (dedup: 0)"
    for name, override in spec.fields.items():
        yield f"feature {name}", _feature(override)
    if spec.columns != ColumnMapping():
        yield "columns", _columns(spec.columns)
    yield "labels", f"waited for {format_duration(spec.labels.horizon_ms)}, in {_store(spec.labels)}"
    if spec.labels.positive is not None:
        yield "positive class", spec.labels.positive
    if spec.labels.columns != LabelColumns():
        yield "label columns", _named(spec.labels.columns, ("prediction_id", "timestamp", "label", "source", "weight"))
    if spec.fairness.metrics:
        yield "fairness", _fairness(spec)
    yield "config hash", config_hash(spec)


def _fairness(spec: ModelSpec) -> str:
    compared = spec.segments if spec.fairness.segments is None else spec.fairness.segments
    sets = ", ".join(" x ".join(keys) for keys in compared) or "no segments"
    return f"gaps of {', '.join(spec.fairness.metrics)} between segments of {sets}"


def _store(labels: LabelSpec) -> str:
    return f"memory (at most {labels.capacity:,} predictions)" if labels.store == "memory" else labels.store


def _segments(spec: ModelSpec) -> str:
    sets = ", ".join(" x ".join(keys) for keys in spec.segments)
    return f"the whole model, {sets} (at most {spec.segments_max:,})" if sets else "the whole model"


def _idle(idle_after_ms: int | None) -> str:
    if idle_after_ms is None:
        return "windows wait for the next event"
    return f"windows close after {format_duration(idle_after_ms)} without events"


def _traffic(spec: ModelSpec) -> str:
    if spec.events_per_week is None:
        return "over the traffic of the reference"
    per_alarm = spec.events_per_week / spec.false_alarms.per_week
    return f"over {spec.events_per_week:,.0f} events a week: 1 in {per_alarm:,.0f} events"


def _feature(override: FieldOverride) -> str:
    if not override.monitor:
        return "left out"
    words: list[str] = [override.kind] if override.kind else []
    words += [f"at least {override.min:g}"] if override.min is not None else []
    words += [f"at most {override.max:g}"] if override.max is not None else []
    words += ["one of " + ", ".join(override.categories)] if override.categories is not None else []
    return ", ".join(words) or "as the reference has it"


_SINGLE_COLUMNS = ("prediction_id", "timestamp", "prediction", "score", "model_version")


def _columns(columns: ColumnMapping) -> str:
    words = [_named(columns, _SINGLE_COLUMNS)]
    for kind in ("context", "measurements", "probabilities"):
        words += [f"{kind} {name} from {column}" for name, column in getattr(columns, kind).items()]
    words += ["features " + ", ".join(columns.features)] if columns.features is not None else []
    words += ["without " + ", ".join(columns.ignore)] if columns.ignore else []
    words += [f"numbers as timestamps in {columns.timestamp_unit}"] if columns.timestamp_unit != "ms" else []
    words += [f"rows spread over the {columns.timestamp_spread}"] if columns.timestamp_spread is not None else []
    words += [f"times without an offset in {columns.timezone}"] if columns.timezone != "UTC" else []
    return "; ".join(word for word in words if word)


def _named(columns: ColumnMapping | LabelColumns, names: tuple[str, ...]) -> str:
    return "; ".join(f"{name} from {getattr(columns, name)}" for name in names if getattr(columns, name) is not None)


def _broker(broker: BrokerSettings) -> Iterator[tuple[str, str]]:
    yield "servers", broker.bootstrap_servers
    yield "security", broker.security_protocol
    if broker.sasl is not None:
        password = "from the environment" if broker.sasl.password is not None else broker.sasl.password_file
        yield "login", f"{broker.sasl.username} by {broker.sasl.mechanism}"
        yield "password", password or "not set"
    for setting, file in broker.ssl or ():
        yield setting.removesuffix("_file"), file or "-"


def _topics(topics: TopicSettings) -> Iterator[tuple[str, str]]:
    for use, topic in topics:
        yield use.replace("_", " "), topic


def _dead_letters(dead_letters: DeadLetterSettings) -> Iterator[tuple[str, str]]:
    kept = {"full": "whole", "hash": "as its SHA-256", "none": "not kept"}
    yield "record", kept[dead_letters.payload]
    yield "at most", f"{dead_letters.per_second_max:,} a second and partition, then each hundredth"


def _worker(worker: WorkerSettings) -> Iterator[tuple[str, str]]:
    instance = f", as {worker.instance}" if worker.instance else ""
    yield "group", f"{worker.group}{instance}, silent for at most {format_duration(worker.session_timeout)}"
    yield "state", f"saved every {format_duration(worker.snapshot_every)}"
    yield "stalled", f"ends itself after {format_duration(worker.stalled_after)} without progress"
    yield "outbox", f"at most {worker.outbox_max:,} outputs wait for Kafka, compression {worker.compression}"
    yield "web", f"{worker.web.host}:{worker.web.port}"


def _rocksdb(rocksdb: RocksdbSettings) -> Iterator[tuple[str, str]]:
    yield "folder", rocksdb.folder or "-"
    yield "cache", f"{rocksdb.cache_mb:,} MiB, shared by all models of a worker"


def _redis(redis: RedisSettings) -> Iterator[tuple[str, str]]:
    yield "server", f"{redis.server}, database {redis.database}{', with TLS' if redis.tls else ''}"
    password = "from the environment" if redis.password is not None else redis.password_file
    yield "login", f"{redis.username or 'the default user'}, password {password or 'not set'}"
    for setting, file in redis.ssl or ():
        yield setting.removesuffix("_file"), file or "-"
    yield "keys", f"begin with {redis.prefix}, forgotten after {format_duration(redis.abandoned_after)} without a write"
    yield "timeout", format_duration(redis.timeout)
