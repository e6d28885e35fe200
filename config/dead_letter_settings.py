"""What is kept of records that could not be read."""

from typing import Literal

from driftline.config.section import Section, setting


class DeadLetterSettings(Section):
    payload: Literal["full", "hash", "none"] = setting(
        "full",
        "What the dead-letter topic keeps of a record: all of it, so that it can be mended and sent again; its SHA-256, "
        "where that topic has more readers than the predictions; or nothing.",
    )
    per_second_max: int = setting(
        100,
        "Dead letters written for each second of record time of a partition. Of a flood beyond, each hundredth is; "
        "all are counted.",
        ge=1,
        le=100_000,
    )
