"""The root of the configuration file."""

from typing import Literal

from driftline.config.broker_settings import BrokerSettings, TopicSettings
from driftline.config.model_settings import ModelSettings, SharedModelSettings
from driftline.config.name_settings import Name
from driftline.config.section import Named, Section, setting


class Settings(Section):
    version: Literal[1] = setting(1, "Version of this file's format.", place="file")
    discover: bool | None = setting(
        None,
        (
            "Whether models that are not listed are monitored too, with the settings of `defaults`. "
            "Without it: only when no model is listed."
        ),
    )
    broker: BrokerSettings = setting({}, "How Kafka is reached.")
    topics: TopicSettings = setting({}, "Names of the topics.")
    defaults: SharedModelSettings = setting(
        {},
        "Settings of all models, listed or discovered, that do not say otherwise.",
    )
    models: Named[Name, ModelSettings] = setting({}, "The models to monitor, by name.")
