"""The topics that driftline stands on: which are to be created, and what is wrong with those that exist.

Only decisions: `topic_admin.py` asks the broker and creates.

The rules, and why:

- predictions, labels and snapshots have equally many partitions. One partition holds the total order of a model; its
  labels have to reach the same worker, and its state is kept under the same number.
- Record time is the time at which the broker appended (LogAppendTime): it bounds event time, and orders predictions and
  labels. With CreateTime a producer's clock does that.
- Snapshots are compacted and nothing else: retention would delete the state of a quiet partition.
- Inputs are kept at least as long as labels are waited for: a worker without a store reads them again from there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from driftline.config.broker_settings import TopicSettings
from driftline.config.durations import format_duration

PARTITIONS: Final = 8
"""Of the inputs, when nothing says otherwise: as many workers can share them. Later changes move keys."""

_DAY_MS: Final = 86_400_000
_RETENTION_MS_MIN: Final = 7 * _DAY_MS  # Kafka's own default
_OUTPUT_RETENTION_MS: Final = 30 * _DAY_MS
_RECORD_BYTES_MAX: Final = 2 * 2**20
"""Events may have 1 MiB, to which key and headers come; Kafka's default is 1 MiB with everything."""

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class WantedTopic:
    use: str
    """the setting under `topics` that names it"""
    name: str
    partitions: int
    settings: Mapping[str, str]
    """what Kafka's own defaults would get wrong"""


@dataclass(frozen=True, slots=True)
class ExistingTopic:
    name: str
    partitions: int
    replication: int
    settings: Mapping[str, str]
    """all of them, defaults too"""


@dataclass(frozen=True, slots=True)
class TopicFinding:
    """An error keeps a worker from being right; a warning is told."""

    severity: Severity
    topic: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.what}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class TopicPlan:
    create: tuple[WantedTopic, ...]
    findings: tuple[TopicFinding, ...]

    @property
    def errors(self) -> tuple[TopicFinding, ...]:
        return tuple(finding for finding in self.findings if finding.severity == "error")


def plan_topics(
    names: TopicSettings,
    existing: Mapping[str, ExistingTopic],
    *,
    horizon_ms: int,
    partitions: int | None = None,
    replication: int | None = None,
) -> TopicPlan:
    """What to create, and what differs from what there is.

    Args:
        existing: by name; topics of other names are left alone.
        horizon_ms: the longest time that labels are waited for.
        partitions: of the inputs and snapshots, if asked for.
        replication: copies of each partition, if asked for.
    """
    inputs = (names.predictions, names.labels, names.snapshots)
    there = next((existing[name].partitions for name in inputs if name in existing), None)
    wanted = wanted_topics(names, there or partitions or PARTITIONS, horizon_ms)
    findings: list[TopicFinding] = []
    for topic in wanted:
        if topic.name in existing:
            findings += _differences(topic, existing[topic.name], names.predictions)
            findings += _not_as_asked(existing[topic.name], partitions if topic.name in inputs else None, replication)
    create = tuple(topic for topic in wanted if topic.name not in existing)
    return TopicPlan(create, tuple(findings))


