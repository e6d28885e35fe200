"""Which topics are created, and what is said of those that exist."""

from __future__ import annotations

import re

import pytest

from driftline.config.broker_settings import TopicSettings
from driftline.sinks.topic_plan import PARTITIONS, ExistingTopic, TopicPlan, plan_topics, wanted_topics

NAMES = TopicSettings()
DAY_MS = 86_400_000


def _existing(partitions: int = 4, **settings: dict[str, str]) -> dict[str, ExistingTopic]:
    """All topics as they are created, with other settings for the uses that are named."""
    return {
        topic.name: ExistingTopic(topic.name, topic.partitions, 1, {**topic.settings, **settings.get(topic.use, {})})
        for topic in wanted_topics(NAMES, partitions, horizon_ms=7 * DAY_MS)
    }


def _resized(use: str, partitions: int) -> dict[str, ExistingTopic]:
    topics = _existing()
    name = getattr(NAMES, use)
    return {**topics, name: ExistingTopic(name, partitions, 1, topics[name].settings)}


def _plan(
    existing: dict[str, ExistingTopic], partitions: int | None = None, replication: int | None = None
) -> TopicPlan:
    return plan_topics(NAMES, existing, horizon_ms=7 * DAY_MS, partitions=partitions, replication=replication)


def test_on_an_empty_broker_everything_is_created_with_equally_many_partitions() -> None:
    plan = _plan({})
    assert plan.findings == ()
    count = {topic.use: topic.partitions for topic in plan.create}
    assert list(count) == list(TopicSettings.model_fields)
    assert count["predictions"] == count["labels"] == count["snapshots"] == PARTITIONS
    assert all(topic.settings["message.timestamp.type"] == "LogAppendTime" for topic in plan.create)


def test_what_is_missing_follows_the_inputs_that_exist_whatever_is_asked_for() -> None:
    topics = _existing(4)
    plan = _plan({NAMES.predictions: topics[NAMES.predictions]}, partitions=6)
    assert {t.use: t.partitions for t in plan.create if t.partitions > 1} == {"labels": 4, "windows": 4, "snapshots": 4}
    assert [str(finding) for finding in plan.findings] == [
        "driftline.predictions: has 4 partitions, 6 were asked for; it exists and is left as it is"
    ]


def test_topics_as_they_are_created_are_right() -> None:
    plan = _plan(_existing(), partitions=4, replication=1)
    assert plan == TopicPlan((), ())


@pytest.mark.parametrize("use", ["labels", "snapshots"])
def test_fewer_partitions_than_predictions_are_an_error_that_says_how_to_add_some(use: str) -> None:
    (finding,) = _plan(_resized(use, 2)).errors
    assert finding.what == "has 2 partitions, 4 are needed, as many as driftline.predictions has"
    assert f"kafka-topics --alter --topic {getattr(NAMES, use)} --partitions 4" in finding.remedy


@pytest.mark.parametrize("use", ["labels", "snapshots"])
def test_more_partitions_than_predictions_are_an_error_that_says_they_cannot_be_taken_away(use: str) -> None:
    (finding,) = _plan(_resized(use, 6)).errors
    assert finding.topic == getattr(NAMES, use)
    assert "partitions cannot be taken away" in finding.remedy


def test_windows_alerts_and_dead_letters_may_have_any_number_of_partitions() -> None:
    for use in ("windows", "alerts", "dead_letters"):
        assert _plan(_resized(use, 3)).findings == ()


BAD = {
    "snapshots that are not compacted": (
        {"snapshots": {"cleanup.policy": "delete"}}, "error",
        "which deletes the state of a partition that is quiet for long; set it: .* cleanup.policy=compact",
    ),
    "snapshots with retention beside compaction": (
        {"snapshots": {"cleanup.policy": "compact,delete"}}, "error", "cleanup.policy=compact,delete, which deletes",
    ),
    "snapshots too small for their parts": (
        {"snapshots": {"max.message.bytes": "100000"}}, "error", "at most 100,000 bytes, .* max.message.bytes=2097152",
    ),
    "compacted predictions": (
        {"predictions": {"cleanup.policy": "compact"}}, "error", "no more than the last event of each model",
    ),
    "record times of the producers": (
        {"labels": {"message.timestamp.type": "CreateTime"}}, "warning", r"\(CreateTime\), .* set it: .*=LogAppendTime",
    ),
    "predictions that are gone before their labels come": (
        {"predictions": {"retention.ms": "3600000"}}, "warning", "keeps records for 1h, less than labels .* a day; set",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("settings", "severity", "said"), BAD.values(), ids=BAD.keys())
def test_a_topic_that_is_wrong_is_told_with_what_to_do(
    settings: dict[str, dict[str, str]], severity: str, said: str
) -> None:
    (finding,) = _plan(_existing(**settings)).findings
    assert finding.severity == severity
    assert re.search(said, str(finding)), str(finding)


def test_inputs_without_retention_are_kept_long_enough() -> None:
    assert _plan(_existing(predictions={"retention.ms": "-1"})).findings == ()


def test_other_copies_than_asked_for_are_told() -> None:
    warnings = _plan(_existing(), replication=3).findings
    assert {finding.what for finding in warnings} == {"has 1 copies of each partition, 3 were asked for"}
