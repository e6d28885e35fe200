"""The root of the configuration file."""

from typing import Literal

from driftline.config.broker_settings import BrokerSettings, TopicSettings
from driftline.config.dead_letter_settings import DeadLetterSettings
from driftline.config.model_settings import ModelSettings, SharedModelSettings
from driftline.config.name_settings import Name
from driftline.config.section import Named, Section, setting
from driftline.config.worker_settings import WorkerSettings


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
    dead_letters: DeadLetterSettings = setting({}, "What is kept of records that could not be read.")
    worker: WorkerSettings = setting({}, "How a worker runs.")
    defaults: SharedModelSettings = setting(
        {},
        "Settings of all models, listed or discovered, that do not say otherwise.",
    )
    models: Named[Name, ModelSettings] = setting({}, "The models to monitor, by name.")
