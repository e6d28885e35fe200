"""What the benchmarks of the live side stand on: a real Kafka, topics, a configuration, and `driftline worker` processes.

Everything lies in a folder that git ignores, and the broker ends with the benchmark. Nothing else should run meanwhile.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from events import FIRST_DAY_MS, MODEL, blocks
from layout import DATA, REFERENCE, RESULTS
from msgspec.structs import replace

from driftline.processors.reference.profile import decode_reference, encode_reference
from tests.servers.kafka import KafkaServer, what_is_missing
from tests.streaming.worker_process import WorkerProcess

PARTITIONS: Final = 4
MODELS: Final = tuple(f"{MODEL}_{country}" for country in ("ap", "sa", "in", "eu", "se", "it", "no", "gr"))
"""By murmur2 of their names, which is what every Kafka client does with keys, model i lies on partition i modulo 4."""

REFERENCE_ROWS: Final = 50_000
SEGMENTS: Final = ["region", ["region", "device"]]

_MODEL_IN_LINE: Final = b'"model":"%b"'


@contextmanager
def real_kafka(name: str) -> Iterator[KafkaServer]:
    """A fresh broker; its JVM compiles as in use. Ends this program with the reason when none can be started."""
    missing = what_is_missing()
    if missing is not None:
        sys.exit(missing)
    folder = DATA / name
    shutil.rmtree(folder, ignore_errors=True)
    with KafkaServer(folder / "kafka", quick=False, heap_mb=1024) as kafka:
        yield kafka


@dataclass
class Stage:
    """One consumer group with topics of its own; `predictions`: a topic that several stages read.

    models: settings by model. worker, more: sections of the configuration.
    """

    kafka: KafkaServer
    name: str
    models: Mapping[str, Mapping[str, Any]]
    partitions: int = PARTITIONS
    predictions: str | None = None
    worker: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    workers: list[WorkerProcess] = field(default_factory=list)

    @cached_property
    def topics(self) -> dict[str, str]:
        uses = ("predictions", "labels", "alerts", "windows", "dead_letters", "snapshots")
        named = {use: f"{self.name}.{use.replace('_', '-')}" for use in uses}
        return {**named, **({} if self.predictions is None else {"predictions": self.predictions})}

    @cached_property
    def config_file(self) -> Path:
        """JSON is YAML."""
        settings = {
            "version": 1,
            "broker": {"bootstrap_servers": self.kafka.bootstrap_servers},
            "topics": self.topics,
            "worker": {"group": self.name, "web": {"port": 0}, **self.worker},
            "models": dict(self.models),
            **self.more,
        }
        path = self.kafka.folder.parent / f"{self.name}.json"
        path.write_text(json.dumps(settings, indent=2), encoding="utf-8")
        return path

    def create_topics(self) -> None:
        """As an operator does: with LogAppendTime, and snapshots compacted."""
        driftline("topics", "create", "--config", str(self.config_file), "--partitions", str(self.partitions))

    def delete_topics(self) -> None:
        """All but a topic that others read too."""
        own = [name for use, name in self.topics.items() if name != self.predictions]
        admin = self.kafka.admin()
        for future in admin.delete_topics(own).values():
            future.result()

    def start_worker(self) -> WorkerProcess:
        """One more; its log lies beside the configuration."""
        log = self.kafka.folder.parent / f"{self.name}-{len(self.workers)}.log"
        self.workers.append(WorkerProcess(self.config_file, log))
        return self.workers[-1]

    def __enter__(self) -> Stage:
        self.create_topics()
        return self

    def __exit__(self, *error: object) -> None:
        for worker in self.workers:
            if worker.exit_code is None:
                worker.kill()


def driftline(*arguments: str) -> None:
    """Run a command of driftline to its end. Ends this program with what it said if it fails."""
    done = subprocess.run([sys.executable, "-m", "driftline.cli", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"driftline {' '.join(arguments)}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")


def build_references(folder: Path, models: Iterable[str], rows: int = REFERENCE_ROWS) -> dict[str, Path]:
    """The profile of a day without drift, as that of each of these models."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / REFERENCE).open("wb") as file:
        file.writelines(blocks(1, 0, FIRST_DAY_MS, rows, None, 0))
    config, profile = folder / "reference.yaml", folder / "reference.json"
    settings = {"task": "binary", "segments": SEGMENTS, "reference": str(profile)}
    config.write_text(json.dumps({"version": 1, "models": {MODEL: settings}}), encoding="utf-8")
    driftline("reference", "build", str(folder / REFERENCE), "--config", str(config))
    reference = decode_reference(profile.read_bytes(), name=str(profile))
    paths = {model: folder / f"{model}.json" for model in models}
    for model, path in paths.items():
        path.write_bytes(encode_reference(replace(reference, model=model)))
    return paths


def of_model(lines: bytes, model: str) -> bytes:
    """Generated lines, as those of another model."""
    return lines.replace(_MODEL_IN_LINE % MODEL.encode(), _MODEL_IN_LINE % model.encode())


def from_log(worker: WorkerProcess, pattern: str) -> list[str]:
    """What a pattern finds in the log of a worker."""
    return re.findall(pattern, worker.log_text())


def write_and_print(name: str, measured: Mapping[str, Any], table: Sequence[str], bars: Sequence[str]) -> None:
    """Keep the results of a benchmark, with its bars for the summary of run.py, and show them."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps({**measured, "bars": bars}, indent=2) + "\n")
    print("\n".join([*table, *bars]))