def wanted_topics(names: TopicSettings, partitions: int, horizon_ms: int) -> list[WantedTopic]:
    """All topics, in the order of the configuration. horizon_ms: the longest time that labels are waited for."""
    every = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": str(_RECORD_BYTES_MAX)}
    # a day more than the horizon: a worker that comes back from an outage still finds what it has to read again
    kept = {**every, "cleanup.policy": "delete", "retention.ms": str(max(_RETENTION_MS_MIN, horizon_ms + _DAY_MS))}
    output = {**every, "cleanup.policy": "delete", "retention.ms": str(_OUTPUT_RETENTION_MS)}
    snapshots = {
        **every,
        "cleanup.policy": "compact",
        # only closed segments are compacted: small ones and young ones, so that a restore reads little that is obsolete
        "segment.bytes": str(64 * 2**20),
        "segment.ms": str(_DAY_MS // 24),
        "min.cleanable.dirty.ratio": "0.1",
        # tombstones outlive any restore that began before them
        "delete.retention.ms": str(_DAY_MS),
    }
    return [
        WantedTopic("predictions", names.predictions, partitions, kept),
        WantedTopic("labels", names.labels, partitions, kept),
        WantedTopic("alerts", names.alerts, 1, output),
        WantedTopic("windows", names.windows, partitions, output),
        WantedTopic("dead_letters", names.dead_letters, 1, output),
        WantedTopic("snapshots", names.snapshots, partitions, snapshots),
    ]


def _differences(wanted: WantedTopic, topic: ExistingTopic, predictions: str) -> Iterator[TopicFinding]:
    if wanted.use in ("predictions", "labels", "snapshots") and topic.partitions != wanted.partitions:
        yield _unequal_partitions(wanted, topic, predictions)
    if wanted.use == "snapshots":
        yield from _unfit_for_state(wanted, topic)
    if wanted.use in ("predictions", "labels"):
        yield from _unfit_for_events(wanted, topic)


def _unequal_partitions(wanted: WantedTopic, topic: ExistingTopic, predictions: str) -> TopicFinding:
    what = f"has {_count(topic.partitions)}, {wanted.partitions} are needed, as many as {predictions} has"
    if topic.name == predictions:
        what = f"has {_count(topic.partitions)}, its labels and snapshots have {wanted.partitions}"
    if topic.partitions < wanted.partitions:
        alter = f"kafka-topics --alter --topic {topic.name} --partitions {wanted.partitions}"
        return TopicFinding("error", topic.name, what, f"add partitions while no worker runs: {alter}")
    remedy = "partitions cannot be taken away: delete it and create it again, or name another topic under topics"
    return TopicFinding("error", topic.name, what, remedy)


def _unfit_for_state(wanted: WantedTopic, topic: ExistingTopic) -> Iterator[TopicFinding]:
    policy = topic.settings.get("cleanup.policy", "delete")
    if policy != "compact":
        what = f"has cleanup.policy={policy}, which deletes the state of a partition that is quiet for long"
        yield TopicFinding("error", topic.name, what, _set(topic.name, "cleanup.policy=compact"))
    bytes_max = int(topic.settings.get("max.message.bytes", _RECORD_BYTES_MAX))
    if bytes_max < 2**20:
        what = f"takes records of at most {bytes_max:,} bytes, parts of the state can have 1 MiB"
        setting = f"max.message.bytes={wanted.settings['max.message.bytes']}"
        yield TopicFinding("error", topic.name, what, _set(topic.name, setting))


def _unfit_for_events(wanted: WantedTopic, topic: ExistingTopic) -> Iterator[TopicFinding]:
    policy = topic.settings.get("cleanup.policy", "delete")
    if "compact" in policy:
        what = f"has cleanup.policy={policy}, which keeps no more than the last event of each model"
        yield TopicFinding("error", topic.name, what, _set(topic.name, "cleanup.policy=delete"))
    if topic.settings.get("message.timestamp.type", "LogAppendTime") != "LogAppendTime":
        what = "has the record times of its producers (CreateTime), so a wrong clock of theirs is not noticed"
        remedy = _set(topic.name, "message.timestamp.type=LogAppendTime")
        yield TopicFinding("warning", topic.name, what, remedy)
    kept_ms, needed_ms = int(topic.settings.get("retention.ms", -1)), int(wanted.settings["retention.ms"])
    if 0 <= kept_ms < needed_ms:
        what = f"keeps records for {format_duration(kept_ms)}, less than labels are waited for and a day"
        if needed_ms == _RETENTION_MS_MIN:
            what = f"keeps records for {format_duration(kept_ms)} only"
        yield TopicFinding("warning", topic.name, what, _set(topic.name, f"retention.ms={needed_ms}"))


def _not_as_asked(topic: ExistingTopic, partitions: int | None, replication: int | None) -> Iterator[TopicFinding]:
    remedy = "it exists and is left as it is"
    if partitions not in (None, topic.partitions):
        what = f"has {_count(topic.partitions)}, {partitions} were asked for"
        yield TopicFinding("warning", topic.name, what, remedy)
    if replication not in (None, topic.replication):
        what = f"has {topic.replication} copies of each partition, {replication} were asked for"
        yield TopicFinding("warning", topic.name, what, remedy)


def _set(topic: str, setting: str) -> str:
    return f"set it: kafka-configs --alter --entity-type topics --entity-name {topic} --add-config {setting}"


def _count(partitions: int) -> str:
    return "1 partition" if partitions == 1 else f"{partitions} partitions"
