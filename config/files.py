"""The files that a configuration names: are they there?"""

from collections.abc import Iterator
from pathlib import Path as FilePath

from driftline.config.config import Config
from driftline.config.problems import Path, Problem, path_text
from driftline.config.section import Section

_BUILD = "build it with `driftline reference build`, or remove it to learn a reference from the first events"


def missing_files(config: Config) -> list[Problem]:
    """One problem for each file that is named and is not there.

    Apart from loading, because the configuration is read before its reference is built.
    """
    return [
        Problem(path_text(path), f"{file} does not exist", remedy)
        for path, file, remedy in _named_files(config)
        if not FilePath(file).is_file()
    ]


def _named_files(config: Config) -> Iterator[tuple[Path, str, str]]:
    for name, spec in config.models.items():
        if spec.reference is not None:
            yield ("models", name, "reference"), spec.reference, _BUILD
        for version, file in spec.references_by_version.items():
            yield ("models", name, "versions", version), file, _BUILD
    broker, redis = config.broker, config.join_stores.redis
    sections: list[tuple[Path, Section | None]] = [(("broker", "ssl"), broker.ssl), (("broker", "sasl"), broker.sasl)]
    if "redis" in config.stores_used:
        sections += [(("join_stores", "redis"), redis), (("join_stores", "redis", "ssl"), redis.ssl)]
    for path, section in sections:
        for setting, file in section or ():
            if setting.endswith("_file") and file is not None:
                yield (*path, setting), file, "write the path of a file that exists"
