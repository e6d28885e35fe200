"""The configuration that the program runs with: every model's specification, the broker, the topics."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from driftline.config.broker_settings import BrokerSettings, TopicSettings
from driftline.config.dead_letter_settings import DeadLetterSettings
from driftline.config.frozen_map import FrozenMap
from driftline.config.join_store_settings import JoinStoreSettings
from driftline.config.model_spec import LabelStore, ModelSpec
from driftline.config.worker_settings import WorkerSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What a configuration file says, with defaults filled in. Made by `load_config` or `default_config`."""

    models: Mapping[str, ModelSpec] = field(default_factory=FrozenMap)
    """the models that are listed, by name"""
    discover: bool = True
    """whether other models are monitored too"""
    defaults: ModelSpec = field(default_factory=lambda: ModelSpec(name=""))
    """what holds for a model that is not listed"""
    broker: BrokerSettings = field(default_factory=BrokerSettings)
    topics: TopicSettings = field(default_factory=TopicSettings)
    dead_letters: DeadLetterSettings = field(default_factory=DeadLetterSettings)
    worker: WorkerSettings = field(default_factory=WorkerSettings)
    join_stores: JoinStoreSettings = field(default_factory=JoinStoreSettings)

    def __post_init__(self) -> None:
        object.__setattr__(self, "models", FrozenMap(self.models))

    @property
    def stores_used(self) -> set[LabelStore]:
        """The join stores of the models that are listed, and of the others if they are discovered."""
        specs = [*self.models.values(), *([self.defaults] if self.discover else [])]
        return {spec.labels.store for spec in specs}

    def spec_for(self, model: str) -> ModelSpec | None:
        """The specification of a model; None = it is not monitored: not listed, and models are not discovered."""
        listed = self.models.get(model)
        if listed is not None or not self.discover:
            return listed
        return dataclasses.replace(self.defaults, name=model)
