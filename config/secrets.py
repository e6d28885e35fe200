"""Secrets: taken from the environment or from a file of their own, never from the configuration file, never shown.

A configuration file is committed, mailed and pasted into tickets; a password in it is refused even if it is right.
"""

from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any, Final

from pydantic import SecretStr

from driftline.config.broker_settings import SaslSettings
from driftline.config.environment import PREFIX
from driftline.config.join_store_settings import RedisSettings
from driftline.config.outline import all_settings
from driftline.config.problems import ConfigError, Finding, Problem
from driftline.config.tree import Settings

PASSWORD_VARIABLE: Final = f"{PREFIX}BROKER__SASL__PASSWORD"
REDIS_PASSWORD_VARIABLE: Final = f"{PREFIX}JOIN_STORES__REDIS__PASSWORD"
_PASSWORD_BYTES_MAX: Final = 4096


def take_out_secrets(data: dict[str, Any]) -> list[Finding]:
    """Remove secrets from the data of a file, so that nothing later can show them, and refuse them."""
    return list(_refused(data))


def sasl_password(sasl: SaslSettings) -> SecretStr | None:
    """The broker's password from the environment or the password file; None = none is given.

    Raises ConfigError when the file cannot be read.
    """
    return _password(sasl.password, sasl.password_file, "broker.sasl", PASSWORD_VARIABLE)


def redis_password(redis: RedisSettings) -> SecretStr | None:
    """The same for Redis."""
    return _password(redis.password, redis.password_file, "join_stores.redis", REDIS_PASSWORD_VARIABLE)


def _password(password: SecretStr | None, password_file: str | None, section: str, variable: str) -> SecretStr | None:
    """A line end at the end of the file is not part of the password."""
    if password is not None or password_file is None:
        return password
    try:
        with FilePath(password_file).open("rb") as stream:
            text = stream.read(_PASSWORD_BYTES_MAX).decode("utf-8")
    except OSError as error:
        raise _unreadable(f"cannot be read: {error.strerror}", section, variable) from None
    except UnicodeDecodeError:
        raise _unreadable("is not UTF-8", section, variable) from None
    return SecretStr(text.removesuffix("\n").removesuffix("\r"))


def _refused(data: dict[str, Any]) -> Iterator[Finding]:
    for path, setting in all_settings(Settings):
        if setting.place != "environment":
            continue
        section: Any = data
        for part in path[:-1]:
            section = section.get(part) if isinstance(section, dict) else None
        if isinstance(section, dict) and section.pop(path[-1], None) is not None:
            variable = PREFIX + "__".join(str(part).upper() for part in path)
            remedy = f"remove it, and set {variable} or write {setting.name}_file"
            yield Finding("a secret does not belong into this file", remedy, path)


def _unreadable(what: str, section: str, variable: str) -> ConfigError:
    remedy = f"write the path of a file that can be read, or set {variable}"
    return ConfigError([Problem(f"{section}.password_file", what, remedy)])
