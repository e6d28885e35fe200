"""What a worker says of itself and of what it alone can see; it is not in the log, so a replay does not say it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from driftline.processors.signal_ids import digest
from driftline.schemas.signals import Health, HealthCode


def ticks_refused(topic: str) -> Health:
    """The worker has no right to write to an input."""
    return Health(
        id=digest("health", HealthCode.NO_WRITE_PERMISSION, topic),
        code=HealthCode.NO_WRITE_PERMISSION,
        message=f"the worker may not write to {topic}, which its ticks need: windows of models that fall silent stay "
        "open until their next event. Grant it WRITE on the topic, or set idle_after: never",
        detail={"topic": topic},
    )


def on_two_partitions(models: Mapping[int, Iterable[str]]) -> list[Health]:
    """For each model that is on several of these partitions. `models`: those met on each.

    >>> [health.model for health in on_two_partitions({0: ["a", "b"], 3: ["b"]})]
    ['b']
    """
    places: dict[str, list[int]] = {}
    for partition, met in sorted(models.items()):
        for model in met:
            places.setdefault(model, []).append(partition)
    return [_on_two(model, at) for model, at in sorted(places.items()) if len(at) > 1]


def _on_two(model: str, partitions: list[int]) -> Health:
    return Health(
        id=digest("health", HealthCode.MODEL_ON_TWO_PARTITIONS, model),
        model=model,
        partition=partitions[0],
        code=HealthCode.MODEL_ON_TWO_PARTITIONS,
        message=f"events of {model!r} arrive on partitions {', '.join(map(str, partitions))}: each part is watched on "
        "its own, with less power. Make the model the record's key, and partition by murmur2",
        detail={"partitions": ",".join(map(str, partitions))},
    )
