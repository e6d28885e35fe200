"""The root of the configuration file."""

from typing import Literal

from pydantic import model_validator

from driftline.config.broker_settings import BrokerSettings, TopicSettings
from driftline.config.dead_letter_settings import DeadLetterSettings
from driftline.config.join_store_settings import JoinStoreSettings
from driftline.config.model_settings import LabelSettings, ModelSettings, SharedModelSettings
from driftline.config.name_settings import Name
from driftline.config.problems import Finding, Path, refuse_any
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
    join_stores: JoinStoreSettings = setting({}, "Where predictions wait for labels, if not in memory.")
    defaults: SharedModelSettings = setting(
        {},
        "Settings of all models, listed or discovered, that do not say otherwise.",
    )
    models: Named[Name, ModelSettings] = setting({}, "The models to monitor, by name.")

    @model_validator(mode="after")
    def _rocksdb_has_a_folder(self) -> "Settings":
        if self.join_stores.rocksdb.folder is None:
            labels: dict[Path, LabelSettings] = {("defaults",): self.defaults.labels}
            labels |= {("models", name): model.labels for name, model in self.models.items()}
            what, remedy = "rocksdb needs a folder", "write join_stores.rocksdb.folder"
            refuse_any(
                Finding(what, remedy, (*path, "labels", "store"))
                for path, section in labels.items()
                if section.store == "rocksdb"
            )
        return self
