"""The configuration of commands that may be told on the command line which Kafka to use."""

from __future__ import annotations

import os
from pathlib import Path

from driftline.config.config import Config
from driftline.config.load import default_config, load_config


def settings_with(config: Path | None, bootstrap_servers: str | None) -> Config:
    """The configuration, or defaults; with these servers in the place of its own. Raises ConfigError."""
    environ = dict(os.environ)
    if bootstrap_servers is not None:
        environ["DRIFTLINE_BROKER__BOOTSTRAP_SERVERS"] = bootstrap_servers  # so it is checked as all settings are
    return load_config(config, environ) if config is not None else default_config(environ)
