"""Secrets: taken from the environment or from a file of their own, never from the configuration file, never shown.

A configuration file is committed, mailed and pasted into tickets; a password in it is refused even if it is right.
"""

from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any, Final

from pydantic import SecretStr

from driftline.config.broker_settings import SaslSettings
from driftline.config.environment import PREFIX
from driftline.config.outline import all_settings
from driftline.config.problems import ConfigError, Finding, Problem
from driftline.config.tree import Settings

PASSWORD_VARIABLE: Final = f"{PREFIX}BROKER__SASL__PASSWORD"
_PASSWORD_BYTES_MAX: Final = 4096


def take_out_secrets(data: dict[str, Any]) -> list[Finding]:
    """Remove secrets from the data of a file, so that nothing later can show them, and refuse them."""
    return list(_refused(data))


def sasl_password(sasl: SaslSettings) -> SecretStr | None:
    """The broker's password from the environment or the password file; None = none is given.

    A line end at the end of the file is not part of it. Raises ConfigError when the file cannot be read.
    """
    if sasl.password is not None or sasl.password_file is None:
        return sasl.password
    file = FilePath(sasl.password_file)
    try:
        with file.open("rb") as stream:
            text = stream.read(_PASSWORD_BYTES_MAX).decode("utf-8")
    except OSError as error:
        raise _unreadable(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise _unreadable("is not UTF-8") from None
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


def _unreadable(what: str) -> ConfigError:
    path = "broker.sasl.password_file"
    return ConfigError([Problem(path, what, f"write the path of a file that can be read, or set {PASSWORD_VARIABLE}")])
