"""The validated tree, as an operator wrote it, to the frozen specification that the core reads."""

import os

from driftline.config.broker_settings import BrokerSettings
from driftline.config.config import Config
from driftline.config.frozen_map import FrozenMap
from driftline.config.join_store_settings import JoinStoreSettings
from driftline.config.model_settings import ColumnSettings, LabelSettings, ModelSettings, SharedModelSettings
from driftline.config.model_spec import ColumnMapping, FairnessSpec, FieldOverride, LabelColumns, LabelSpec, ModelSpec
from driftline.config.section import Section
from driftline.config.tree import Settings


def resolve(settings: Settings, folder: str) -> Config:
    """Return the configuration; relative paths start at `folder`, that of the configuration file."""
    models = FrozenMap((name, _spec(name, model, folder)) for name, model in settings.models.items())
    return Config(
        models=models,
        discover=not models if settings.discover is None else settings.discover,
        defaults=_spec("", settings.defaults, folder),
        broker=_broker(settings.broker, folder),
        topics=settings.topics,
        dead_letters=settings.dead_letters,
        worker=settings.worker,
        join_stores=_join_stores(settings.join_stores, folder),
    )


def _spec(name: str, settings: SharedModelSettings, folder: str) -> ModelSpec:
    own = settings if isinstance(settings, ModelSettings) else ModelSettings()
    return ModelSpec(
        name=name,
        task=settings.task,
        reference=None if own.reference is None else _path(own.reference, folder),
        references_by_version=FrozenMap((version, _path(path, folder)) for version, path in own.versions.items()),
        windows_ms=settings.windows,
        segments=settings.segments,
        segments_max=settings.segments_max,
        false_alarms=settings.false_alarms,
        events_per_week=settings.events_per_week,
        lateness_ms=settings.lateness,
        idle_after_ms=settings.idle_after,
        future_tolerance_ms=settings.future_tolerance,
        dedup=settings.dedup,
        learn_from=settings.learn_from,
        detectors=settings.detectors,
        fields=FrozenMap((name, FieldOverride(**dict(feature))) for name, feature in settings.features.items()),
        columns=_columns(settings.columns),
        labels=_labels(settings.labels),
        fairness=FairnessSpec(**dict(settings.fairness)),
        quality_share_max=settings.quality_share_max,
    )


def _broker(settings: BrokerSettings, folder: str) -> BrokerSettings:
    sections = {"sasl": settings.sasl, "ssl": settings.ssl}
    return settings.model_copy(update={name: _with_paths(section, folder) for name, section in sections.items()})


def _join_stores(settings: JoinStoreSettings, folder: str) -> JoinStoreSettings:
    rocksdb = settings.rocksdb
    if rocksdb.folder is not None:
        rocksdb = rocksdb.model_copy(update={"folder": _path(rocksdb.folder, folder)})
    redis = settings.redis.model_copy(update={"ssl": _with_paths(settings.redis.ssl, folder)})
    return settings.model_copy(update={"rocksdb": rocksdb, "redis": _with_paths(redis, folder)})


def _with_paths(settings: Section | None, folder: str) -> Section | None:
    if settings is None:
        return None
    files = {name: file for name, file in settings if name.endswith("_file") and file is not None}
    return settings.model_copy(update={name: _path(file, folder) for name, file in files.items()})


def _columns(settings: ColumnSettings) -> ColumnMapping:
    return ColumnMapping(**dict(settings))


def _labels(settings: LabelSettings) -> LabelSpec:
    return LabelSpec(
        horizon_ms=settings.horizon,
        positive=settings.positive,
        store=settings.store,
        capacity=settings.capacity,
        columns=LabelColumns(**dict(settings.columns)),
    )


def _path(path: str, folder: str) -> str:
    return os.path.normpath(os.path.join(folder, path))
