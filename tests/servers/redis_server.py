"""A real Redis on this machine, to be stopped, killed, frozen, filled and refused by: what tests of the join store do to it.

with RedisServer(folder) as server:
    server.client().set("key", "value")
    server.kill()       # kill -9
    server.restart()    # same port; the data only if it was saved
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import redis

from tests.servers.ports import free_ports

_START_S_MAX: Final = 20.0
_STOP_S_MAX: Final = 10.0


class RedisServer:
    """One Redis on a free port of 127.0.0.1, with its files in `folder`. It ends with the thread that started it.

    options: arguments of redis-server; port: instead of a free one; 0: none, for a server that speaks TLS alone.
    """

    def __init__(self, folder: Path, *options: str, port: int | None = None) -> None:
        self.folder, self._options = folder, options
        self.port = free_ports(1)[0] if port is None else port
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: list[redis.Redis] = []
        self._said = 0  # length of its log when it was last started

    def restart(self, *options: str) -> None:
        """Start, or stop and start again; options are added to those that there are."""
        self.stop()
        self._options = (*self._options, *options)
        self.folder.mkdir(parents=True, exist_ok=True)
        guarded = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        command = [*guarded, "redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        command += ["--save", "", *self._options]
        log_file = self.folder / "server.log"
        self._said = log_file.stat().st_size if log_file.exists() else 0
        with log_file.open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._wait_until_ready()

    def stop(self) -> None:
        """SIGTERM."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_STOP_S_MAX)
            self._process = None

    def kill(self) -> None:
        """SIGKILL, also of a server that is frozen."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """SIGSTOP: connections stay open, and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("redis is not running")
        return self._process.pid

    def client(self, **arguments: Any) -> redis.Redis:
        """A client, to be closed by its user, or with the server."""
        client = redis.Redis(host="127.0.0.1", port=self.port, **arguments)
        self._clients.append(client)
        return client

    def run(self, *command: str | bytes | int) -> Any:
        """Let Redis do one command, as an administrator would."""
        with self.client() as client:
            return client.execute_command(*command)

    def __enter__(self) -> RedisServer:
        self.restart()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients:
            client.close()
        self.kill()

    def _wait_until_ready(self) -> None:
        """Until it has read its data and takes connections."""
        deadline = time.monotonic() + _START_S_MAX
        said = b""
        while self._process is not None and self._process.poll() is None and time.monotonic() < deadline:
            said = (self.folder / "server.log").read_bytes()[self._said :]
            if b"Ready to accept connections" in said:
                return
            time.sleep(0.01)
        raise RuntimeError(f"redis does not serve:\n{said[-2000:].decode(errors='replace')}")


def arguments_for_tls(port: int, certificate: Path, key: Path, ca: Path) -> Sequence[str]:
    """Options of a Redis that also speaks TLS on this port, to clients without certificates too."""
    files = ["--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-ca-cert-file", str(ca)]
    return ["--tls-port", str(port), *files, "--tls-auth-clients", "optional"]
