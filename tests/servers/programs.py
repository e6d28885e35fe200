"""Servers and tools of Debian packages that tests run: Prometheus and promtool, Redis, kcat."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.servers.ports import free_ports

PACKAGES: Final = {
    "amtool": "prometheus-alertmanager",
    "kcat": "kcat",
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "redis-server": "redis-server",
}
"""Debian package by program."""

_START_S_MAX: Final = 30.0
_STOP_S_MAX: Final = 10.0


def needs(program: str) -> str:
    """The path of a program; without it the test is skipped with the package that has it."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"no {program} (Debian: {PACKAGES.get(program, program)})")
    return path


@contextmanager
def redis_server(folder: Path) -> Iterator[int]:
    """A Redis that keeps nothing on disk; the value is its port."""
    (port,) = free_ports(1)
    command = [needs("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with _serving(command, folder, lambda: _accepts(port)):
        yield port


@contextmanager
def prometheus_server(folder: Path, configuration: str) -> Iterator[int]:
    """A Prometheus with this configuration (YAML); the value is its port."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "prometheus.yml").write_text(configuration, encoding="utf-8")
    (port,) = free_ports(1)
    command = [
        needs("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    # it takes connections, and answers 503, before it can be asked anything
    with _serving([*command, f"--storage.tsdb.path={folder / 'data'}"], folder, lambda: _says_ready(port)):
        yield port


@contextmanager
def _serving(command: list[str], folder: Path, is_ready: Callable[[], bool]) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "server.log"
    with log.open("wb") as said:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
    try:
        _wait_until(is_ready, process, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until(is_ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_S_MAX
    while time.monotonic() < deadline and process.poll() is None:
        if is_ready():
            return
        time.sleep(0.02)
    raise RuntimeError(f"{process.args!r} does not serve:\n{log.read_text(encoding='utf-8', errors='replace')[-2000:]}")


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _says_ready(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=1).close()
    except urllib.error.HTTPError as error:
        error.close()
        return False
    except OSError:
        return False
    return True
