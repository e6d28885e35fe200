"""A real Kafka on this machine: one KRaft node as a process of its own, for tests, benchmarks and fault injection.

    with KafkaServer(folder) as kafka:
        kafka.create_topics({"predictions": 4})
        ...
        kafka.kill()        # kill -9: whatever was not replicated is in the page cache, and survives
        kafka.restart()     # same data, same port

The jars come from tests/servers/pom.xml by `make servers`.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from tests.servers.kafka_properties import CONTROLLER, Security, server_properties
from tests.servers.ports import free_ports

JARS: Final = Path(__file__).parent / "jars"

_CLUSTER: Final = "driftline-tests"
_START_S_MAX: Final = 60.0
_STOP_S_MAX: Final = 30.0
_TOPICS_S_MAX: Final = 20.0
_PORT_ATTEMPTS: Final = 3
_LOG_SHOWN: Final = 2000


def what_is_missing() -> str | None:
    """Why no Kafka can be started here, as a reason to skip a test; None = nothing is missing."""
    if shutil.which("java") is None:
        return "no java: a real Kafka needs Java 17 (Debian: openjdk-17-jdk-headless)"
    if not (JARS / ".stamp").exists():
        return "no jars of Kafka: run `make servers`, which needs Maven (Debian: maven)"
    return None


class KafkaServer:
    """One broker that is its own controller, on free ports of 127.0.0.1, with its data in `folder`.

    The broker ends with the thread that started it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        options: Mapping[str, str] | None = None,
        security: Security | None = None,
        heap_mb: int = 512,
        quick: bool = True,
    ) -> None:
        """options: server.properties that win over those for tests. security: logins and access control.

        quick: the JVM compiles lightly: up sooner, but slower under load. Benchmarks say False.
        """
        self.folder = folder
        self._options = dict(options or {})
        self._security = security
        # setpriv: however this process ends, the broker does not stay behind
        guarded = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        self._java = [
            *guarded,
            "java",
            f"-Xmx{heap_mb}m",
            "-XX:+UseSerialGC",
            *(["-XX:TieredStopAtLevel=1"] if quick else []),
        ]
        self._java += ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{JARS}/*"]
        self._ports: dict[str, int] = {}
        self._process: subprocess.Popen[bytes] | None = None

    # --- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start with fresh data and return when clients are served. Raises RuntimeError with the end of the log."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            self._format()
            try:
                return self.restart()
            except RuntimeError as error:
                # somebody else may have taken a port since it was found free
                if attempt == _PORT_ATTEMPTS or "already in use" not in str(error):
                    raise

    def restart(self) -> None:
        """Start, stop before if it runs, with the data and the ports that it had."""
        self.stop()
        with (self.folder / "server.log").open("ab") as log:
            command = [*self._java, "kafka.Kafka", str(self._properties)]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """SIGTERM: logs are flushed, groups are left in order; kill -9 if it takes too long."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def kill(self) -> None:
        """SIGKILL, at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """SIGSTOP: connections stay open and nothing answers, as with a broker that hangs."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def __enter__(self) -> KafkaServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        shutil.rmtree(self.folder / "data", ignore_errors=True)

    # --- use ----------------------------------------------------------------------------------------------------------

    @property
    def bootstrap_servers(self) -> str:
        return self.address("PLAINTEXT")

    def address(self, listener: str) -> str:
        """host:port of a listener: PLAINTEXT, and with security also SASL_PLAINTEXT, SASL_SSL, SSL."""
        return f"127.0.0.1:{self._ports[listener]}"

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("the broker is not running")
        return self._process.pid

    def cpu_seconds(self) -> float:
        """CPU time of the running process, in user mode and in the kernel."""
        return cpu_seconds(self.pid)

    def admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.bootstrap_servers, **QUIET})

    def create_topics(self, partitions: Mapping[str, int], settings: Mapping[str, str] | None = None) -> None:
        create_topics(self.bootstrap_servers, partitions, settings)

    # --- how ----------------------------------------------------------------------------------------------------------

    @property
    def _properties(self) -> Path:
        return self.folder / "server.properties"

    def _format(self) -> None:
        listeners = ("PLAINTEXT",) if self._security is None else self._security.listeners
        self._ports = dict(zip([*listeners, CONTROLLER], free_ports(len(listeners) + 1), strict=True))
        properties = server_properties(self.folder, self._ports, self._security, self._options)
        text = "".join(f"{name}={value}\n" for name, value in properties.items())
        self._properties.write_text(text, encoding="utf-8")
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        command = [*self._java, "kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", str(self._properties)]
        for name, password in ({} if self._security is None else self._security.users).items():
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
                command += ["--add-scram", f"{mechanism}=[name={name},password={password}]"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"the storage of Kafka could not be formatted:\n{done.stdout}{done.stderr}")

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + _START_S_MAX
        admin = AdminClient({"bootstrap.servers": self.bootstrap_servers, **QUIET})
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"Kafka ended with code {self._process.returncode}:\n{self._end_of_log()}")
            try:
                if admin.list_topics(timeout=1).brokers:
                    return
            except KafkaException:
                continue
        raise RuntimeError(f"Kafka did not answer within {_START_S_MAX:.0f} s:\n{self._end_of_log()}")

    def _end_of_log(self) -> str:
        return (self.folder / "server.log").read_text(encoding="utf-8", errors="replace")[-_LOG_SHOWN:]


QUIET: Final[dict[str, Any]] = {
    "log_level": 0,
    "reconnect.backoff.ms": 50,
    "reconnect.backoff.max.ms": 200,
    "topic.metadata.refresh.fast.interval.ms": 50,
}
"""Settings of clients in tests: no lines on standard error while a broker is down, and soon back when it is up."""

IN_ORDER: Final[dict[str, Any]] = {**QUIET, "enable.idempotence": True}
"""Settings of producers in tests: what fails on a topic that is still being made is sent again before what follows it."""


def create_topics(bootstrap_servers: str, partitions: Mapping[str, int], settings: Mapping[str, str] | None) -> None:
    """Create topics with one replica and return when they can be used. Raises KafkaException."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers, **QUIET})
    new = [NewTopic(name, count, 1, config=dict(settings or {})) for name, count in partitions.items()]
    for future in admin.create_topics(new).values():
        future.result()
    deadline = time.monotonic() + _TOPICS_S_MAX
    while not all(_has_leaders(admin, name) for name in partitions):
        if time.monotonic() > deadline:
            raise RuntimeError(
                f"partitions without a leader {_TOPICS_S_MAX:.0f} s after they were created: {partitions}"
            )


def _has_leaders(admin: AdminClient, topic: str) -> bool:
    metadata = admin.list_topics(topic, timeout=_TOPICS_S_MAX).topics[topic]
    return metadata.error is None and all(p.leader >= 0 for p in metadata.partitions.values())


def cpu_seconds(pid: int) -> float:
    """CPU time of a process, from /proc: fields 14 and 15 of proc(5), counted after the name, which may hold spaces."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
