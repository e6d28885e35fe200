"""How a worker runs: its consumer group, how often it saves its state, where it serves health and metrics."""

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, WithJsonSchema, model_validator

from driftline.config.problems import Finding, Refusal, quoted, refuse_any
from driftline.config.section import Section, setting
from driftline.config.time_settings import BusyDuration, StallDuration

_GROUP: Final = re.compile(r"[A-Za-z0-9._-]{1,200}")
_HOST: Final = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:]{2,45}")


def _group(name: str) -> str:
    if _GROUP.fullmatch(name) is None:
        remedy = "write 1 to 200 of the characters A-Z a-z 0-9 . _ -"
        raise Refusal(Finding(f"{quoted(name)} is no name for a consumer group", remedy))
    return name


def _host(name: str) -> str:
    if _HOST.fullmatch(name) is None:
        raise Refusal(Finding(f"{quoted(name)} is no address", "write an address such as 127.0.0.1, without a port"))
    return name


Group = Annotated[
    str,
    AfterValidator(_group),
    WithJsonSchema({"type": "string", "pattern": f"^({_GROUP.pattern})$", "x-type": "name"}),
]
Host = Annotated[
    str,
    AfterValidator(_host),
    WithJsonSchema({"type": "string", "pattern": f"^({_HOST.pattern})$", "x-type": "address"}),
]


Compression = Literal["none", "gzip", "snappy", "lz4", "zstd"]


class WebSettings(Section):
    host: Host = setting(
        "127.0.0.1",
        "Address that /healthz, /readyz and /metrics are served on. Nobody is asked for a password: "
        "widen it only where the network is yours.",
    )
    port: int = setting(6066, "Port of the same; 0: any free one, which the log names.", ge=0, le=65_535)


class WorkerSettings(Section):
    group: Group = setting("driftline", "Consumer group; workers of one group share the partitions.")
    instance: Group | None = setting(
        None,
        "Name of this worker in its group, the same after a restart: it gets its partitions back without a rebalance. "
        "Each worker of a group needs its own.",
        example="worker-0",
    )
    snapshot_every: BusyDuration = setting("5s", "Time between two snapshots of the state.")
    session_timeout: StallDuration = setting(
        "10s", "Silence after which the group gives a worker's partitions to others."
    )
    stalled_after: StallDuration = setting(
        "60s", "A worker that has records to read and reads none for this long ends itself (exit code 70)."
    )
    outbox_max: int = setting(
        100_000,
        "Outputs that wait for Kafka at most; then reading pauses until some are written.",
        ge=100,
        le=10_000_000,
    )
    compression: Compression = setting(
        "zstd", "Of what the worker writes. `none` or `gzip` for consumers that can read nothing else."
    )
    web: WebSettings = setting({}, "Health and metrics over HTTP.")

    @model_validator(mode="after")
    def _stalls_are_longer_than_sessions(self) -> "WorkerSettings":
        if self.stalled_after < 2 * self.session_timeout:
            what = "is shorter than two session timeouts, so that every rebalance would end the worker"
            refuse_any([Finding(what, "write at least twice session_timeout", ("stalled_after",))])
        return self
