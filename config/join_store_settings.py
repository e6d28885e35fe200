"""Where predictions wait for labels outside the worker's memory; which model waits where is its own `labels.store`."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, SecretStr, WithJsonSchema, model_validator

from driftline.config.broker_settings import SslSettings
from driftline.config.name_settings import Text
from driftline.config.problems import Finding, Refusal, quoted, refuse_any
from driftline.config.section import Section, setting
from driftline.config.time_settings import Abandonment, BusyDuration

_SERVER: Final = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")
_PREFIX: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def _server(text: str) -> str:
    match = _SERVER.fullmatch(text)
    if match is None or not 1 <= int(match[2]) <= 65_535:
        shown = "a text with a login in it" if "@" in text else quoted(text)
        raise Refusal(Finding(f"{shown} is not a server", "write host:port; a login has settings of its own"))
    return text


def _prefix(text: str) -> str:
    if _PREFIX.fullmatch(text) is None:
        what = f"{quoted(text)} is no prefix for keys"
        raise Refusal(Finding(what, "write 1 to 64 of the characters A-Z a-z 0-9 . _ -"))
    return text


Server = Annotated[
    str,
    AfterValidator(_server),
    WithJsonSchema({"type": "string", "pattern": f"^({_SERVER.pattern})$", "x-type": "host:port"}),
]
Prefix = Annotated[
    str,
    AfterValidator(_prefix),
    WithJsonSchema({"type": "string", "pattern": f"^({_PREFIX.pattern})$", "x-type": "name"}),
]


class RocksdbSettings(Section):
    folder: Text | None = setting(
        None,
        "Folder on the worker's own disk; every worker, partition and model has one of its own below it.",
        example="/var/lib/driftline/join-stores",
    )
    cache_mb: int = setting(
        64, "Memory that all models of a worker share for blocks, indexes and filters, in MiB.", ge=8, le=1 << 20
    )


class RedisSettings(Section):
    server: Server = setting("localhost:6379", "Redis server, host:port.", example="redis:6379")
    database: int = setting(0, "Number of the database.", ge=0, le=1_000_000)
    username: Text | None = setting(None, "Name of the ACL user. Without it: the default user.", example="driftline")
    password: SecretStr | None = setting(
        None,
        "Password, from the environment only: DRIFTLINE_JOIN_STORES__REDIS__PASSWORD.",
        place="environment",
    )
    password_file: Text | None = setting(
        None, "File that holds the password and nothing else.", example="/run/secrets/redis-password"
    )
    tls: bool = setting(False, "Whether to encrypt.")
    ssl: SslSettings | None = setting(None, "Certificates, for `tls: true`.")
    prefix: Prefix = setting("driftline", "What all keys begin with; installations that share a Redis need one each.")
    timeout: BusyDuration = setting("1s", "How long an answer may take; after that Redis is left alone for a while.")
    abandoned_after: Abandonment = setting(
        "30d",
        "Redis forgets a model's predictions when nothing was written for so long, such as those of a model that is gone.",
    )

    @model_validator(mode="after")
    def _one_password_and_certificates_for_tls(self) -> "RedisSettings":
        findings = []
        if self.password is not None and self.password_file is not None:
            what = "the password is in the environment too"
            findings.append(Finding(what, "remove one of the two", ("password_file",)))
        if self.username is not None and self.password is None and self.password_file is None:
            remedy = "write password_file, or set DRIFTLINE_JOIN_STORES__REDIS__PASSWORD"
            findings.append(Finding("stands without a password", remedy, ("username",)))
        if self.ssl is not None and not self.tls:
            findings.append(Finding("is not used without tls", "write tls: true, or remove it", ("ssl",)))
        refuse_any(findings)
        return self


class JoinStoreSettings(Section):
    rocksdb: RocksdbSettings = setting({}, "For models with `labels.store: rocksdb`.")
    redis: RedisSettings = setting({}, "For models with `labels.store: redis`.")
