"""Files of certificates and keys: asked for before a client is made, because clients do not say which one is missing."""

from pathlib import Path

from driftline.config.broker_settings import SslSettings
from driftline.config.problems import ConfigError, Problem


def readable_files(section: SslSettings, path: str) -> dict[str, str]:
    """The files that are named, by setting. Raises ConfigError, with `path` of the section, when one cannot be read."""
    files = {setting: file for setting, file in section if file is not None}
    for setting, file in files.items():
        try:
            with Path(file).open("rb"):
                pass
        except OSError as error:
            what = f"{file} cannot be read: {error.strerror}"
            raise unusable(path, setting, what, "write the path of a file that can be read") from None
    return files


def unusable(path: str, setting: str, what: str, remedy: str) -> ConfigError:
    """A file that cannot be used."""
    return ConfigError([Problem(f"{path}.{setting}", what, remedy)])
